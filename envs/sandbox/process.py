"""One life of a zygote, seen from outside: start it, give it jobs from any thread, notice its death."""

import contextlib
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any

from envs.base import InfrastructureError

START_SECONDS = 60.0
SEND_SECONDS = 10.0
ROOT = str(Path(__file__).resolve().parents[2])
LARGEST_REPLY = 1 << 26  # bytes

# Nothing of our own environment, tokens least of all, reaches a program. Fixed hashing: sets keep their order.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "PYTHONPATH": ROOT,
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class ZygoteDiedError(Exception):
    """The zygote ended while this job was with it. Says nothing about the job."""


class ZygoteProcess:
    """A running zygote, its process id and its layers. Raises InfrastructureError when it cannot be started.

    `call` may be used by many threads. A thread of its own starts the zygote, because the kernel's parent-death signal
    is sent when the starting *thread* ends, and reads its replies.
    """

    def __init__(
        self, preload: Sequence[str], isolation: str = "confined", layers: Sequence[str] | None = None
    ) -> None:
        self.pid, self.layers = 0, tuple[str, ...]()
        self._group = 0  # of the zygote, what waits for it, and nothing else: each program has its own
        told = json.dumps({"preload": preload, "isolation": isolation, "layers": layers})
        self._channel, theirs = socket.socketpair()
        self._channel.settimeout(SEND_SECONDS)
        self._sending, self._state = threading.Lock(), threading.Lock()
        self._ids = itertools.count(1)
        started: Future[dict[str, Any]] = Future()
        self._waiting: dict[int, Future[dict[str, Any]]] = {0: started}
        self._alive = True
        self._thread = threading.Thread(target=self._live, args=(theirs, told), name="sandbox", daemon=True)
        self._thread.start()
        try:
            reply = started.result(START_SECONDS)
        except TimeoutError:
            self.close()
            raise InfrastructureError(f"the sandbox did not start within {START_SECONDS:g} s") from None
        except (ZygoteDiedError, OSError) as error:
            self.close()
            raise InfrastructureError(f"the sandbox did not start: {error}") from None
        self.pid, self.layers = reply["pid"], tuple(reply["layers"])

    @property
    def alive(self) -> bool:
        return self._alive

    def call(self, job: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The zygote's reply to one job. Raises ZygoteDiedError when it dies, or was killed after `seconds`."""
        reply: Future[dict[str, Any]] = Future()
        number = next(self._ids)
        text = json.dumps({**job, "id": number}).encode()
        with self._state:
            if not self._alive:
                raise ZygoteDiedError("it had ended before the job came")
            self._waiting[number] = reply
        try:
            with self._sending:
                self._channel.sendall(struct.pack(">I", len(text)) + text)
            return reply.result(seconds)
        except (OSError, TimeoutError) as error:
            self.kill()
            self._thread.join(5)  # so that nobody is sent to a dead zygote again
            raise ZygoteDiedError(repr(error)) from None

    def kill(self) -> None:
        """End it now. Its programs die with it."""
        with self._state:
            if self._alive and self._group:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._group, signal.SIGKILL)

    def close(self) -> None:
        """Let it end its programs and itself; kill it if it takes longer than a moment."""
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_WR)
        self._thread.join(2)
        if self._thread.is_alive():
            self.kill()
            self._thread.join(5)

    def _live(self, theirs: socket.socket, told: str) -> None:
        """Start, read until the end, then tell everyone who waits."""
        reason: BaseException = ZygoteDiedError("it ended")
        with tempfile.TemporaryFile() as complaints, self._channel:
            try:
                process = self._start(theirs, told, complaints)
                try:
                    self._read()
                finally:
                    with self._state:  # after wait() the pid may belong to another
                        self._alive = False
                        with contextlib.suppress(ProcessLookupError):
                            os.killpg(process.pid, signal.SIGKILL)
                        process.wait()
                    complaints.seek(0)
                    lines = complaints.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
                    reason = ZygoteDiedError(lines[-1] if lines else f"it ended with exit code {process.returncode}")
            except OSError as error:
                reason = error
            finally:
                with self._state:
                    self._alive = False
                    waiting, self._waiting = self._waiting, {}
                for reply in waiting.values():
                    reply.set_exception(reason)

    def _start(self, theirs: socket.socket, told: str, complaints: IO[bytes]) -> subprocess.Popen[bytes]:
        # -P and -s with an environment of our own isolate as -I does, but -I would ignore PYTHONHASHSEED.
        command = [sys.executable, "-P", "-s", "-B", "-X", "utf8", "-m", "envs.sandbox.zygote"]
        command += [str(theirs.fileno()), str(os.getpid()), told]
        with theirs:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                env=ENVIRONMENT,
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._group = process.pid
        return process

    def _read(self) -> None:
        """Hand every reply to who waits for it, until the zygote closes its end."""
        inbox = bytearray()
        while True:
            try:
                data = self._channel.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:
                return
            inbox += data
            if not data:
                return
            while len(inbox) >= 4:
                size = struct.unpack_from(">I", inbox)[0]
                if size > LARGEST_REPLY:
                    return
                if len(inbox) < 4 + size:
                    break
                reply = json.loads(bytes(inbox[4 : 4 + size]))
                del inbox[: 4 + size]
                with self._state:
                    waiting = self._waiting.pop(reply["id"], None)
                if waiting is not None:
                    waiting.set_result(reply)

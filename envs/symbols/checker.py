"""Judges texts in a child process, which is killed where a check does not end, and replaced."""

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

from envisions.records import Outcome, Problem
from envs.base import InfrastructureError

ROOT = str(Path(__file__).resolve().parents[2])
START_SECONDS, CHECK_SECONDS, TURN_SECONDS = 60.0, 20.0, 50.0
MODULE = "envs.symbols.meaning"  # what the child runs
MEMORY = 4 * 2**30  # bytes of address space
CHECKS = 5000  # of one child, so that no leak lasts
# Nothing of our own environment, tokens least of all, reaches it.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ROOT, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


class ChildDiedError(Exception):
    """The child ended, or was killed, while a check was with it."""


class Checker:
    """One child. May be used by many threads; checks wait for each other. `seconds`: what one check may take."""

    def __init__(self, seconds: float = CHECK_SECONDS) -> None:
        self.seconds = seconds
        self.replaced = 0
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._checks = 0

    def judge(self, problem: Problem, text: str) -> dict[str, str]:
        """Outcome, error and output of a text against a pair. Raises InfrastructureError where no child starts.

        A check that does not end is a verdict on the text once a fresh child has said the same of it.
        """
        setup = problem.setup
        job = {name: setup.get(name) for name in ("language", "definition", "tests")}
        job |= {"gold": problem.answer, "text": text}
        line = json.dumps(job).encode() + b"\n"
        if not self._turn.acquire(timeout=TURN_SECONDS):
            raise InfrastructureError("the checker is busy with other texts; use more environment workers")
        try:
            for _ in range(2):  # once more in a fresh child: the first may have been a victim
                with contextlib.suppress(ChildDiedError):
                    return dict(json.loads(self._ask(line)))
            return {"outcome": Outcome.timed_out, "error": f"its check took more than {self.seconds:g} s"}
        finally:
            self._turn.release()

    def close(self) -> None:
        with self._turn:
            self._end()

    def _ask(self, line: bytes) -> bytes:
        if self._child is None or self._checks >= CHECKS:
            self._end()
            self._start()
        assert self._child is not None
        assert self._child.stdin is not None
        self._checks += 1
        try:
            self._child.stdin.write(line)
            self._child.stdin.flush()
            return self._read(self.seconds if self._checks > 1 else self.seconds + START_SECONDS)
        except (OSError, ChildDiedError) as fault:
            self._end()
            self.replaced += 1
            raise ChildDiedError(str(fault)) from None

    def _read(self, seconds: float) -> bytes:
        assert self._child is not None
        assert self._child.stdout is not None
        read = b""
        while not read.endswith(b"\n"):
            ready, _, _ = select.select([self._child.stdout], [], [], seconds)
            if not ready:
                raise ChildDiedError("it took too long")
            part = os.read(self._child.stdout.fileno(), 2**16)
            if not part:
                raise ChildDiedError("it ended")
            read += part
        return read

    def _start(self) -> None:
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-m", MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                cwd=ROOT,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as fault:
            raise InfrastructureError(f"the checker of symbols cannot start: {fault}") from None
        resource.prlimit(self._child.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
        self._checks = 0

    def _end(self) -> None:
        if self._child is None:
            return
        child, self._child = self._child, None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream:
                stream.close()

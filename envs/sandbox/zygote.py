"""The process that runs programs. Started by exec, it imports what programs need once and forks one child per program.

It has one thread, so that a fork is safe, and imports nothing third-party that it was not told to preload. It speaks
length-prefixed JSON over one socket: a job in, a reply out, many jobs in flight. What a child sends is passed on as
text, never unpickled. What programs are kept from is said in `envs.sandbox.layers`.
"""

import contextlib
import gc
import importlib
import itertools
import json
import math
import os
import selectors
import signal
import socket
import struct
import sys
import time
import warnings
from functools import partial
from typing import Any, NoReturn

from envs.sandbox.child import CONFINED, play
from envs.sandbox.kernel import SUBREAPER, die_with, prctl
from envs.sandbox.layers import Confinement, LayerError, taken
from envs.sandbox.pages import collapse


class Child:
    """One program under way."""

    def __init__(self, job: dict[str, Any], slot: int, pid: int, pipe: int) -> None:
        self.id, self.slot = job["id"], slot
        self.pid, self.pidfd, self.pipe = pid, os.pidfd_open(pid), pipe
        self.started = time.monotonic()
        self.deadline = self.started + job["limits"]["seconds"]
        self.room = 16 * job["limits"]["output_chars"] + 8192  # bytes; more than any honest result takes
        self.data = bytearray()
        self.ended = "exit"

    def kill(self, ended: str) -> None:
        self.ended, self.deadline = ended, math.inf
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


class Zygote:
    """Serves jobs from one socket until the other end closes it."""

    def __init__(self, channel: socket.socket, confinement: Confinement) -> None:
        self.channel, self.inbox, self.confinement = channel, bytearray(), confinement
        self.children: dict[int, Child] = {}
        self.selector = selectors.DefaultSelector()
        self.selector.register(channel, selectors.EVENT_READ, self.receive)
        self.pid = os.getpid()

    def serve(self) -> NoReturn:
        self.send({"id": 0, "pid": self.confinement.pid, "layers": self.confinement.layers})
        while True:
            now = time.monotonic()
            for child in self.children.values():
                if now >= child.deadline:
                    child.kill("timeout")
            wait = min((child.deadline - now for child in self.children.values()), default=math.inf)
            wait = min(wait, 0.05 if self.sweep() else math.inf)
            for key, _ in self.selector.select(None if wait == math.inf else max(0.0, wait)):
                key.data()

    def send(self, reply: dict[str, Any]) -> None:
        text = json.dumps(reply).encode()
        try:
            self.channel.sendall(struct.pack(">I", len(text)) + text)
        except OSError:
            self.leave()

    def receive(self) -> None:
        try:
            data = self.channel.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.leave()
        self.inbox += data
        while len(self.inbox) >= 4 and len(self.inbox) >= 4 + (size := struct.unpack_from(">I", self.inbox)[0]):
            job = json.loads(bytes(self.inbox[4 : 4 + size]))
            del self.inbox[: 4 + size]
            self.fork(job)

    def fork(self, job: dict[str, Any]) -> None:
        try:
            pipe, result = os.pipe()
            slot = next(free for free in itertools.count() if all(free != each.slot for each in self.children.values()))
            pid = os.fork()
            if pid == 0:
                play(job, self.confinement, slot, result, self.pid)
            os.close(result)
            child = Child(job, slot, pid, pipe)
        except OSError as error:
            self.send({"id": job["id"], "fault": repr(error)})
            return
        os.set_blocking(pipe, False)
        self.children[pid] = child
        self.selector.register(child.pidfd, selectors.EVENT_READ, partial(self.finish, child))
        self.selector.register(pipe, selectors.EVENT_READ, partial(self.read, child))

    def read(self, child: Child) -> None:
        """Take what the child has sent so far; one that sends too much is killed."""
        while child.pipe >= 0:
            try:
                data = os.read(child.pipe, 1 << 16)
            except BlockingIOError:
                return
            child.data += data
            if len(child.data) > child.room:
                child.data.clear()
                child.kill("output")
            if not data or child.ended == "output":
                self.selector.unregister(child.pipe)
                os.close(child.pipe)
                child.pipe = -1

    def finish(self, child: Child) -> None:
        """Collect a child that has ended and tell what became of it."""
        self.read(child)
        if child.pipe >= 0:  # a process it forked still holds the other end
            self.selector.unregister(child.pipe)
            os.close(child.pipe)
            child.pipe = -1
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)  # before the pid is free for others
        _, status, usage = os.wait4(child.pid, 0)
        self.selector.unregister(child.pidfd)
        os.close(child.pidfd)
        del self.children[child.pid]
        code = os.waitstatus_to_exitcode(status)
        self.send(
            {
                "id": child.id,
                "confined": child.data[:1] == CONFINED,
                "text": child.data[1:].decode("utf-8", "replace"),
                "ended": child.ended,
                "code": max(code, 0),
                "signal": max(-code, 0),
                "wall": time.monotonic() - child.started,
                "cpu": usage.ru_utime + usage.ru_stime,
                "peak_kib": usage.ru_maxrss,
            }
        )

    def sweep(self) -> bool:
        """Kill and collect orphans: a subreaper inherits what its children left. True while there are any."""
        if self.confinement.strays < 0:  # a kernel that cannot tell
            return False
        pids = map(int, os.pread(self.confinement.strays, 1 << 16, 0).split())
        orphans = [pid for pid in pids if pid not in self.children]
        for pid in orphans:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
        return bool(orphans)

    def leave(self) -> NoReturn:
        for child in self.children.values():
            child.kill("exit")
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            self.children.clear()
            if not self.sweep():
                break
            time.sleep(0.005)
        os._exit(0)


def main() -> None:
    """Arguments: the descriptor of the socket, the pid that started us, and as JSON what `ZygoteProcess` was told."""
    descriptor, parent, told = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    die_with(parent)
    confinement = Confinement(layers(told))
    confinement.enter()
    prctl(SUBREAPER, 1)
    warnings.simplefilter("ignore")
    for name in told["preload"]:
        importlib.import_module(name)
    # Our own modules can be preloaded too, but no program can import more of them from here on.
    ours = os.environ.pop("PYTHONPATH")
    sys.path[:] = [path for path in sys.path if path != ours]
    gc.collect()
    collapse()
    confinement.seal()
    gc.freeze()  # the collector must not touch, and so copy, the pages that all children share
    Zygote(socket.socket(fileno=descriptor), confinement).serve()


def layers(told: dict[str, Any]) -> tuple[str, ...]:
    """The layers to use. Ends the process, with one line, where programs would be less confined than they must be."""
    try:
        names = taken(told["layers"])
    except LayerError as error:
        sys.exit(str(error))
    if "seccomp" not in names and told["isolation"] != "process" and told["layers"] is None:
        sys.exit(
            f'sandbox.isolation is "{told["isolation"]}", which needs seccomp, and this kernel or container has only '
            f'{", ".join(names)}; allow seccomp filters, or set sandbox.isolation = "process" to run without'
        )
    return names


if __name__ == "__main__":
    main()

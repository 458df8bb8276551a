"""What stands between a program and the machine: the layers that this kernel and this container allow.

| layer      | what it keeps from a program                                                                       |
|------------|----------------------------------------------------------------------------------------------------|
| user       | nothing by itself: it lets an ordinary user have the next four                                     |
| ipc, net   | shared memory, queues and host name of others; every network, abstract sockets too                 |
| mount      | every file but Python's and the system's libraries, /proc and path sockets too                     |
| pid        | seeing or reaching other processes; none outlives its zygote                                       |
| landlock   | opening, listing and changing files; TCP (version 4), signals and abstract sockets (version 6)     |
| uid        | signals to other programs, files of the user; makes the limit on processes hold for root           |
| limits     | memory, processor time, size of files, open files and (unless it runs as root) new processes       |
| privileges | root's special rights, and winning any by starting another program                                 |
| seccomp    | all system calls but some 90: processes, threads, sockets, signals, writing, limits, io_uring, ... |

Always, with no layer at all: a session and a process of its own, no descriptor but the one for its result, a clean
environment, a deadline, death by pidfd and process group.

Not covered: a fault of the kernel in a call that is allowed; reading the clock and guessing from it; finding in its own
memory what earlier programs of the same zygote left there (their text and inputs; never a gold answer); claiming any
result for itself. Without "mount", the names, sizes and dates of files; without "limits", the machine's memory; and
without seccomp, whatever the layers that remain do not name: so nothing runs without seccomp unless it is asked for.
"""

import contextlib
import os
import resource
from collections.abc import Callable, Sequence
from typing import Any

from envs.sandbox.kernel import NO_NEW_PRIVS, die_with, drop_capabilities, prctl
from envs.sandbox.landlock import read_only, restrict
from envs.sandbox.namespaces import FLAGS, enter, keep_only, library_paths
from envs.sandbox.seccomp import Filter

LAYERS = ("user", "ipc", "net", "mount", "pid", "landlock", "uid", "limits", "privileges", "seccomp")
FIRST_UID, UIDS, SLOTS = 61184, 4336, 64  # the range that systemd, too, gives to passing users; no file is theirs
RESULT = 3  # a child's only open descriptor beyond 0, 1 and 2
TRIED_WITH = {"memory_mib": 512, "cpu_seconds": 5}


class LayerError(RuntimeError):
    """A layer that was asked for, or that nothing runs without, cannot be had here."""


class Confinement:
    """The layers of one zygote. `enter` before its imports, `seal` after them, `confine` in each of its children."""

    def __init__(self, layers: Sequence[str]) -> None:
        self.layers = tuple(layers)
        self.pid = os.getpid()  # as whoever started the zygote sees it
        self.used = 0  # bytes of address space that the zygote takes
        self.strays = -1  # lists the zygote's children, where the kernel can tell
        self._ruleset = -1
        self._filter: Filter | None = None

    def enter(self) -> None:
        """Go into namespaces of its own. With "pid", what returns is a child of the caller."""
        if FLAGS.keys() & set(self.layers):
            self.pid = enter(self.layers)

    def seal(self) -> None:
        """Prepare all that children share, and lose sight of the machine's files."""
        with open("/proc/self/statm") as file:  # noqa: PTH123 - pathlib is not loaded here
            self.used = int(file.read().split()[0]) * resource.getpagesize()
        with contextlib.suppress(OSError):
            self.strays = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY | os.O_CLOEXEC)
        for kind in (resource.RLIMIT_CORE, resource.RLIMIT_MSGQUEUE, resource.RLIMIT_MEMLOCK):
            resource.setrlimit(kind, (0, 0))
        if "uid" in self.layers:
            os.setgroups([])
        if "mount" in self.layers:
            keep_only(library_paths())
        if "landlock" in self.layers:
            self._ruleset = read_only(library_paths())
        if "seccomp" in self.layers:
            self._filter = Filter()
        if self.layers:
            prctl(NO_NEW_PRIVS, 1)  # landlock and seccomp need it

    def confine(self, limits: dict[str, Any], slot: int, result: int, zygote: int) -> None:
        """Bind the calling process for ever. Any exception means: do not run the program."""
        if "limits" in self.layers:
            set_limits(limits, self.used)
        if self._ruleset >= 0:
            restrict(self._ruleset)
        if "uid" in self.layers:
            become(FIRST_UID + (self.pid * SLOTS + slot) % UIDS)
        elif "privileges" in self.layers:  # who is not root any more has no capability either
            drop_capabilities()
        detach(result)
        if "pid" not in self.layers:  # there the kernel sees to it
            die_with(zygote)
        if self._filter is not None:
            self._filter.install()


def detach(result: int) -> None:
    """Leave the zygote's session and its descriptors, but for /dev/null as 0, 1 and 2, and `result` as 3."""
    os.setsid()
    os.dup2(0, 2)  # the zygote has /dev/null as 0 and 1
    if result != RESULT:
        os.dup2(result, RESULT)
    os.closerange(RESULT + 1, 1 << 20)


def set_limits(limits: dict[str, Any], used: int) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, used + (limits["memory_mib"] << 20)),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(kind, (most, most))


def become(user: int) -> None:
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def taken(wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The layers to use: those that are wanted, each of which must work here, or the most that do (None)."""
    if wanted is None:
        return strongest()
    if unknown := sorted(set(wanted) - set(LAYERS)):
        raise LayerError(f"{unknown[0]!r} is no layer; it must be one of {', '.join(LAYERS)}")
    layers = [name for name in LAYERS if name in wanted]
    for place, name in enumerate(layers, 1):
        if not works(layers[:place]):
            raise LayerError(f"the layer {name!r} is asked for, but this kernel or container forbids it; leave it out")
    return tuple(layers)


def strongest() -> tuple[str, ...]:
    """Every layer that works here, found by trying them one after the other, each in a process of its own."""
    layers = [] if works(["ipc"]) or not works(["user", "ipc"]) else ["user"]
    for name in LAYERS[1:]:
        if works([*layers, name]):
            layers.append(name)
    return tuple(layers)


def works(layers: Sequence[str]) -> bool:
    """Whether a child could take all these layers, and they did to it what they are for."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    try:
        tried = Confinement(layers)
        tried.enter()
        tried.seal()
        tried.confine(TRIED_WITH, 0, 1, os.getppid())
        os._exit(0 if all(EFFECTS[name]() for name in layers if name in EFFECTS) else 1)
    finally:
        os._exit(1)


def refused(attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except OSError:
        return True
    return False


EFFECTS: dict[str, Callable[[], bool]] = {
    "landlock": lambda: refused(lambda: os.listdir("/")),  # noqa: PTH208
    # A Python in root's own folder is out of reach for others, unless "mount" shows it elsewhere.
    "uid": lambda: all(os.access(path, os.R_OK) for path in library_paths()),
    "seccomp": lambda: refused(os.pipe),
}

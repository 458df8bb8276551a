"""Views of the machine that a zygote makes for itself and its programs: processes, network, queues and files."""

import os
import sys
from collections.abc import Collection, Iterable

from envs.sandbox.kernel import (
    BIND,
    NEW_IPC,
    NEW_MOUNT,
    NEW_NET,
    NEW_PID,
    NEW_USER,
    NEW_UTS,
    NO_DEVICES,
    NO_SETUID,
    PRIVATE,
    READ_ONLY,
    RECURSIVE,
    REMOUNT,
    die_with,
    mount,
    system_call,
    unmount,
    unshare,
)

FLAGS = {"net": NEW_NET, "ipc": NEW_IPC | NEW_UTS, "pid": NEW_PID | NEW_MOUNT, "mount": NEW_MOUNT}


def enter(names: Collection[str]) -> int:
    """Leave the machine's namespaces for new ones; gives this process's id as whoever started it sees it.

    With "pid", what returns is a child, the first process of the new namespace, and has the id 1 there.

    The kernel ends all processes of a pid namespace when the first one ends. "user" needs no right and gives, inside,
    the rights that the others need. Must be called while the process has one thread.
    """
    if "user" in names:
        user, group = os.getuid(), os.getgid()
        unshare(NEW_USER)
        for file, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{file}", "w") as map_file:  # noqa: PTH123 - pathlib is not loaded here
                map_file.write(text)
    flags = 0
    for name in FLAGS.keys() & set(names):
        flags |= FLAGS[name]
    unshare(flags)
    if "pid" in names:
        become_first()
    if flags & NEW_MOUNT:
        mount("", "/", flags=RECURSIVE | PRIVATE)
    known_as = int(os.readlink("/proc/self")) if "pid" in names else os.getpid()  # noqa: PTH115
    if "pid" in names:
        mount("proc", "/proc", "proc", NO_SETUID | NO_DEVICES)
    return known_as


def become_first() -> None:
    """Go on as a child, which is in the new pid namespace; the parent only waits for it and ends as it did."""
    parent = os.getpid()
    if child := os.fork():
        os.closerange(3, 1 << 20)  # so that the other end of a socket sees the child's end
        os._exit(abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
    die_with(parent)


def library_paths() -> list[str]:
    """What an import needs to read: Python's own folders and the system's shared libraries. None within another."""
    system = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", os.path.join(sys.base_prefix, "lib")]  # noqa: PTH118
    named = [path for path in [*system, *sys.path] if path.startswith("/") and os.path.exists(path)]  # noqa: PTH110
    return outermost({*named, *map(os.path.realpath, named)} - {"/"})


def outermost(paths: Iterable[str]) -> list[str]:
    """The paths that lie within no other of them."""
    kept: list[str] = []
    for path in sorted(paths, key=lambda each: each.rstrip("/") + "/"):
        if not kept or not f"{path}/".startswith(f"{kept[-1]}/"):
            kept.append(path)
    return kept


def keep_only(paths: Iterable[str], at: str = "/proc") -> None:
    """Make these files and folders, read-only, all that there is: no other name leads anywhere, /proc least of all.

    `at` is any folder that none of them lies in. Paths are created as plain folders, so users who may not enter the
    folder that Python is installed in can still read Python.
    """
    plain = NO_SETUID | NO_DEVICES
    mount("tmpfs", at, "tmpfs", plain, "size=1m,mode=755")
    for path in paths:
        target = at + path
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)  # noqa: PTH103, PTH120
        if os.path.isdir(path):  # noqa: PTH112
            os.mkdir(target)  # noqa: PTH102
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        mount(path, target, flags=BIND | RECURSIVE)
        mount("", target, flags=REMOUNT | BIND | READ_ONLY | plain)
    os.chdir(at)
    system_call("pivot_root", b".", b".")
    unmount(".")
    os.chdir("/")
    mount("", "/", flags=REMOUNT | BIND | READ_ONLY | plain)

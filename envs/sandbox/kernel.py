"""The Linux system calls that Python has no function for. Each raises OSError with its own name when it is refused."""

import ctypes
import os
import signal
from typing import Any

PDEATHSIG, SECCOMP, CAPBSET_DROP, SUBREAPER, NO_NEW_PRIVS = 1, 22, 24, 36, 38  # what prctl does
MACHINE = os.uname().machine
CAPABILITIES_VERSION = 0x20080522
NEW_MOUNT, NEW_UTS, NEW_IPC, NEW_USER, NEW_PID, NEW_NET = (1 << bit for bit in (17, 26, 27, 28, 29, 30))
READ_ONLY, NO_SETUID, NO_DEVICES, REMOUNT, BIND, RECURSIVE, PRIVATE = (1 << bit for bit in (0, 1, 2, 5, 12, 14, 18))
DETACH = 2
NUMBERS = {  # of the calls that the C library has no function for
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
    **{"x86_64": {"pivot_root": 155, "capset": 126}, "aarch64": {"pivot_root": 41, "capset": 91}}.get(MACHINE, {}),
}

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, name: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def system_call(name: str, *arguments: Any) -> int:
    """Call the kernel by number. Integers are passed as 64 bits, which is what the kernel reads."""
    if name not in NUMBERS:
        raise OSError(f"{name}: its number on {MACHINE} is not known")
    wide = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return checked(libc.syscall(ctypes.c_long(NUMBERS[name]), *wide), name)


def prctl(option: int, value: int, pointer: Any = 0) -> None:
    checked(libc.prctl(option, ctypes.c_ulong(value), pointer or ctypes.c_ulong(0), 0, 0), f"prctl({option}, {value})")


def unshare(flags: int) -> None:
    checked(libc.unshare(flags), f"unshare({flags:#x})")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    given = [text.encode() or None for text in (source, target, kind, options)]
    checked(libc.mount(*given[:3], ctypes.c_ulong(flags), given[3]), f"mount({source}, {target})")


def unmount(target: str) -> None:
    """Take it out of sight at once; it ends when nobody uses it any more."""
    checked(libc.umount2(target.encode(), DETACH), f"umount({target})")


def drop_capabilities() -> None:
    """Give up every special right of root. Without new privileges no exec brings one back."""
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    system_call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def die_with(parent: int) -> None:
    """End this process when its parent ends. To be called after the last change of user, which cancels it."""
    prctl(PDEATHSIG, signal.SIGKILL)
    if os.getppid() not in (parent, 0):  # it died before the request was in force; 0: in a pid namespace not ours
        os._exit(1)

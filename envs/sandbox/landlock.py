"""Which files a process may still open, by landlock: a kernel's rule that needs no root and cannot be taken back."""

import ctypes
import os
from collections.abc import Iterable

from envs.sandbox.kernel import system_call

ASK_VERSION, PATH_BENEATH = 1, 1
READ_FILE, READ_DIRECTORY = 1 << 2, 1 << 3
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # version -> number of rights on files that it knows
TCP, SCOPES = 0b11, 0b11  # bind and connect; abstract sockets and signals
RULESET_BYTES = {1: 8, 4: 16, 6: 24}  # the ruleset grew with the versions


class Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("at", ctypes.c_int32))


def version() -> int:
    """The kernel's version of landlock. Raises OSError where it has none."""
    return system_call("landlock_create_ruleset", 0, 0, ASK_VERSION)


def newest(table: dict[int, int], known: int) -> int:
    return table[max(since for since in table if since <= known)]


def read_only(paths: Iterable[str]) -> int:
    """A ruleset, as a file descriptor, under which these files and folders can be read and nothing else be opened.

    From version 4 it also forbids TCP, from version 6 signals and abstract sockets to whoever is not bound by it.
    """
    known = version()
    every = (1 << newest(FILE_RIGHTS, known)) - 1
    rules = Ruleset(every, TCP, SCOPES)
    ruleset = system_call("landlock_create_ruleset", ctypes.byref(rules), newest(RULESET_BYTES, known), 0)
    for path in paths:
        at = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = Beneath(READ_FILE | (READ_DIRECTORY if os.path.isdir(path) else 0), at)  # noqa: PTH112
        system_call("landlock_add_rule", ruleset, PATH_BENEATH, ctypes.byref(rule), 0)
        os.close(at)
    return ruleset


def restrict(ruleset: int) -> None:
    """Bind the calling process, which must have given up new privileges, and all that it will start."""
    system_call("landlock_restrict_self", ruleset, 0)

"""The filter that the kernel runs before each system call of a program: what is not on the list fails with EPERM.

So a program sees a PermissionError that it can report, instead of dying. A call in another machine's numbering (32-bit
calls on x86-64) ends the process; the x32 numbering, whose numbers are large, is refused like all that is not listed.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Sequence
from typing import Any

from envs.sandbox.kernel import MACHINE, SECCOMP, prctl
from envs.sandbox.syscalls import ALLOWED, CONDITIONAL

FILTER_MODE = 2
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # what the kernel calls them
COLUMN = {"x86_64": 0, "aarch64": 1}

# Offsets into what the filter is given: the number, the machine, six arguments of eight bytes (little end first).
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000

READING = os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | 0o100000 | 0o400000
"""Flags of open(2) beside O_RDONLY; the last two are O_LARGEFILE, which C libraries on either machine may set."""
F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC = 0, 1, 2, 3, 1030
TCGETS, FIONCLEX, FIOCLEX = 0x5401, 0x5450, 0x5451
Instruction = tuple[int, int, int, int]  # what to do, jump if true, jump if false, operand


def low(argument: int) -> int:
    return ARGUMENTS + 8 * argument


def high(argument: int) -> int:
    return low(argument) + 4


def no_bit(argument: int, bits: int) -> list[Instruction]:
    """Allow where none of these bits is set in an argument."""
    return [(LOAD, 0, 0, low(argument)), (ANY_BIT, 0, 1, bits), *refuse(), *allow()]


def one_of(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    """Allow where an argument of 32 bits has one of these values."""
    tests = [(EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [(LOAD, 0, 0, low(argument)), *tests, *refuse(), *allow()]


def zero(*offsets: int) -> list[Instruction]:
    """Allow where all these words are zero."""
    tests: list[Instruction] = []
    for place, offset in enumerate(offsets):
        tests += [(LOAD, 0, 0, offset), (EQUAL, 0, 2 * (len(offsets) - place) - 1, 0)]
    return [*tests, *allow(), *refuse()]


def allow() -> list[Instruction]:
    return [(RETURN, 0, 0, ALLOW)]


def refuse() -> list[Instruction]:
    return [(RETURN, 0, 0, REFUSE)]


def conditions() -> dict[str, list[Instruction]]:
    """For each conditional call the instructions that decide it."""
    writing = ~READING & 0xFFFFFFFF
    return {
        "open": no_bit(1, writing),
        "openat": no_bit(2, writing),
        "fcntl": one_of(1, (F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC)),
        "ioctl": one_of(1, (TCGETS, FIONCLEX, FIOCLEX)),
        "prlimit64": zero(low(0), low(2), high(2)),  # its own limits, and no new ones
    }


def instructions(machine: str) -> list[Instruction]:
    """The whole filter for "x86_64" or "aarch64"."""
    column = COLUMN[machine]
    verdicts = {numbers[column]: allow() for numbers in ALLOWED.values()}
    verdicts |= {CONDITIONAL[name][column]: test for name, test in conditions().items()}
    return [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, MACHINES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        *search(sections(verdicts)),
    ]


def sections(verdicts: dict[int, list[Instruction]]) -> list[tuple[int, list[Instruction]]]:
    """The number line cut where the verdict changes: (first number, verdict); what is not listed is refused."""
    cuts = [(0, refuse())]
    for number in sorted(each for each in verdicts if each >= 0):
        for start, verdict in ((number, verdicts[number]), (number + 1, refuse())):
            if cuts[-1][0] == start:
                cuts.pop()
            if not cuts or cuts[-1][1] != verdict:
                cuts.append((start, verdict))
    return cuts


def search(cuts: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """Find a number's section by halving: the kernel tries every number once when a filter is installed."""
    if len(cuts) == 1:
        return cuts[0][1]
    middle = len(cuts) // 2
    below, above = search(cuts[:middle]), search(cuts[middle:])
    return [(AT_LEAST, len(below), 0, cuts[middle][0]), *below, *above]


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


class Filter:
    """A filter, assembled once; by default the one for programs. `install` binds the caller to it for ever."""

    def __init__(self, code: Sequence[Instruction] | None = None) -> None:
        if code is None:
            if MACHINE not in MACHINES:
                raise OSError(f"no list of system calls for {MACHINE}; there is one for {', '.join(MACHINES)}")
            code = instructions(MACHINE)
        self._code = b"".join(struct.pack("<HBBI", *each) for each in code)
        self._program: Any = Program(len(code), self._code)

    def install(self) -> None:
        prctl(SECCOMP, FILTER_MODE, ctypes.byref(self._program))

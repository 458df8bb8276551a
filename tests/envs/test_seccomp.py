"""The filter for system calls, carried out by a few lines of Python, for both machines."""

import os

import pytest

from envs.sandbox import seccomp
from envs.sandbox.seccomp import Instruction
from envs.sandbox.syscalls import ALLOWED, CONDITIONAL


def verdict(code: list[Instruction], number: int, *arguments: int, machine: int) -> int:
    """What the kernel would do: the filter, carried out."""
    words = {seccomp.NUMBER: number, seccomp.ARCHITECTURE: machine}
    for place, argument in enumerate((*arguments, 0, 0, 0, 0, 0, 0)[:6]):
        words |= {seccomp.low(place): argument & 0xFFFFFFFF, seccomp.high(place): argument >> 32}
    place = loaded = 0
    while True:
        what, yes, no, operand = code[place]
        if what == seccomp.RETURN:
            return operand
        place += 1
        if what == seccomp.LOAD:
            loaded = words[operand]
        else:
            tests = {seccomp.EQUAL: loaded == operand, seccomp.AT_LEAST: loaded >= operand}
            place += yes if tests.get(what, bool(loaded & operand)) else no


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_the_filter_allows_exactly_what_is_listed(name: str) -> None:
    code, machine, column = seccomp.instructions(name), seccomp.MACHINES[name], seccomp.COLUMN[name]
    allowed = {numbers[column] for numbers in ALLOWED.values()} - {-1}
    conditional = {numbers[column] for numbers in CONDITIONAL.values()} - {-1}
    for number in set(range(1200)) - conditional | {0x40000000, 0x40000029, 0xFFFFFFFF}:
        expected = seccomp.ALLOW if number in allowed else seccomp.REFUSE
        assert verdict(code, number, machine=machine) == expected, number
    assert verdict(code, 0, machine=0x40000003) == seccomp.KILL
    assert not allowed & conditional


@pytest.mark.parametrize(
    ("call", "arguments", "allowed"),
    [
        ("openat", (-100 & 0xFFFFFFFF, 1, os.O_RDONLY | os.O_CLOEXEC), True),
        ("openat", (3, 1, os.O_WRONLY), False),
        ("openat", (3, 1, os.O_RDWR), False),
        ("openat", (3, 1, os.O_CREAT), False),
        ("openat", (3, 1, os.O_TRUNC), False),
        ("openat", (3, 1, os.O_TMPFILE), False),
        ("openat", (3, 1, os.O_PATH), False),
        ("fcntl", (3, seccomp.F_GETFD), True),
        ("fcntl", (3, seccomp.F_DUPFD_CLOEXEC), True),
        ("fcntl", (3, 8), False),
        ("ioctl", (0, seccomp.TCGETS), True),
        ("ioctl", (0, 0x5412), False),
        ("prlimit64", (0, 7, 0, 1 << 40), True),
        ("prlimit64", (1, 7, 0, 1 << 40), False),
        ("prlimit64", (0, 7, 1, 0), False),
        ("prlimit64", (0, 7, 1 << 32, 0), False),
    ],
)
def test_some_calls_are_allowed_with_some_arguments_only(call: str, arguments: tuple[int, ...], allowed: bool) -> None:
    for name, machine in seccomp.MACHINES.items():
        number = CONDITIONAL[call][seccomp.COLUMN[name]]
        expected = seccomp.ALLOW if allowed else seccomp.REFUSE
        assert verdict(seccomp.instructions(name), number, *arguments, machine=machine) == expected

"""The pages of memory that every fork has to copy the table of: made few, so that forks are fast."""

import ctypes
import resource
from collections.abc import Iterator

from envs.sandbox.kernel import libc

COLLAPSE = 25  # what madvise does, since Linux 6.1
HUGE = 1 << 21  # bytes; the same on x86-64 and, with pages of 4 KiB, on arm64


def collapse() -> None:
    """Gather this process's own memory in huge pages, as far as the kernel can. What a child writes is small again.

    A fork enters each page of its parent in a table of its own, and enters 512 small ones as one huge one. With sympy
    loaded that is a third of all that a program costs.
    """
    if resource.getpagesize() != 4096:
        return
    for start, end in list(own_memory()):
        first, last = -(-start // HUGE) * HUGE, end // HUGE * HUGE
        if first < last:  # an older kernel refuses, and pages stay as they are
            libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), COLLAPSE)


def own_memory() -> Iterator[tuple[int, int]]:
    """Start and end of what is written to and lies in no file."""
    with open("/proc/self/maps") as maps:  # noqa: PTH123 - pathlib is not loaded here
        for line in maps:
            addresses, rights, _, _, node, *_ = line.split()
            if rights == "rw-p" and node == "0":
                start, _, end = addresses.partition("-")
                yield int(start, 16), int(end, 16)

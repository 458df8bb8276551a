"""Programs one after the other while the zygote is killed now and then: none is lost, nothing piles up."""

import itertools
import os
import random
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from envs.sandbox.sandbox import Limits, Sandbox

PATIENT = Limits(seconds=20, cpu_seconds=10)
KINDS = (  # program, what it must become
    ("def solution(n): return n * n", "ok"),
    ("def solution(n): return [n] * n", "ok"),
    ("def solution(n): return 1 / 0", "error"),
    ("def solution(n):\n    import os\n    os._exit(n % 2)", "no_result"),
    ("def solution(n):\n    import ctypes\n    ctypes.string_at(0)", "killed"),
    ("def solution(n): return 'a' * 10**6", "output"),
    ("def solution(n): return [0] * 10**12", "memory"),
)


@contextmanager
def killer(sandbox: Sandbox, seconds: float) -> Iterator[list[int]]:
    """Kills the zygote of a sandbox again and again; gives the ids of those it killed."""
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.wait(seconds):
            pid = sandbox.pid
            if pid and pid not in killed:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def one(sandbox: Sandbox, number: int) -> bool:
    program, status = KINDS[number % len(KINDS)]
    n = random.Random(number).randrange(50)
    run = sandbox.run(program, args=[n], limits=PATIENT)
    values = {0: n * n, 1: [n] * n}
    return run.status == status and run.value == values.get(number % len(KINDS))


def open_descriptors(pid: int | str | None) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def own_children() -> set[str]:
    return {pid for tasks in Path("/proc/self/task").glob("*/children") for pid in tasks.read_text().split()}


@pytest.mark.parametrize("least", [300, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_a_killed_zygote_loses_no_program_and_nothing_is_left(least: int) -> None:
    before = own_children()
    with Sandbox() as sandbox:
        assert one(sandbox, 0)
        descriptors = open_descriptors("self")
        with killer(sandbox, 1.0) as killed, ThreadPoolExecutor(4) as threads:
            for batch in itertools.count():
                numbers = range(batch * 50, batch * 50 + 50)
                right = threads.map(partial(one, sandbox), numbers)
                assert all(right)
                if batch == 4:
                    size = resident_pages(os.getpid())
                if batch * 50 >= least and len(killed) >= 3:
                    break
        assert one(sandbox, 0)
        assert sandbox.restarts >= 3
        assert open_descriptors("self") == descriptors
        assert len(own_children() - before) == 1
        assert resident_pages(os.getpid()) < 1.1 * size
    assert own_children() <= before


def test_a_zygote_does_not_grow_with_what_it_has_run() -> None:
    with Sandbox() as sandbox:
        sizes = []
        for _ in range(3):
            assert all(one(sandbox, number) for number in range(70))
            sizes.append((open_descriptors(sandbox.pid), resident_pages(sandbox.pid)))
        assert sandbox.restarts == 0
        assert sizes[0][0] == sizes[-1][0]
        assert sizes[-1][1] < sizes[0][1] * 1.05


def resident_pages(pid: int | None) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])

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
import time
from pathlib import Path
from typing import Any

import psutil

from envisions.records import Outcome, Problem
from envs.base import InfrastructureError

ROOT = str(Path(__file__).resolve().parents[2])
START_SECONDS, TURN_SECONDS = 120.0, 50.0
CHECK_SECONDS, WALL_SECONDS = 20.0, 50.0  # of one check: processor time, which no load changes, and wall clock
LOOK_SECONDS = 0.5  # between two looks at the processor time
HOW = ("meaning", "plan", "scene", "table")  # the checks that the child does
NEEDED = ("language", "definition", "check", "tests", "scene", "result")  # of a setup
MODULE = "envs.symbols.meaning"  # what the child runs
MEMORY = 4 * 2**30  # bytes of address space
CHECKS = 5000  # of one child, so that no leak lasts
# Nothing of our own environment, tokens least of all, reaches it.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ROOT, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


class ChildDiedError(Exception):
    """The child ended, or was killed, while a check was with it."""


class Checker:
    """One child. May be used by many threads; checks wait for each other.

    seconds, wall: processor time and wall clock that one check may take.
    """

    def __init__(self, seconds: float = CHECK_SECONDS, wall: float = WALL_SECONDS) -> None:
        self.seconds, self.wall = seconds, wall
        self.replaced = 0
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._checks = 0

    def start(self) -> None:
        """Have the child ready. Raises InfrastructureError where it cannot be had."""
        with self._turn:
            if self._child is None:
                self._start()

    def judge(self, problem: Problem, text: str) -> dict[str, Any]:
        """Outcome, error and output of a text against a pair. Raises InfrastructureError where no child starts.

        A check that does not end is a verdict on the text once a fresh child has said the same of it.
        """
        setup = problem.setup
        job = {name: setup.get(name) for name in NEEDED}
        job |= {"gold": problem.answer, "text": text}
        line = json.dumps(job).encode() + b"\n"
        if not self._turn.acquire(timeout=TURN_SECONDS):
            raise InfrastructureError("the checker is busy with other texts; use more environment workers")
        try:
            for _ in range(2):  # once more in a fresh child: the first may have been a victim
                with contextlib.suppress(ChildDiedError):
                    return dict(json.loads(self._ask(line)))
            return {"outcome": Outcome.timed_out, "error": "its check did not come to an end"}
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
            return self._read(self.seconds, self.wall)
        except (OSError, ChildDiedError) as fault:
            self._end()
            self.replaced += 1
            raise ChildDiedError(str(fault)) from None

    def _read(self, seconds: float, wall: float) -> bytes:
        """A line of the child's, which has so much processor time and wall clock for it."""
        assert self._child is not None
        assert self._child.stdout is not None
        begun, spent, read = time.monotonic(), self._spent(), b""
        while not read.endswith(b"\n"):
            ready, _, _ = select.select([self._child.stdout], [], [], min(LOOK_SECONDS, wall))
            if not ready:
                if time.monotonic() - begun > wall or self._spent() - spent > seconds:
                    raise ChildDiedError("it took too long")
                continue
            part = os.read(self._child.stdout.fileno(), 2**16)
            if not part:
                raise ChildDiedError("it ended")
            read += part
        return read

    def _spent(self) -> float:
        """Processor time of the child and of its children that have ended."""
        assert self._child is not None
        try:
            return sum(psutil.Process(self._child.pid).cpu_times()[:4])
        except psutil.Error:
            raise ChildDiedError("it ended") from None

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
        try:
            self._read(START_SECONDS, START_SECONDS)
        except ChildDiedError as fault:
            self._end()
            raise InfrastructureError(f"the checker of symbols did not start: {fault}") from None

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

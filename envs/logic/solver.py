"""z3 in a process of its own, which is killed when it hangs and replaced after some hundred jobs."""

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from envs.base import InfrastructureError
from envs.logic.printing import smtlib
from envs.logic.refuting import Found
from envs.logic.syntax import Formula

ROOT = str(Path(__file__).resolve().parents[2])
START_SECONDS, JOB_SECONDS, END_SECONDS = 60.0, 20.0, 5.0
JOBS = 500  # of one process, so that no leak lasts
COST = 1_000  # z3's units of work for one of ours
# Nothing of our own environment, tokens least of all, reaches it.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ROOT, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


class SolverDiedError(Exception):
    """The solver process ended, or was killed, while a job was with it."""


class Z3:
    """Says whether formulas can all be true. May be used by many threads; jobs wait for each other."""

    name = "z3"

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._jobs = 0
        self.replaced = 0

    def refute(self, premises: Sequence[Formula], questions: Sequence[Formula], budget: int) -> list[Found]:
        """For each question, whether the premises contradict it. Raises InfrastructureError when z3 cannot be started.

        One job for all questions: most of its time is the start of a context.
        """
        text = smtlib([*premises, *questions])
        job = json.dumps({"smtlib": text, "questions": len(questions), "budget": budget * COST})
        if not self._turn.acquire(timeout=2 * (START_SECONDS + JOB_SECONDS)):
            raise InfrastructureError("z3 is busy with other programs; use more environment workers")
        try:
            for _ in range(2):  # once more in a fresh process: the first may have been a victim
                with contextlib.suppress(SolverDiedError):
                    return [Found(one["status"], one["evidence"]) for one in self._ask(job)["found"]]
            why = f"z3 ended twice, or took longer than {JOB_SECONDS:g} s"
            return [Found("unknown", {"why": why}) for _ in questions]
        finally:
            self._turn.release()

    def close(self) -> None:
        """End the process."""
        process, self._process, self._jobs = self._process, None, 0
        if process is None:
            return
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        for stream in (process.stdin, process.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()

    def _ask(self, job: str) -> dict[str, Any]:
        if self._jobs >= JOBS:
            self.close()
        process = self._process or self._start()
        self._jobs += 1
        try:
            assert process.stdin is not None
            process.stdin.write(f"{job}\n")
            process.stdin.flush()
            return self._reply(process, JOB_SECONDS)
        except (OSError, SolverDiedError) as fault:
            self.replaced += 1
            self.close()
            raise SolverDiedError(str(fault)) from None

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-s", "-B", "-X", "utf8", "-m", "envs.logic.z3_child"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
            cwd="/",
            text=True,
            start_new_session=True,
        )
        try:
            self._reply(self._process, START_SECONDS)
        except SolverDiedError as fault:
            self.close()
            raise InfrastructureError(f"z3 did not start: {fault}; install it: pip install z3-solver") from None
        return self._process

    def _reply(self, process: subprocess.Popen[str], seconds: float) -> dict[str, Any]:
        """One line of its output, read from the bare file so that no call can block."""
        assert process.stdout is not None
        handle, deadline, data = process.stdout.fileno(), time.monotonic() + seconds, b""
        while not data.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([handle], [], [], left)[0]:
                raise SolverDiedError(f"no answer within {seconds:g} s")
            piece = os.read(handle, 1 << 16)
            if not piece:
                raise SolverDiedError("it ended")
            data += piece
        reply: dict[str, Any] = json.loads(data)
        return reply

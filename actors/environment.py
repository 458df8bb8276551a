"""One environment worker: executes programs in killable processes of its own, and is itself replaceable."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from envisions.records import Feedback, Problem
from envs.base import Environment

PARALLEL = 4  # programs at once, where an environment does not say


class EnvironmentWorker:
    """Owns one live environment. `build` makes it in the worker's own process."""

    def __init__(self, build: Callable[[], Environment]) -> None:
        self._environment = build()
        self._lock = Lock()
        self._outcomes: Counter[str] = Counter()
        self._seconds = {"program": 0.0, "verify": 0.0}
        self.parallel = getattr(self._environment, "parallel", PARALLEL)

    async def start(self) -> Mapping[str, Any]:
        """What the environment says of itself; refuses to serve where programs must not be run."""
        return await asyncio.to_thread(self._environment.start)

    def execute(self, problem: Problem, program: str) -> Feedback:
        """The environment's verdict; raises InfrastructureError when the machine broke. Called from several threads."""
        start = time.perf_counter()
        feedback = self._environment.execute(problem, program)
        whole = time.perf_counter() - start
        program_seconds = min(feedback.seconds, whole)
        with self._lock:
            self._outcomes[feedback.outcome] += 1
            self._seconds["program"] += program_seconds
            self._seconds["verify"] += whole - program_seconds
        return feedback

    def status(self) -> dict[str, Any]:
        """Executions by outcome, how many run at once, and the seconds of programs and of judging what they gave."""
        with self._lock:
            return {"outcomes": dict(self._outcomes), "parallel": self.parallel, "seconds": dict(self._seconds)}

    def close(self) -> None:
        self._environment.close()

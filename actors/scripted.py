"""Stand-ins without engine or Ray, behind the same interfaces: for tests of speed-critical logic and of faults.

A scripted policy writes what a function of (problem's prompt, seed, version) says; a scripted learner makes the next
version. They say nothing about any model.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from actors.engine import Sampling
from actors.fleet import Fleet, FleetConfig
from envisions.records import Candidate, Example, Weights, text_fingerprint
from learner.config import LearnConfig
from learner.engine import TrainResult

Script = Callable[[str, int, int], str]  # prompt, seed, version -> completion


class ScriptedGenerator:
    """Obeys actors.generator.Generator: the same calls, texts from a script."""

    def __init__(self, script: Script, weights: str) -> None:
        self.script = script
        self.weights = Weights(**json.loads(Path(weights).read_text()))

    async def sample(self, prompt: str, seed: int, sampling: Sampling, version: int | None = None) -> Candidate:
        await asyncio.sleep(seed % 7 / 1000)  # so that completions overtake each other
        text = self.script(prompt, seed, self.weights.version)
        tokens = tuple(text.encode())
        return Candidate(
            text=text,
            tokens=tokens,
            logprob=_score(text),
            weights=self.weights.version,
            seed=seed,
            finish="stop",
            prompt=text_fingerprint(prompt),
        )

    async def score(self, examples: Sequence[Example], version: int | None = None) -> list[float]:
        return [_score(example.completion) for example in examples]

    async def load(self, weights: Weights) -> None:
        self.weights = weights


def _score(text: str) -> float:
    return -1.0 - sum(text.encode()) % 97 / 97


class ScriptedLearner:
    """Obeys actors.learner.LearnerGang: keeps the lessons it was given, and numbers the versions."""

    name = "learner"

    def __init__(self, config: LearnConfig, fleet: FleetConfig, base: str) -> None:
        self.base = base
        self.lessons: dict[int, tuple[Example, ...]] = {}

    async def train(
        self, examples: Sequence[Example], version: int, folder: str, seed: int, start_from: str
    ) -> TrainResult:
        self.lessons[version] = tuple(examples)
        return TrainResult(
            weights=Weights(version=version, path=self.base, fingerprint=f"scripted-{version}"),
            loss=(1.0 / version,),
            steps=((0, tuple(example.id for example in examples)),),
            dropped=(),
            tokens=sum(len(example.completion) for example in examples),
            seconds=0.0,
        )

    async def progress(self) -> dict[str, float]:
        return {}

    async def ready(self) -> list[dict[str, object]]:
        return []

    async def close(self) -> None: ...


class InProcess(Fleet):
    """A fleet of plain objects in this very process."""

    def __init__(self, name: str, objects: list[Any], deadline: float) -> None:
        super().__init__(name, objects, deadline)
        self._turn = 0

    async def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._turn += 1
        return await self._ask(self._handles[self._turn % len(self._handles)], method, args)

    async def call_each(self, method: Callable[..., Any], *args: Any) -> list[Any]:
        return [await self._ask(each, method, args) for each in self._handles]

    async def _ask(self, which: Any, method: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        bound = getattr(which, method.__name__)
        if asyncio.iscoroutinefunction(bound):
            return await asyncio.wait_for(bound(*args), self.deadline)
        return await asyncio.wait_for(asyncio.to_thread(bound, *args), self.deadline)

    async def ready(self) -> list[dict[str, Any]]:
        return []

    async def close(self) -> None:
        for each in self._handles:
            if hasattr(each, "close"):
                each.close()


def launch_in_process(
    name: str, cls: type, args: tuple[Any, ...], config: FleetConfig, *, restarts: int = -1
) -> InProcess:
    """Like actors.fleet.launch, without Ray."""
    return InProcess(name, [cls(*args) for _ in range(config.count)], config.deadline)

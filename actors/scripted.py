"""Stand-ins without engine or Ray, behind the same interfaces: for tests of speed-critical logic and of faults.

A scripted policy writes what a function of (problem's prompt, seed, version) says; a scripted learner makes the next
version. They say nothing about any model.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

from actors.engine import Sampling
from actors.fleet import Fleet, FleetConfig
from actors.health import Vitals
from actors.mailbox import Look, timed
from actors.spans import RECORD
from envisions.records import Candidate, Example, Weights, text_fingerprint
from learner.config import LearnConfig
from learner.engine import TrainResult

Script = Callable[[str, int, int], str]  # prompt, seed, version -> completion


class ScriptedGenerator:
    """Obeys actors.generator.Generator: the same calls, texts from a script."""

    def __init__(self, script: Script, weights: str) -> None:
        self.script = script
        self.weights = Weights(**json.loads(Path(weights).read_text()))
        self._sampled = self._scored = 0

    async def sample(self, prompt: str, seed: int, sampling: Sampling, version: int | None = None) -> Candidate:
        await asyncio.sleep(seed % 7 / 1000)  # so that completions overtake each other
        text = self.script(prompt, seed, self.weights.version)
        tokens = tuple(text.encode())
        self._sampled += len(tokens)
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
        self._scored += sum(len(example.completion) for example in examples)
        return [_score(example.completion) for example in examples]

    async def load(self, weights: Weights) -> None:
        self.weights = weights

    async def probe(self) -> float:
        return 0.0

    def status(self) -> dict[str, Any]:
        tokens = {"sampled": self._sampled, "scored": self._scored}
        return {"state": "serving", "version": self.weights.version, "tokens": tokens, "mismatch": 0.0}


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


class Direct:
    """A line to an object in this very process."""

    def __init__(self, name: str, obj: Any) -> None:
        self.name, self.object = name, obj
        self.vitals = Vitals()
        self.load = 0
        self.answered = 0
        self.busy_seconds = 0.0

    async def call(self, method: str, args: tuple[Any, ...], deadline: float) -> Any:
        bound = getattr(self.object, method)
        self.load += 1
        begun = time.perf_counter()
        try:
            with RECORD.call(f"{self.name.rpartition('-')[0]}.{method}", self.name) as call:
                if iscoroutinefunction(bound):
                    return await asyncio.wait_for(bound(*args), deadline)
                value, ran_from = await asyncio.wait_for(asyncio.to_thread(timed, bound, args), deadline)
                call.ran = time.perf_counter() - ran_from
                return value
        finally:
            self.load -= 1
            self.answered += 1
            self.busy_seconds += time.perf_counter() - begun


class InProcess(Fleet):
    """A fleet of plain objects in this very process: the same calls, retries and spans, without Ray."""

    def __init__(self, name: str, names: Sequence[str], deadline: float, start: Callable[[str], Any]) -> None:
        super().__init__(name, names, deadline, start)
        self._direct: dict[str, Direct] = {}

    @property
    def lines(self) -> list[Any]:
        for name in self.names:
            if name not in self._direct:
                self._direct[name] = Direct(name, self.handle(name))
        return [self._direct[name] for name in self.names]

    async def look(self, name: str, members: Mapping[str, Sequence[str]], seconds: float) -> Look:
        line = next(line for line in self.lines if line.name == name)
        status = line.object.status() if hasattr(line.object, "status") else {}
        return Look(
            incarnation=name,
            host="here",
            ready=True,
            running=line.load,
            answered=line.answered,
            busy_seconds=line.busy_seconds,
            status=status,
        )

    async def ready(self) -> list[dict[str, Any]]:
        return []

    def replace(self, name: str) -> None:
        self._handles[name] = self._start(name) if self._start else None
        self._direct.pop(name, None)

    async def retire(self, name: str) -> None:
        del self._handles[name]

    async def renew(self, name: str) -> None:
        self.replace(name)

    async def close(self) -> None:
        for each in self._handles.values():
            if hasattr(each, "close"):
                each.close()


def launch_in_process(
    name: str, cls: type, args: tuple[Any, ...], config: FleetConfig, *, restarts: int = -1
) -> InProcess:
    """Like actors.fleet.launch, without Ray."""
    names = [f"{name}-{i}" for i in range(config.count)]
    return InProcess(name, names, config.deadline, lambda name: cls(*args))

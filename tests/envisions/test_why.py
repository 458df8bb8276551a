"""Eight planted bottlenecks in real loops with scripted parts: each is named, and the seconds add up."""

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.environment import EnvironmentWorker
from actors.memory import Memory
from actors.scripted import ScriptedGenerator, ScriptedLearner, launch_in_process
from actors.spans import RECORD
from envisions import loop
from envisions.activity import Activity
from envisions.config import RunConfig
from envisions.records import Candidate, Feedback, IterationReport, Outcome, Problem, Weights
from envisions.why import why
from envisions.wiring import LiveParts
from envs.math.world import MathWorld
from learner.engine import TrainResult

ROOT = Path(__file__).parents[2]


class Policy(ScriptedGenerator):
    """Writes programs that differ; one engine of `sequences`, each of which takes `seconds`."""

    def __init__(self, weights: str, seconds: float = 0.0, load_seconds: float = 0.0) -> None:
        super().__init__(lambda prompt, seed, version: f"def solution():\n    return {seed}\n", weights)
        self.seconds, self.load_seconds = seconds, load_seconds
        self.sequences = asyncio.Semaphore(4)

    async def sample(self, *args: Any) -> Candidate:
        async with self.sequences:
            await asyncio.sleep(self.seconds)
        return await super().sample(*args)

    async def load(self, weights: Weights) -> None:
        await asyncio.sleep(self.load_seconds)
        await super().load(weights)


class ToyEnvironment:
    parallel = 4

    def __init__(self, program: float = 0.001, verify: float = 0.0) -> None:
        self.program, self.verify = program, verify

    def start(self) -> dict[str, Any]:
        return {}

    def execute(self, problem: Problem, program: str) -> Feedback:
        time.sleep(self.program + self.verify)
        return Feedback(outcome=Outcome.accepted if len(program) % 2 else Outcome.rejected, seconds=self.program)

    def close(self) -> None: ...


class SlowMemory(Memory):
    lock = threading.Lock()

    def add(self, *args: Any) -> int:
        with self.lock:
            time.sleep(0.15)
        return super().add(*args)


class SlowLearner(ScriptedLearner):
    async def train(self, *args: Any) -> TrainResult:
        await asyncio.sleep(1.2)
        result = await super().train(*args)
        fields = {name: getattr(result, name) for name in TrainResult.__slots__}
        return TrainResult(**{**fields, "seconds": 1.2, "saving": 1.0})


def run_file(**sections: Any) -> RunConfig:
    return RunConfig.model_validate(
        {
            "run": {"name": "slow", "model": str(ROOT / "examples/base"), "iterations": 1},
            "world": {
                "problems": 10,
                "train": {"name": "stories", "count": 30, "seed": 1},
                "test": {"stories": {"name": "stories", "count": 2, "seed": 2}},
            },
            "explore": {"samples": 2, "in_flight": 8},
            "engine": {"max_sequences": 8},
            **sections,
        }
    )


def train(folder: Path, config: RunConfig, policy: Any, environment: Any, memory: Any, learner: Any) -> float:
    """One iteration; the seconds it took, as an onlooker's watch has them."""

    def launch(name: str, cls: type, args: tuple[Any, ...], fleet: Any) -> Any:
        replaced = {
            "environment": (EnvironmentWorker, (environment,)),
            "memory": (memory, args),
            "generator": (policy, args[1:]),
        }
        return launch_in_process(name, *replaced.get(name, (cls, args)), fleet)

    async def drive() -> float:
        world = MathWorld(config.world, config.run.seed)
        parts = LiveParts(config, world, folder, Activity(), launch=launch, generator=policy, learner=learner)
        await parts.start()
        ends = []
        try:
            async for event in loop.self_train(parts, iterations=1):
                if isinstance(event, IterationReport):
                    ends.append(time.perf_counter())
        finally:
            await parts.close()
        return ends[1] - ends[0]

    RECORD.drain()
    return asyncio.run(drive())


def one_slow_of_four() -> Callable[[], ToyEnvironment]:
    number = itertools.count()
    return lambda: ToyEnvironment(0.3 if next(number) == 2 else 0.001)


def slow_policy(**seconds: float) -> Callable[[str], Policy]:
    return lambda weights: Policy(weights, **seconds)


FOUR = {"actors": {"environment": {"count": 4, "cores": 0.1}}}
CASES: dict[str, tuple[str, dict[str, Any], Any, Any, Any, Any]] = {
    "slow environment": ("environment", {}, Policy, lambda: ToyEnvironment(0.15), Memory, ScriptedLearner),
    "slow verifier": ("verifier", {}, Policy, lambda: ToyEnvironment(0.001, 0.15), Memory, ScriptedLearner),
    "slow sync": ("weight sync", {}, slow_policy(load_seconds=1.2), ToyEnvironment, Memory, ScriptedLearner),
    "starved learner": ("generator", {}, slow_policy(seconds=0.1), ToyEnvironment, Memory, ScriptedLearner),
    "tiny service": (
        "service",
        {"explore": {"samples": 2, "in_flight": 1}, "engine": {"max_sequences": 64}},
        slow_policy(seconds=0.05),
        ToyEnvironment,
        Memory,
        ScriptedLearner,
    ),
    "slow memory": ("memory", {}, Policy, ToyEnvironment, SlowMemory, ScriptedLearner),
    "one bad node": ("environment-2", FOUR, Policy, one_slow_of_four(), Memory, ScriptedLearner),
    "checkpoint pause": ("checkpoint", {}, Policy, ToyEnvironment, Memory, SlowLearner),
}


@pytest.mark.parametrize("case", CASES)
def test_the_planted_bottleneck_is_named_and_the_seconds_add_up(case: str, tmp_path: Path) -> None:
    named, sections, *parts = CASES[case]
    seconds = train(tmp_path, run_file(**sections), *parts)
    flow = json.loads((tmp_path / "logs" / "waterfall-1.json").read_text())
    total = sum(bar["seconds"] for bar in flow["bars"])
    assert total == pytest.approx(flow["seconds"], rel=1e-6)
    assert total == pytest.approx(seconds, rel=0.01, abs=0.05)
    text = "\n".join(why(tmp_path))
    assert f"the bottleneck is {named}" in text, text


def test_a_trajectory_can_be_followed_from_actor_to_actor_in_the_timeline(tmp_path: Path) -> None:
    train(tmp_path, run_file(), Policy, ToyEnvironment, Memory, ScriptedLearner)
    events = json.loads((tmp_path / "logs" / "timeline-1.json").read_text())["traceEvents"]
    begun = [event for event in events if event["ph"] == "b"]
    traces = {event["args"]["trace"] for event in begun}
    problem = next(trace for trace in traces if trace.count("/") == 1 and trace.startswith("explore-1/"))
    asked = [event["name"] for event in begun if event["args"]["trace"] == f"{problem}/0/explore"]
    assert sorted(asked) == ["environment.execute", "generator.sample"]
    assert {e["name"] for e in begun if e["args"]["trace"] == problem} == {"service.explore", "memory.add"}
    assert {"explore 1", "learn 1", "load 1", "evaluate 1"} <= {e["name"] for e in events if e["ph"] == "X"}
    ended = {(event["cat"], event["id"]): event["ts"] for event in events if event["ph"] == "e"}
    assert all(ended[event["cat"], event["id"]] >= event["ts"] for event in begun)


def test_a_folder_that_tells_nothing_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="tells of no iteration; give the folder of a run"):
        list(why(tmp_path))

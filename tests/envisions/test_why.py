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
from scripted_run import Policy, ToyEnvironment, run_file

from actors.environment import EnvironmentWorker
from actors.memory import Memory
from actors.scripted import ScriptedLearner, launch_in_process
from actors.spans import RECORD
from envisions import loop
from envisions.activity import Activity, Stage
from envisions.config import RunConfig
from envisions.why import why
from envisions.wiring import LiveParts
from envs.math.world import MathWorld
from learner.engine import TrainResult


class SlowMemory(Memory):
    lock = threading.Lock()

    def add(self, *args: Any) -> int:
        with self.lock:
            time.sleep(0.15)
        return super().add(*args)


class SlowLearner(ScriptedLearner):
    async def train(self, *args: Any) -> TrainResult:
        await asyncio.sleep(3.0)
        result = await super().train(*args)
        fields = {name: getattr(result, name) for name in TrainResult.__slots__}
        return TrainResult(**{**fields, "seconds": 3.0, "saving": 2.7})


class Timed(Activity):
    """Looks at another watch whenever an iteration ends."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def ended(self) -> list[Stage]:
        self.ends.append(time.perf_counter())
        return super().ended()


def train(folder: Path, config: RunConfig, policy: Any, environment: Any, memory: Any, learner: Any) -> float:
    """One iteration; the seconds it took, as an onlooker's watch has them."""

    def launch(name: str, cls: type, args: tuple[Any, ...], fleet: Any) -> Any:
        replaced = {
            "environment": (EnvironmentWorker, (environment,)),
            "memory": (memory, args),
            "generator": (policy, args),
        }
        return launch_in_process(name, *replaced.get(name, (cls, args)), fleet)

    async def drive() -> float:
        world = MathWorld(config.world, config.run.seed)
        activity = Timed()
        parts = LiveParts(config, world, folder, activity, launch=launch, generator=policy, learner=learner)
        await parts.start()
        try:
            async for _ in loop.self_train(parts, iterations=1):
                pass
        finally:
            await parts.close()
        return activity.ends[1] - activity.ends[0]

    RECORD.drain()
    return asyncio.run(drive())


def one_slow_of_four() -> Callable[[], ToyEnvironment]:
    number = itertools.count()
    return lambda: ToyEnvironment(1.0 if next(number) == 2 else 0.001)


def slow_policy(**seconds: float) -> Callable[[Any, str], Policy]:
    return lambda engine, weights: Policy(engine, weights, **seconds)


FOUR = {"actors": {"environment": {"count": 4, "cores": 0.1}}}
CASES: dict[str, tuple[str, dict[str, Any], Any, Any, Any, Any]] = {
    "slow environment": ("environment", {}, Policy, lambda: ToyEnvironment(0.15), Memory, ScriptedLearner),
    "slow verifier": ("verifier", {}, Policy, lambda: ToyEnvironment(0.001, 0.15), Memory, ScriptedLearner),
    "slow sync": ("weight sync", {}, slow_policy(load_seconds=3.0), ToyEnvironment, Memory, ScriptedLearner),
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
    assert total == pytest.approx(seconds, rel=0.01)
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
    around = {event["name"] for event in begun if event["args"]["trace"] == problem}
    assert around == {"service.explore", "memory.dispatch", "memory.add"}
    assert {"explore 1", "learn 1", "load 1", "evaluate 1"} <= {e["name"] for e in events if e["ph"] == "X"}
    ended = {(event["cat"], event["id"]): event["ts"] for event in events if event["ph"] == "e"}
    assert all(ended[event["cat"], event["id"]] >= event["ts"] for event in begun)


def test_a_folder_that_tells_nothing_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="tells of no iteration; give the folder of a run"):
        list(why(tmp_path))

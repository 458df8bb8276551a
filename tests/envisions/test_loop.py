"""The whole loop without engine or Ray: real problems, sandbox, memory and selection; a scripted policy and learner."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from builders import tiny_model

from actors.scripted import ScriptedGenerator, ScriptedLearner, launch_in_process
from envisions import loop
from envisions.activity import Activity
from envisions.config import RunConfig
from envisions.records import IterationReport
from envisions.wiring import LiveParts
from envs.math import drafts, stories
from envs.math.sources import load
from envs.math.world import MathWorld
from pool.store import Store


def config(model: Path, *, name: str = "looped", counts: dict[str, int] | None = None, **sections: Any) -> RunConfig:
    actors = {kind: {"count": count, "cores": 0.1} for kind, count in (counts or {}).items()}
    return RunConfig.model_validate(
        {
            "run": {"name": name, "model": str(model), "iterations": 2, "seed": 3},
            "world": {
                "problems": 12,
                "train": {"name": "stories", "count": 30, "seed": 1},
                "test": {"stories": {"name": "stories", "count": 10, "seed": 2}},
            },
            "explore": {"samples": 3, "in_flight": 4},
            "actors": actors,
            **sections,
        }
    )


def scripted(run: RunConfig) -> Any:
    """A policy that is right one time in five at first, and oftener with every version."""
    world = MathWorld(run.world, run.run.seed)
    everything = [*load(run.world.train, "train"), *load(run.world.test["stories"], "stories")]

    def script(prompt: str, seed: int, version: int) -> str:
        problem = next(p for p in everything if p.question in prompt)
        dice = random.Random(seed)
        right = dice.random() < 0.2 + 0.3 * version
        text = stories.solution(problem) if right else drafts.expression(drafts.operands(problem), dice)
        return world.completion(problem, drafts.program(problem, text, dice, 0.3))

    return script


def train(run: RunConfig, folder: Path, *, stop_after: int | None = None) -> tuple[list[Any], LiveParts]:
    """Run the loop (or `stop_after` events of it); its events, and its parts."""

    async def drive() -> tuple[list[Any], LiveParts]:
        script = scripted(run)
        parts = LiveParts(
            run,
            MathWorld(run.world, run.run.seed),
            folder,
            Activity(),
            launch=launch_in_process,
            generator=lambda engine, weights: ScriptedGenerator(script, weights),
            learner=ScriptedLearner,  # type: ignore[arg-type]
        )
        await parts.start()
        events = []
        try:
            async for event in loop.self_train(parts, iterations=run.run.iterations):
                events.append(event)
                if len(events) == stop_after:
                    break
        finally:
            await parts.close()
        return events, parts

    return asyncio.run(drive())


def reports(events: list[Any]) -> list[IterationReport]:
    return [event for event in events if isinstance(event, IterationReport)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"))


def test_the_loop_reports_the_base_and_then_every_iteration(model: Path, tmp_path: Path) -> None:
    events, _ = train(config(model), tmp_path)
    base, first, second = reports(events)
    assert [base.iteration, first.iteration, second.iteration] == [0, 1, 2]
    assert base.accuracy["stories"].n == 10
    assert first.problems == 12
    assert first.attempts == 12 * 3 * 2
    assert sum(first.outcomes.values()) == first.attempts
    assert 0 < first.solved <= 12
    assert first.lessons["right"] >= first.solved
    assert first.lessons["dropped"] == 0
    assert second.weights.version == 2
    assert second.accuracy["stories"].value > base.accuracy["stories"].value


def test_the_same_seed_gives_the_same_lessons_whatever_the_number_of_actors(model: Path, tmp_path: Path) -> None:
    lessons = []
    for i, counts in enumerate(({}, {"environment": 4}, {"service": 2, "generator": 2})):
        _, parts = train(config(model, counts=counts), tmp_path / str(i))
        lessons.append(parts.learner.lessons)  # type: ignore[attr-defined]
    assert lessons[0][1]
    assert lessons[0] == lessons[1] == lessons[2]


@pytest.mark.parametrize("events_before_the_stop", [1, 5, 13, 14, 20])
def test_a_run_that_was_stopped_anywhere_goes_on_to_the_same_end(
    model: Path, tmp_path: Path, events_before_the_stop: int
) -> None:
    whole, unbroken = train(config(model), tmp_path / "whole")
    train(config(model), tmp_path / "broken", stop_after=events_before_the_stop)
    rest, resumed = train(config(model), tmp_path / "broken")
    assert reports(rest)[-1].accuracy == reports(whole)[-1].accuracy
    assert reports(rest)[-1].outcomes == reports(whole)[-1].outcomes
    assert resumed.learner.lessons[2] == unbroken.learner.lessons[2]  # type: ignore[attr-defined]


def test_a_finished_run_does_nothing_more(model: Path, tmp_path: Path) -> None:
    train(config(model), tmp_path)
    events, _ = train(config(model), tmp_path)
    assert events == []


ADAPTIVE = {"samples": 3, "in_flight": 4, "adaptive": {"size": 1, "most": 6, "enough": 2, "hopeless": 0.2}}


def drawn(folder: Path, iteration: int) -> list[tuple[str, int]]:
    with Store(folder / "memory.sqlite", read_only=True) as store:
        return [(t.key.problem, t.key.slot) for t in store.attempts(iterations=[iteration], kinds=["explore"])]


def test_rounds_share_one_budget_and_a_cut_off_run_draws_the_same(model: Path, tmp_path: Path) -> None:
    run = config(model, explore=ADAPTIVE)
    train(run, tmp_path / "whole")
    train(run, tmp_path / "broken", stop_after=17)  # among the later rounds of the first iteration
    assert 12 < len(drawn(tmp_path / "broken", 1)) < len(drawn(tmp_path / "whole", 1))
    train(run, tmp_path / "broken")
    for iteration in (1, 2):
        whole = drawn(tmp_path / "whole", iteration)
        assert whole == drawn(tmp_path / "broken", iteration)
        assert len(whole) <= 3 * 12
        slots = Counter(problem for problem, _ in whole)
        assert len(slots) == 12
        assert min(slots.values()) < 3 < max(slots.values())


def test_a_curriculum_chooses_anew_from_what_memory_holds_and_an_earlier_run_tells_it_more(
    model: Path, tmp_path: Path
) -> None:
    chosen = {}
    for name, earlier in (("first", []), ("again", []), ("taught", ["first"])):
        choice = {"size": 9, "earlier": [str(tmp_path / run) for run in earlier]}
        run = config(model, name=name, curriculum=choice)
        train(run, tmp_path / name)
        chosen[name] = [sorted({problem for problem, _ in drawn(tmp_path / name, i)}) for i in (1, 2)]
    assert chosen["first"] == chosen["again"]
    assert [len(problems) for problems in chosen["first"]] == [9, 9]
    assert chosen["first"][0] != chosen["first"][1]
    assert chosen["taught"][0] != chosen["first"][0]

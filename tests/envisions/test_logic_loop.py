"""A run in the logic world: the same loop, chosen by the name of the world, and its measures in the reports."""

import asyncio
import json
import random
from pathlib import Path

from builders import tiny_model
from templated import program

from actors.scripted import ScriptedGenerator, ScriptedLearner, launch_in_process
from envisions import loop, report
from envisions.activity import Activity
from envisions.config import RunConfig
from envisions.records import IterationReport
from envisions.wiring import LiveParts
from envisions.worlds import WORLDS


def config(model: Path) -> RunConfig:
    theories = {"name": "theories", "count": 24, "depth": 1, "seed": 1}
    world = {"name": "logic", "problems": 12, "train": theories, "test": {"theories": {**theories, "count": 12}}}
    return RunConfig.model_validate(
        {
            "run": {"name": "logic", "model": str(model), "iterations": 2, "seed": 3},
            "world": world,
            "explore": {"samples": 3, "in_flight": 4},
        }
    )


def test_a_run_in_the_logic_world_reports_labels_beside_verified_answers(tmp_path: Path) -> None:
    run = config(tiny_model(tmp_path / "model"))
    world = WORLDS[run.world.name].world(run.world, run.run.seed)
    everything = [*world.problems("train", 1), *world.problems("train", 2), *world.problems("theories", 0)]

    def script(prompt: str, seed: int, version: int) -> str:
        """Right ever more often, else without its rules: some labels are right all the same."""
        problem = next(one for one in everything if all(part in prompt for part in one.question.split("\n")))
        text = program(problem.setup["context"], problem.setup["asked"])
        if random.Random(seed).random() > 0.2 + 0.4 * version:
            facts, _, rest = text.partition("Rules:\n")
            text = f"{facts}{rest[rest.index('Query:') :]}"
        return world.completion(problem, text)

    async def train() -> list[IterationReport]:
        parts = LiveParts(
            run,
            world,
            tmp_path / "run",
            Activity(),
            launch=launch_in_process,
            generator=lambda engine, weights: ScriptedGenerator(script, weights),
            learner=ScriptedLearner,  # type: ignore[arg-type]
        )
        await parts.start()
        try:
            return [
                event
                async for event in loop.self_train(parts, iterations=run.run.iterations)
                if isinstance(event, IterationReport)
            ]
        finally:
            await parts.close()

    base, _, last = asyncio.run(train())
    assert list(base.accuracy) == ["theories", "theories.label", "theories.verified"]
    assert base.accuracy["theories"] == base.accuracy["theories.verified"]
    assert base.accuracy["theories.label"].value > base.accuracy["theories.verified"].value
    assert last.accuracy["theories.verified"].value > base.accuracy["theories.verified"].value
    lines = [json.loads(line) for line in report.lines([base, last]).splitlines()]
    assert lines[0]["accuracy"]["theories.label"]["n"] == 12

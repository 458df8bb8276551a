"""A run in the world of symbols: the whole loop with the languages' verifiers, and the evolved test set beside."""

import asyncio
import random
from pathlib import Path

from builders import tiny_model

from actors.scripted import ScriptedGenerator, ScriptedLearner, launch_in_process
from envisions import loop
from envisions.activity import Activity
from envisions.config import RunConfig, load
from envisions.records import IterationReport
from envisions.wiring import LiveParts
from envisions.worlds import WORLDS

ROOT = Path(__file__).parents[2]


def test_a_run_in_the_world_of_symbols_reports_both_test_sets(tmp_path: Path) -> None:
    test = {"tasks": ["scan"], "count": 5}
    run = RunConfig.model_validate(
        {
            "run": {"name": "symbols", "model": str(tiny_model(tmp_path / "model")), "iterations": 1, "seed": 3},
            "world": {
                "name": "symbols",
                "problems": 8,
                "train": {"tasks": ["scan", "last-letter"], "count": 8},
                "test": {"original": test, "evolved": {**test, "evolved": 1.0, "styles": ["random"]}},
            },
            "explore": {"samples": 2, "in_flight": 4},
        }
    )
    world = WORLDS[run.world.name].world(run.world, run.run.seed)
    tests = [one for name in ("original", "evolved") for one in world.problems(name, 0)]
    answers = {world.prompt(one): one.answer for one in (*world.problems("train", 1), *tests)}

    def script(prompt: str, seed: int, version: int) -> str:
        """Gold ever more often, under original names; under others what it has always written."""
        asked = next(known for known in answers if prompt.startswith(known.removesuffix("```\n")))
        right = random.Random(seed).random() < 0.3 + 0.6 * version and "I_JUMP" in asked
        return f"{answers[asked] if right else 'I_WALK'}\n```"

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
            events = [event async for event in loop.self_train(parts, iterations=1)]
            return [event for event in events if isinstance(event, IterationReport)]
        finally:
            await parts.close()

    base, last = asyncio.run(train())
    assert list(base.accuracy) == ["original", "evolved"]
    assert last.accuracy["original"].value > last.accuracy["evolved"].value == 0
    assert last.lessons["right"] > 0


def test_the_run_files_of_the_example_are_read() -> None:
    config = load(ROOT / "examples" / "symbols.toml")
    assert config.world.name == "symbols"
    assert set(config.world.test) == {"original", "evolved", "length"}

"""The grid of strategies on a scripted policy: cells once each, equal budgets, a table that names a planted winner."""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import tiny_model

from actors.scripted import ScriptedGenerator, ScriptedLearner, launch_in_process
from envisions.activity import Activity
from envisions.config import RunConfig
from envisions.loop import self_train
from envisions.wiring import LiveParts
from envs.math.world import MathWorld

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import strategies as benchmark

RUN = """
[run]
name = "small"
model = "model"
iterations = 1

[world]
problems = 4

[world.train]
name = "stories"
count = 8
seed = 1

[world.test.stories]
name = "stories"
count = 20
seed = 1

[explore]
samples = 2
"""
SKILL = {"envisions": 0.9, "iter-sft": 0.2}  # how often the policy is right once it was trained


def scripted(run: RunConfig, given: Sequence[str], folder: Path, limit: float) -> bool:
    """The run in this process, with a policy that is right as often as the strategy is to be good."""
    world = MathWorld(run.world, run.run.seed)
    answers = {p.question: p.answer for name in ("train", "stories") for p in world.problems(name, 1)}

    def write(prompt: str, seed: int, version: int) -> str:
        question = next(question for question in answers if question in prompt)
        dice = random.Random(f"{question}/{seed}/{version}")
        right = dice.random() < (SKILL[run.run.strategy] if version else 0.5)
        return f"\n    return {answers[question] if right else 'None'}\n```"

    async def drive() -> None:
        learner: Any = ScriptedLearner
        parts = LiveParts(
            run,
            world,
            folder,
            Activity(),
            launch=launch_in_process,
            generator=lambda engine, weights: ScriptedGenerator(write, weights),
            learner=learner,
        )
        await parts.start()
        try:
            async for _ in self_train(parts, iterations=run.run.iterations):
                pass
        finally:
            await parts.close()

    asyncio.run(drive())
    return True


def test_cells_are_run_once_at_equal_budgets_and_the_table_names_the_winner(tmp_path: Path) -> None:
    tiny_model(tmp_path / "model")
    (tmp_path / "run.toml").write_text(RUN)
    grid = {"math": benchmark.Field(str(tmp_path / "run.toml"), strategies=("envisions", "iter-sft"))}
    cells = [benchmark.Cell("math", name, seed) for seed in (1, 2) for name in SKILL]
    ran = []

    def how(run: RunConfig, *rest: Any) -> bool:
        ran.append(run.run.name)
        return scripted(run, *rest)

    found = list(benchmark.run_cells(cells[:3], tmp_path / "to", grid, how=how))
    found = list(benchmark.run_cells(cells, tmp_path / "to", grid, how=how))
    assert ran == [cell.name for cell in cells]  # none twice
    assert {cell["attempts"] for cell in found} == {4 * 4}  # 2 and their refinements, or 4
    assert {cell["settings"]["explore.samples"] for cell in found} == {2, 4}
    held = json.loads((tmp_path / "to" / "math-iter-sft-2.json").read_text())
    assert {"date", "versions", "hardware", "verdicts", "tokens", "seconds"} <= held.keys()
    assert len(held["verdicts"]) == 20

    first, second = benchmark.table(found, draws=500)
    assert (first["strategy"], first["rank"], second["strategy"]) == ("envisions", 1, "iter-sft")
    assert first["seeds"] == second["seeds"] == [1, 2]
    assert second["envisions_more"]["low"] > 0.2
    assert second["envisions_more"]["mean"] == pytest.approx(first["accuracy"] - second["accuracy"])
    lines = benchmark.markdown([first, second]).splitlines()
    assert len(lines) == 4
    assert "| math | 1 | envisions |" in lines[2]


def test_a_difference_that_is_there_is_found_and_one_that_is_not_is_not() -> None:
    dice = np.random.default_rng(1)
    base = dice.random((3, 400)) < 0.6
    better = base | (dice.random((3, 400)) < 0.3)
    same = dice.random((3, 400)) < 0.6
    found = benchmark.difference(better, base, draws=1000)
    assert 0 < found["low"] < found["mean"] < found["high"]
    assert found["p"] < 0.01
    none = benchmark.difference(same, base, draws=1000)
    assert none["low"] < 0 < none["high"]
    assert none["p"] > 0.05
    assert benchmark.difference(base, base, draws=100) == {"mean": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}


def test_every_strategy_of_the_grid_can_be_asked_for(tmp_path: Path) -> None:
    for world, place in benchmark.GRID.items():
        for name in place.strategies:
            run = benchmark.load(*_split(benchmark.arguments(benchmark.Cell(world, name, 1), benchmark.GRID, tmp_path)))
            assert run.run.strategy == name
            assert benchmark.programs(run) == benchmark.programs(benchmark.load(benchmark.ROOT / place.run_file))


def _split(given: list[str]) -> tuple[str, list[str]]:
    return given[0], given[1:]

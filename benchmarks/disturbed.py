"""A self-training that can be disturbed: real Ray, sandbox and memory, a policy by lot, a learner that only counts.

    python benchmarks/disturbed.py FOLDER --iterations 3 --problems 60          on the Ray of $RAY_ADDRESS
    python benchmarks/disturbed.py FOLDER --alone ...                           in this one process: nothing to kill

The same arguments give the same accepted programs, whatever happens on the way: chaos.py holds it to that.
"""

import asyncio
import random
from pathlib import Path
from typing import Annotated, Any

import typer

from actors.fleet import launch
from actors.scripted import ScriptedGenerator, ScriptedLearner, launch_in_process
from envisions import cluster
from envisions.activity import Activity
from envisions.config import RunConfig
from envisions.loop import self_train
from envisions.records import IterationReport
from envisions.wiring import LiveParts
from envs.math import drafts, stories
from envs.math.sources import load
from envs.math.world import MathWorld

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = 3


def config(iterations: int, problems: int, spread: bool) -> RunConfig:
    """`spread`: over two machines that offer `environment` and `generator`, beside one that keeps the rest."""
    small = {"cores": 0.1, "memory_gib": 0.1}
    twice = {kind: {**small, "count": 2, "node": kind if spread else ""} for kind in ("environment", "generator")}
    return RunConfig.model_validate(
        {
            "run": {"name": "disturbed", "model": str(ROOT / "examples/base"), "iterations": iterations, "seed": 3},
            "world": {
                "problems": problems,
                "train": {"name": "stories", "count": iterations * problems, "seed": 1},
                "test": {"stories": {"name": "stories", "count": 10, "seed": 2}},
            },
            "explore": {"samples": SAMPLES, "in_flight": 8},
            "actors": {**twice, **dict.fromkeys(("service", "memory", "learner"), small)},
        }
    )


def policy(run: RunConfig, pause: float) -> type[ScriptedGenerator]:
    """Right one time in five at first, and oftener with every version; each program takes `pause` seconds."""
    world = MathWorld(run.world, run.run.seed)
    everything = [*load(run.world.train, "train"), *load(run.world.test["stories"], "stories")]

    def script(prompt: str, seed: int, version: int) -> str:
        problem = next(p for p in everything if p.question in prompt)
        dice = random.Random(seed)
        right = dice.random() < 0.2 + 0.1 * min(version, 6)
        text = stories.solution(problem) if right else drafts.expression(drafts.operands(problem), dice)
        return world.completion(problem, drafts.program(problem, text, dice, 0.3))

    class Policy(ScriptedGenerator):
        def __init__(self, engine: Any, weights: str) -> None:
            super().__init__(script, weights)

        async def sample(self, *args: Any) -> Any:
            await asyncio.sleep(pause)
            return await super().sample(*args)

    return Policy


async def train(run: RunConfig, folder: Path, alone: bool, pause: float) -> None:
    parts = LiveParts(
        run,
        MathWorld(run.world, run.run.seed),
        folder,
        Activity(),
        launch=launch_in_process if alone else launch,
        generator=policy(run, 0.0 if alone else pause),  # type: ignore[arg-type]
        learner=ScriptedLearner,  # type: ignore[arg-type]
    )
    await parts.start()
    try:
        async for event in self_train(parts, iterations=run.run.iterations):
            if isinstance(event, IterationReport):
                print(
                    f"iteration {event.iteration}: {event.solved}/{event.problems}, {dict(event.retries)}", flush=True
                )
    finally:
        await parts.close()


def main(
    folder: Path,
    iterations: Annotated[int, typer.Option()] = 3,
    problems: Annotated[int, typer.Option(help="In each iteration.")] = 60,
    alone: Annotated[bool, typer.Option(help="In this process, without Ray.")] = False,
    pause: Annotated[float, typer.Option(help="Seconds that a program takes to be written.")] = 0.2,
) -> None:
    run = config(iterations, problems, spread=not alone)
    folder.mkdir(parents=True, exist_ok=True)
    if not alone:
        cluster.connect(run.run.name, folder / "logs")
    asyncio.run(train(run, folder, alone, pause))


if __name__ == "__main__":
    typer.run(main)

"""A small run of scripted parts, and the parts: here, so that processes of Ray can import them."""

import asyncio
import time
from pathlib import Path
from typing import Any

from actors.scripted import ScriptedGenerator
from envisions.config import RunConfig
from envisions.records import Candidate, Feedback, Outcome, Problem, Weights

ROOT = Path(__file__).parents[1]


class Policy(ScriptedGenerator):
    """Writes programs that differ; one engine of `sequences`, each of which takes `seconds`."""

    def __init__(self, engine: Any, weights: str, seconds: float = 0.0, load_seconds: float = 0.0) -> None:
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
        outcome = Outcome.accepted if sum(program.encode()) % 2 else Outcome.rejected
        return Feedback(outcome=outcome, seconds=self.program)

    def close(self) -> None: ...


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

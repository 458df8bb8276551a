"""The learner gang: one actor a rank, formed before the first training, and formed anew when a rank is lost."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from actors.delivery import DeliveredRank
from actors.fleet import ATTEMPTS, Fleet, FleetConfig, launch
from envisions.records import Example
from envs.base import InfrastructureError
from learner.config import LearnConfig
from learner.engine import LearnerRank, TrainResult


class LearnerGang:
    """DeepSpeed ranks that train together. They hold no state: a training continues from its newest checkpoint."""

    name = "learner"

    def __init__(self, config: LearnConfig, fleet: FleetConfig, base: str) -> None:
        self.config, self.base = config, base
        self._fleet_config = fleet
        self._ranks: Fleet | None = None

    async def train(
        self, examples: Sequence[Example], version: int, folder: str, seed: int, start_from: str
    ) -> TrainResult:
        """New weights in `folder`. The loss of a rank ends the gang, and a new one takes the training up again."""
        for attempt in range(ATTEMPTS):
            try:
                ranks = await self._formed()
                results = await ranks.call_each(LearnerRank.train, examples, version, folder, seed, start_from)
                return replace(results[0], retries=attempt)
            except InfrastructureError:
                if attempt == ATTEMPTS - 1:
                    raise
                await self.close()
        raise AssertionError("unreachable")

    async def progress(self) -> dict[str, float]:
        """Step, steps, loss and tokens of the training under way; empty when there is none."""
        if self._ranks is None:
            return {}
        try:
            return await self._ranks.lines[0].call(LearnerRank.progress.__name__, (), 10)
        except (InfrastructureError, TimeoutError):  # whoever awaits train() hears of it
            return {}

    async def ready(self) -> list[dict[str, object]]:
        """Process ids and hosts of the ranks, in their order."""
        return await (await self._formed()).ready()

    async def close(self) -> None:
        if self._ranks is not None:
            ranks, self._ranks = self._ranks, None
            await ranks.kill()

    async def _formed(self) -> Fleet:
        if self._ranks is None:
            world_size = self._fleet_config.count
            ranks = launch(
                "learner",
                DeliveredRank,
                lambda rank: (self.config, self.base, rank, world_size),
                self._fleet_config,
                restarts=0,  # a rank that comes back alone is of no use to the others
            )
            try:
                host, port = await ranks.lines[0].call(LearnerRank.rendezvous.__name__, (), 120)
                await asyncio.wait_for(ranks.call_each(LearnerRank.join, host, port), self.config.deadline)
            except BaseException:
                await ranks.kill()
                raise
            self._ranks = ranks
        return self._ranks

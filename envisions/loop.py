"""Self-training, as the paper tells it."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from envisions.records import Accuracy, Example, IterationReport, Problem, Progress, Weights


class Trained(Protocol):
    """What the learner returns."""

    @property
    def weights(self) -> Weights: ...
    @property
    def loss(self) -> tuple[float, ...]: ...
    @property
    def tokens(self) -> int: ...
    @property
    def dropped(self) -> tuple[str, ...]: ...
    @property
    def retries(self) -> int: ...


class Parts(Protocol):
    """The verbs of the loop; wiring.py gives them live actors, tests give them plain objects."""

    base: Weights

    async def reports(self) -> list[IterationReport]: ...
    async def problems(self, iteration: int) -> Sequence[Problem]: ...
    def explore(self, problems: Sequence[Problem], iteration: int, weights: Weights) -> AsyncIterator[Progress]: ...
    async def lessons(self, iteration: int, weights: Weights) -> Sequence[Example]: ...
    async def learn(self, lessons: Sequence[Example], iteration: int, weights: Weights) -> Trained: ...
    async def load(self, weights: Weights) -> None: ...
    async def evaluate(self, iteration: int, weights: Weights) -> dict[str, Accuracy]: ...
    async def commit(self, report: IterationReport) -> IterationReport: ...


async def self_train(parts: Parts, *, iterations: int) -> AsyncIterator[Progress | IterationReport]:
    """Run the iterations that have no report yet; yields progress, and each report once it is committed.

    An iteration exists when its report is committed. The state is exactly (memory, weights), so a run that was
    interrupted anywhere is continued by calling this again.
    """
    reports = await parts.reports()
    if not reports:
        await parts.load(parts.base)
        accuracy = await parts.evaluate(0, parts.base)
        reports = [await parts.commit(IterationReport(iteration=0, weights=parts.base, accuracy=accuracy))]
        yield reports[0]
    weights = reports[-1].weights
    await parts.load(weights)

    for iteration in range(len(reports), iterations + 1):
        clock = Clock()
        with clock("explore"):  # sample, execute, refine, execute; every attempt is in memory when its problem ends
            async for progress in parts.explore(await parts.problems(iteration), iteration, weights):
                clock.retries.update(progress.retries)
                yield progress
        with clock("select"):  # self-reward, filter, candidate pool
            lessons = await parts.lessons(iteration, weights)
        with clock("learn"):  # L1 on right solutions, L2 on wrong -> right
            trained = await parts.learn(lessons, iteration, weights)
        with clock("load"):
            await parts.load(weights := trained.weights)
        with clock("evaluate"):
            accuracy = await parts.evaluate(iteration, weights)
        report = IterationReport(
            iteration=iteration,
            weights=weights,
            accuracy=accuracy,
            lessons={"dropped": len(trained.dropped)},  # too long for a row
            loss=trained.loss,
            tokens={"trained": trained.tokens},
            seconds=clock.seconds,
            retries=dict(clock.retries + Counter(learner=trained.retries)),
        )
        yield await parts.commit(report)


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.retries: Counter[str] = Counter()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[stage] = time.perf_counter() - start

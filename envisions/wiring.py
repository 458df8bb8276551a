"""From a run file to live parts, and from live parts to the verbs of the loop. The only file that knows every class."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from actors.delivery import DeliveredGenerator, deliver
from actors.environment import EnvironmentWorker
from actors.fleet import ATTEMPTS, Fleet, launch
from actors.generator import Generator
from actors.learner import LearnerGang
from actors.memory import Memory
from actors.reward import RewardService
from actors.watch import Watch, Watched
from envisions import trackers
from envisions.activity import Activity
from envisions.config import RunConfig
from envisions.files import write_aside
from envisions.meters import Meters
from envisions.observer import Observer
from envisions.records import Accuracy, AttemptKey, Example, IterationReport, Problem, Progress, Weights
from envisions.worlds import WORLDS
from envs.base import InfrastructureError, World
from learner import weights
from learner.base import adopt
from learner.engine import TrainResult

SCORES_PER_CALL = 16
PASSES = 3
PROBES = {"generator": Generator.probe}


def checked(config: RunConfig) -> World:
    """The world of a run, its problems read and its model looked at: what is wrong with them stops the run here."""
    trackers.require(config.track)
    weights.check_folder(weights.resolve(config.run.model))
    world = WORLDS[config.world.name].world(config.world, config.run.seed)
    world.problems("train", 1)
    return world


class LiveParts:
    """The loop's verbs, carried out by Ray actors. Every part is built in `start` and put away in `close`."""

    def __init__(
        self,
        config: RunConfig,
        world: World,
        folder: Path,
        activity: Activity,
        *,
        launch: Callable[..., Fleet] = launch,
        generator: Callable[..., Any] = DeliveredGenerator,
        learner: Callable[..., LearnerGang] = LearnerGang,
        meters: Callable[[], Meters] | None = None,
    ) -> None:
        self.config, self.folder, self.activity = config, folder, activity
        self._launch, self._generator, self._learner, self._meters = launch, generator, learner, meters
        self._observer = Observer(config, folder / "logs", activity)
        self._watch = Watch([], self._observer.notice)
        self.world = world
        self.base = adopt(config.run.model, folder / "weights" / "0")
        self._current = folder / "weights" / "current.json"  # what a restarted generator must hold
        self._loaded = -1

    async def start(self, *, learner: bool = True) -> None:
        """Start every actor and wait until each serves; the learner can be left out where nothing is learnt."""
        config, actors, world = self.config, self.config.actors, self.world
        store = str(self.folder / "memory.sqlite")
        self.memory = self._launch("memory", Memory, (store, world, config.select), actors.memory)
        self._point_at(await self._newest())
        self.generators = self._launch(
            "generator", self._generator, (config.engine, str(self._current)), actors.generator
        )
        environment = partial(WORLDS[config.world.name].environment, config.world, config.sandbox)
        self.environments = self._launch("environment", EnvironmentWorker, (environment,), actors.environment)
        rest = (self.generators, self.environments, self.memory, config.explore, config.run.name, config.run.seed)
        self.services = self._launch("service", RewardService, (world, *rest), actors.service)
        self.learner = self._learner(config.learn, actors.learner, self.base.path)
        self.fleets = (self.services, self.environments, self.generators, self.memory)
        kinds: list[Any] = [*self.fleets, self.learner] if learner else [*self.fleets]
        self._observer.meters = self._meters() if self._meters is not None else None
        self._watch = Watch(
            [
                Watched(fleet=fleet, config=getattr(actors, fleet.name), probe=PROBES.get(fleet.name))
                for fleet in self.fleets
            ],
            self._observer.notice,
        )
        self._watch.start()
        everyone = await asyncio.gather(*(kind.ready() for kind in kinds))
        who = {kind.name: processes for kind, processes in zip(kinds, everyone, strict=True)}
        write_aside(self.folder / "logs" / "actors.json", json.dumps(who, indent=1))

    async def close(self) -> None:
        await self._watch.close()
        self._observer.close()
        await self.learner.close()
        for fleet in self.fleets:
            await fleet.close()

    # The verbs, in the order of the loop

    async def reports(self) -> list[IterationReport]:
        return await self.memory.call(Memory.reports)

    async def problems(self, iteration: int) -> Sequence[Problem]:
        return self.world.problems("train", iteration)

    def explore(self, problems: Sequence[Problem], iteration: int, weights: Weights) -> AsyncIterator[Progress]:
        return self._spread("explore", RewardService.explore, problems, iteration, weights)

    async def lessons(self, iteration: int, weights: Weights) -> Sequence[Example]:
        """The self-reward of what has to be ranked, under the current weights; then the pool's selection."""
        self.activity.begin("select", iteration)
        scores = await self._scores(await self.memory.call(Memory.to_score, iteration))
        return await self.memory.call(Memory.lessons, iteration, scores)

    async def learn(self, lessons: Sequence[Example], iteration: int, weights: Weights) -> TrainResult:
        if not lessons:
            raise RuntimeError(
                f"iteration {iteration} found no right program to learn from; raise explore.samples or world.problems, "
                "or start from a stronger run.model"
            )
        start = weights if self.config.learn.start == "continued" else self.base
        folder = self.folder / "weights" / str(iteration)
        seed = AttemptKey("", iteration, "", 0, "learn").seed(self.config.run.seed)
        self.activity.begin("learn", iteration)
        watching = asyncio.create_task(self._watch_learner())
        try:
            trained = await self.learner.train(lessons, iteration, str(folder), seed, start.path)
        finally:
            watching.cancel()
        await asyncio.to_thread(deliver, trained.weights.path, f"{self.learner.name}-0")
        self._observer.learned(trained.seconds, trained.saving)
        steps = [(step, lesson) for step, lessons_of_step in trained.steps for lesson in lessons_of_step]
        await self.memory.call(Memory.save_steps, iteration, steps)
        return trained

    async def load(self, weights: Weights) -> None:
        """Every generator holds and has attested these weights when this returns."""
        if weights.version == self._loaded:
            return
        self.activity.begin("load", weights.version)
        self._observer.newest = weights.version
        self._point_at(weights)  # first, so that a generator that dies now comes back with them
        for attempt in range(ATTEMPTS):
            try:
                await self.generators.call_each(Generator.load, weights)
                self._loaded = weights.version
                return
            except InfrastructureError:
                if attempt == ATTEMPTS - 1:
                    raise
                self.generators.retries["lost"] += 1
                await self.generators.ready()

    async def evaluate(self, iteration: int, weights: Weights) -> dict[str, Accuracy]:
        accuracy: dict[str, Accuracy] = {}
        for name in self.config.world.test:
            problems = self.world.problems(name, iteration)
            async for _ in self._spread("evaluate", RewardService.evaluate, problems, iteration, weights):
                pass
            accuracy |= await self.memory.call(Memory.accuracy, iteration, name)
        return accuracy

    async def commit(self, report: IterationReport) -> IterationReport:
        self.activity.begin("commit", report.iteration)
        committed = await self.memory.call(Memory.commit, report)
        await self._watch.round()  # the calls up to here belong to this iteration
        self._observer.iteration_ended(committed)
        return committed

    # How they are carried out

    async def _spread(
        self, stage: str, method: Any, problems: Sequence[Problem], iteration: int, weights: Weights
    ) -> AsyncIterator[Progress]:
        """Every problem that memory does not hold yet, over all service replicas.

        What the machine has spoiled is tried again at the end, `PASSES` times in all; then it is left for a resume.
        """
        for _ in range(PASSES):
            spoiled = 0
            finished = await self.memory.call(Memory.finished, iteration)
            todo = [problem for problem in problems if problem.id not in finished]
            self.activity.begin(stage, iteration, len(todo))
            window = self.config.explore.in_flight * len(self.services)
            results = self.services.map(
                method, todo, iteration, weights.version, window=window, trace=lambda p: (f"{stage}-{iteration}", p.id)
            )
            async for problem, result in results:
                if isinstance(result, InfrastructureError):
                    lost = {"service": ATTEMPTS}
                    result = Progress(problem=problem.id, attempts=0, accepted=0, tokens=0, retries=lost, spoiled=1)
                self.activity.add(1, result.accepted, result.tokens)
                spoiled += bool(result.spoiled)
                yield result
            if not spoiled:
                return

    async def _scores(self, examples: Sequence[Example]) -> dict[str, float]:
        """Mean token log-probability of each completion, by the example's id."""
        batches = [examples[i : i + SCORES_PER_CALL] for i in range(0, len(examples), SCORES_PER_CALL)]
        scores: dict[str, float] = {}
        self.activity.total = len(examples)
        async for batch, result in self.generators.map(Generator.score, batches, window=8 * len(self.generators)):
            if isinstance(result, InfrastructureError):
                raise result
            scores.update(zip((example.id for example in batch), result, strict=True))
            self.activity.add(len(batch))
        return scores

    async def _watch_learner(self) -> None:
        while True:
            await asyncio.sleep(1)
            if progress := await self.learner.progress():
                activity = self.activity
                activity.done, activity.total = int(progress["step"]), int(progress["steps"])
                activity.tokens = int(progress["tokens"])

    async def _newest(self) -> Weights:
        reports = await self.reports()
        return reports[-1].weights if reports else self.base

    def _point_at(self, weights: Weights) -> None:
        fields = {"version": weights.version, "path": weights.path, "fingerprint": weights.fingerprint}
        write_aside(self._current, json.dumps(fields))

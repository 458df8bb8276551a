"""From a run file to live parts, and from live parts to the verbs of the loop. The only file that knows every class."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from math import isnan
from pathlib import Path
from typing import Any

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
from envisions.recall import recall
from envisions.records import Accuracy, AttemptKey, Example, IterationReport, Problem, Progress, Weights
from envisions.versions import versions
from envisions.worlds import WORLDS
from envs.base import InfrastructureError, World
from learner import weights
from learner.base import adopt
from learner.engine import TrainResult
from pool.curriculum import Count, chosen
from pool.store import Store

SCORES_PER_CALL = 16
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
        generator: Callable[..., Any] = Generator,
        learner: Callable[..., LearnerGang] = LearnerGang,
        meters: Callable[[], Meters] | None = None,
    ) -> None:
        self.config, self.folder, self.activity = config, folder, activity
        self._launch, self._generator, self._learner, self._meters = launch, generator, learner, meters
        self.world = world
        self._earlier = [
            count for run in (config.curriculum.earlier if config.curriculum else ()) for count in counts_of(run)
        ]
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
        fleets = (self.generators, self.environments, self.memory)
        rest = (config.explore, config.run.name, config.run.seed, config.teacher)
        self.services = self._launch("service", RewardService, (world, *fleets, *rest), actors.service)
        self.learner = self._learner(config.learn, actors.learner, self.base.path)
        self.fleets = (self.services, self.environments, self.generators, self.memory)
        kinds: list[Any] = [*self.fleets, self.learner] if learner else [*self.fleets]
        self._observer = Observer(
            config, self.folder / "logs", self.activity, self._meters() if self._meters is not None else None
        )
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
        await self.memory.call(Memory.run_with, versions(config, who["environment"]))
        if learner:
            await recall(config.memory.sources, world, self.memory, self.environments)

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
        """Those of the run file; or the curriculum's choice among all."""
        curriculum = self.config.curriculum
        if curriculum is None:
            return self.world.problems("train", iteration)
        counts = [*self._earlier, *await self.memory.call(Memory.solved_of, iteration)]
        return chosen(self.world.pool(iteration), counts, iteration, curriculum, self.config.run.seed)

    async def explore(self, problems: Sequence[Problem], iteration: int, weights: Weights) -> AsyncIterator[Progress]:
        """Round after round, if there is more than one; each is decided when the one before has ended."""
        rounds = self.config.explore.rounds
        by_id = {problem.id: problem for problem in problems}
        for number in range(rounds.count):
            tries = await self.memory.call(Memory.tries, iteration) if rounds.count > 1 else {}
            if number < rounds.begun(tries):
                continue
            drawn = rounds.chosen(list(by_id), tries, number, partial(self._lot, iteration, number))
            done = rounds.touched(tries, number) if number else await self.memory.call(Memory.finished, iteration)
            todo = [by_id[id] for id in drawn if id not in done]
            slots = rounds.slots(number)
            async for progress in self._spread("explore", RewardService.explore, todo, iteration, weights, slots):
                yield progress

    async def lessons(self, iteration: int, weights: Weights) -> Sequence[Example]:
        """The self-reward of what has to be ranked, under the current weights; then the pool's selection."""
        self.activity.begin("select", iteration)
        judge = {"rubric": partial(self._grades, weights)}.get(self.config.select.rank, self._scores)
        scores = await judge(await self.memory.call(Memory.to_score, iteration))
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
        self._observer.learned(trained.seconds, trained.saving)
        steps = [(step, lesson) for step, lessons_of_step in trained.steps for lesson in lessons_of_step]
        await self.memory.call(Memory.save_steps, iteration, steps, trained.batches)
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
            finished = await self.memory.call(Memory.finished, iteration)
            todo = [problem for problem in self.world.problems(name, iteration) if problem.id not in finished]
            async for _ in self._spread("evaluate", RewardService.evaluate, todo, iteration, weights):
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
        self, stage: str, method: Any, todo: Sequence[Problem], iteration: int, weights: Weights, *args: Any
    ) -> AsyncIterator[Progress]:
        """These problems over all service replicas. What fails is left for a resume."""
        self.activity.begin(stage, iteration, len(todo))
        window = self.config.explore.in_flight * len(self.services)
        results = self.services.map(
            method,
            todo,
            iteration,
            weights.version,
            *args,
            window=window,
            trace=lambda p: (f"{stage}-{iteration}", p.id),
        )
        async for problem, result in results:
            if isinstance(result, InfrastructureError):
                result = Progress(problem=problem.id, attempts=0, accepted=0, tokens=0, retries={"service": ATTEMPTS})
            self.activity.add(1, result.accepted, result.tokens)
            yield result

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

    async def _grades(self, weights: Weights, examples: Sequence[Example]) -> dict[str, float]:
        """The grade that the model itself gives each completion, by the example's id; NaN where it gives none."""
        grades: dict[str, float] = {}
        self.activity.total = len(examples)
        window = self.config.explore.in_flight * len(self.services)
        async for example, result in self.services.map(RewardService.grade, examples, weights.version, window=window):
            if isinstance(result, InfrastructureError):
                raise result
            grades[example.id] = result
            self.activity.add(1)
        if examples and all(map(isnan, grades.values())):
            raise RuntimeError(
                f"the model gave none of {len(examples)} programs a grade; use run.strategy "
                "'self-rewarding-likelihood', which needs none"
            )
        return grades

    async def _watch_learner(self) -> None:
        while True:
            await asyncio.sleep(1)
            if progress := await self.learner.progress():
                activity = self.activity
                activity.done, activity.total = int(progress["step"]), int(progress["steps"])
                activity.tokens = int(progress["tokens"])

    def _lot(self, iteration: int, number: int, problem: str) -> float:
        """What decides among problems that have the same claim to a place in a round."""
        return AttemptKey("", iteration, problem, number, "round").seed(self.config.run.seed)

    async def _newest(self) -> Weights:
        reports = await self.reports()
        return reports[-1].weights if reports else self.base

    def _point_at(self, weights: Weights) -> None:
        fields = {"version": weights.version, "path": weights.path, "fingerprint": weights.fingerprint}
        write_aside(self._current, json.dumps(fields))


def counts_of(run: Path) -> list[Count]:
    """What an earlier run knows of its problems, as of iteration 0."""
    with Store(run / "memory.sqlite", read_only=True) as store:
        return [count._replace(iteration=0) for count in store.solved_of()]

"""The reward/refine service: carries one problem from its prompt to scored, stored trajectories.

Each attempt moves on alone, the moment it is ready: sample -> execute -> refine -> execute (paper, section 3.2 and
3.3). Hundreds of problems are under way at once in one service, so that the generators' running batch stays full
while programs execute; nothing waits for a whole batch.

consumes: problems          waits for: generators, environments
produces: trajectories      unblocks: the driver, once memory holds all attempts of the problem
"""

import asyncio
import math
from collections.abc import Awaitable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from actors import rubric
from actors.environment import EnvironmentWorker
from actors.evaluation import EvaluateConfig
from actors.fleet import Fleet
from actors.generator import Generator, PromptTooLong, Sampling
from actors.memory import Memory
from actors.settled import settled
from actors.spans import of_trajectory
from actors.teacher import Teacher, TeacherConfig
from envisions.records import AttemptKey, Candidate, Example, Feedback, Outcome, Problem, Progress, Trajectory
from envs.base import InfrastructureError, World
from pool.rounds import AdaptiveConfig, Rounds, fixed


class ExploreConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: int = Field(5, ge=1)
    """Programs sampled for each problem (K of the paper)."""
    sampler: Literal["self", "teacher"] = "self"
    """Who writes the first program of each slot: the model in training, or the teacher of `[teacher]`."""
    refine: bool = True
    """Let the model refine each of its programs once, right ones too."""
    temperature: float = Field(1.0, gt=0)
    """Sampling temperature."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Nucleus sampling threshold."""
    max_tokens: int = Field(256, ge=1)
    """Longest completion, in tokens."""
    adaptive: AdaptiveConfig | None = None
    """Sample in rounds, more where it is of use: `samples` is then what a problem gets on average at most. K is fixed
    without this section."""
    in_flight: int = Field(128, ge=1)
    """Problems under way at once in each service replica."""

    @model_validator(mode="after")
    def _rounds_within_the_budget(self) -> "ExploreConfig":
        if self.adaptive and not self.adaptive.size <= min(self.samples, self.adaptive.most):
            raise ValueError(
                f"explore.adaptive.size is {self.adaptive.size}; the first round must be within explore.samples "
                f"({self.samples}) and explore.adaptive.most ({self.adaptive.most}): lower it"
            )
        return self

    @property
    def rounds(self) -> Rounds:
        """How the programs of an iteration are shared out."""
        return Rounds(self.adaptive, self.samples) if self.adaptive else fixed(self.samples)


class RewardService:
    """Stateless: what it has finished is in memory, what it has not is sampled again with the same seeds."""

    def __init__(
        self,
        world: World,
        generators: Fleet,
        environments: Fleet,
        memory: Fleet,
        config: ExploreConfig,
        run: str,
        seed: int,
        test: EvaluateConfig,
        teacher: TeacherConfig | None = None,
    ) -> None:
        self.world, self.config, self.run, self.seed = world, config, run, seed
        self.generators, self.environments, self.memory = generators, environments, memory
        self._explore = Sampling(temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens)
        self.test = test
        self._test = Sampling(temperature=test.temperature, top_p=test.top_p, max_tokens=config.max_tokens)
        self._teacher = Teacher(teacher) if teacher else None
        self._first = {"self": self._own, "teacher": self._taught}[config.sampler]

    async def explore(self, problem: Problem, iteration: int, version: int, slots: Sequence[int]) -> Progress:
        """An attempt at one problem in each slot and a refinement of each, executed and stored."""
        keys = [self._key(problem, iteration, slot, "explore") for slot in slots]
        await self.memory.call(Memory.dispatch, keys)
        verdicts = Verdicts(self.environments, problem)
        tried = await settled([self._explore_and_refine(problem, key, version, verdicts) for key in keys])
        return await self._store(problem, [trajectory for slot in tried for trajectory in slot])

    async def evaluate(self, problem: Problem, iteration: int, version: int) -> Progress:
        """The attempts at a test problem (usually one, greedy), executed and stored."""
        prompt = self.world.first_prompt(problem) if self.test.few_shot else self.world.prompt(problem)
        keys = [self._key(problem, iteration, slot, "evaluate") for slot in range(self.test.samples)]
        await self.memory.call(Memory.dispatch, keys)
        verdicts = Verdicts(self.environments, problem)
        attempts = [
            self._attempt(problem, key, self._sampled(prompt, key, self._test, version), version, verdicts)
            for key in keys
        ]
        return await self._store(problem, await settled(attempts))

    async def grade(self, example: Example, version: int) -> float:
        """The grade that the model gives a completion by the rubric; NaN where it gives none."""
        greedy = Sampling(temperature=0.0, max_tokens=rubric.MAX_TOKENS)
        try:
            said = await self.generators.call(Generator.sample, rubric.asked(example), 0, greedy, version)
        except PromptTooLong:
            return math.nan
        return rubric.grade(said.text)

    async def _explore_and_refine(
        self, problem: Problem, key: AttemptKey, version: int, verdicts: "Verdicts"
    ) -> list[Trajectory]:
        explored = await self._attempt(problem, key, self._first(problem, key, version), version, verdicts)
        if not self.config.refine or not explored.feedback.outcome.is_verdict:
            return [explored]
        prompt = self.world.refine_prompt(problem, explored.program, explored.feedback)
        key = key._replace(kind="refine")
        await self.memory.call(Memory.dispatch, [key])
        drawn = self._sampled(prompt, key, self._explore, version)
        return [explored, await self._attempt(problem, key, drawn, version, verdicts, parent=explored.key)]

    async def _own(self, problem: Problem, key: AttemptKey, version: int) -> Candidate:
        """What the model in training writes."""
        prompt = self.world.prompt(problem) if version else self.world.first_prompt(problem)
        return await self._sampled(prompt, key, self._explore, version)

    async def _taught(self, problem: Problem, key: AttemptKey, version: int) -> Candidate:
        """What the teacher writes, always after the worked examples."""
        assert self._teacher is not None  # the run file was refused otherwise
        prompt = self.world.first_prompt(problem)
        return await self._teacher.answer(problem.id, key.slot, prompt, key.seed(self.seed), self._explore, version)

    async def _sampled(self, prompt: str, key: AttemptKey, sampling: Sampling, version: int) -> Candidate:
        return await self.generators.call(Generator.sample, prompt, key.seed(self.seed), sampling, version)

    @of_trajectory
    async def _attempt(
        self,
        problem: Problem,
        key: AttemptKey,
        drawn: Awaitable[Candidate],
        version: int,
        verdicts: "Verdicts",
        parent: AttemptKey | None = None,
    ) -> Trajectory:
        """Sample and execute. A prompt that does not fit is a cancelled attempt: no verdict on any program."""
        try:
            candidate = await drawn
            program = self.world.program(problem, candidate.text)
            feedback = await verdicts.on(program)
        except PromptTooLong as error:
            seed = key.seed(self.seed)
            candidate = Candidate(text="", tokens=(), logprob=0.0, weights=version, seed=seed, finish="length")
            program, feedback = "", Feedback(outcome=Outcome.cancelled, error=str(error))
        return Trajectory(
            key=key, problem=problem, candidate=candidate, program=program, feedback=feedback, parent=parent
        )

    async def _store(self, problem: Problem, trajectories: Sequence[Trajectory]) -> Progress:
        await self.memory.call(Memory.add, problem, trajectories)
        return Progress(
            problem=problem.id,
            attempts=len(trajectories),
            accepted=sum(t.feedback.outcome is Outcome.accepted for t in trajectories),
            tokens=sum(len(t.candidate.tokens) for t in trajectories),
            retries=self._retries(),
            spoiled=sum(t.feedback.outcome is Outcome.infra_failed for t in trajectories),
        )

    def _retries(self) -> dict[str, int]:
        """Failures overcome since last asked, by kind of actor."""
        counts = {}
        for fleet in (self.generators, self.environments, self.memory):
            if n := fleet.retries.total():
                counts[fleet.name] = n
                fleet.retries.clear()
        return counts

    def _key(self, problem: Problem, iteration: int, slot: int, kind: str) -> AttemptKey:
        return AttemptKey(self.run, iteration, problem.id, slot, kind)


class Verdicts:
    """The environment's word on the programs of one problem, each distinct text executed once.

    Of ten attempts at an easy problem most are the same program.
    """

    def __init__(self, environments: Fleet, problem: Problem) -> None:
        self._environments, self._problem = environments, problem
        self._asked: dict[str, asyncio.Task[Feedback]] = {}

    async def on(self, program: str) -> Feedback:
        if not program:
            return Feedback(outcome=Outcome.failed, error="no program was found in the answer")
        if program not in self._asked:
            self._asked[program] = asyncio.create_task(self._execute(program))
        return await asyncio.shield(self._asked[program])  # others may wait for the same one

    async def _execute(self, program: str) -> Feedback:
        try:
            return await self._environments.call(EnvironmentWorker.execute, self._problem, program)
        except InfrastructureError as error:  # after all retries: recorded as such, never scored
            return Feedback(outcome=Outcome.infra_failed, error=str(error))

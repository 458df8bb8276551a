"""The reward/refine service: carries one problem from its prompt to scored, stored trajectories.

Each attempt moves on alone, the moment it is ready: sample -> execute -> refine -> execute (paper, section 3.2 and
3.3). Hundreds of problems are under way at once in one service, so that the generators' running batch stays full
while programs execute; nothing waits for a whole batch.

consumes: problems          waits for: generators, environments
produces: trajectories      unblocks: the driver, once memory holds all attempts of the problem
"""

import asyncio
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from actors.environment import EnvironmentWorker
from actors.fleet import Fleet
from actors.generator import Generator, PromptTooLong, Sampling
from actors.memory import Memory
from actors.settled import settled
from actors.spans import of_trajectory
from envisions.records import AttemptKey, Candidate, Feedback, Outcome, Problem, Progress, Trajectory
from envs.base import InfrastructureError, World


class ExploreConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    samples: int = Field(5, ge=1)
    """Programs sampled for each problem (K of the paper)."""
    refine: bool = True
    """Let the model refine each of its programs once, right ones too."""
    temperature: float = Field(1.0, gt=0)
    """Sampling temperature."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Nucleus sampling threshold."""
    max_tokens: int = Field(256, ge=1)
    """Longest completion, in tokens."""
    in_flight: int = Field(128, ge=1)
    """Problems under way at once in each service replica."""


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
    ) -> None:
        self.world, self.config, self.run, self.seed = world, config, run, seed
        self.generators, self.environments, self.memory = generators, environments, memory
        self._explore = Sampling(temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens)
        self._greedy = Sampling(temperature=0.0, max_tokens=config.max_tokens)

    async def explore(self, problem: Problem, iteration: int, version: int) -> Progress:
        """K attempts at one problem and a refinement of each, executed and stored."""
        keys = [self._key(problem, iteration, slot, "explore") for slot in range(self.config.samples)]
        verdicts = Verdicts(self.environments, problem)
        slots = await settled([self._explore_and_refine(problem, key, version, verdicts) for key in keys])
        return await self._store(problem, [trajectory for slot in slots for trajectory in slot])

    async def evaluate(self, problem: Problem, iteration: int, version: int) -> Progress:
        """One greedy attempt at a test problem, executed and stored."""
        key = self._key(problem, iteration, 0, "evaluate")
        verdicts = Verdicts(self.environments, problem)
        attempt = await self._attempt(problem, self.world.prompt(problem), key, self._greedy, version, verdicts)
        return await self._store(problem, [attempt])

    async def _explore_and_refine(
        self, problem: Problem, key: AttemptKey, version: int, verdicts: "Verdicts"
    ) -> list[Trajectory]:
        prompt = self.world.prompt(problem) if version else self.world.first_prompt(problem)
        explored = await self._attempt(problem, prompt, key, self._explore, version, verdicts)
        if not self.config.refine or not explored.feedback.outcome.is_verdict:
            return [explored]
        prompt = self.world.refine_prompt(problem, explored.program, explored.feedback)
        refined = await self._attempt(
            problem, prompt, key._replace(kind="refine"), self._explore, version, verdicts, parent=explored.key
        )
        return [explored, refined]

    @of_trajectory
    async def _attempt(
        self,
        problem: Problem,
        prompt: str,
        key: AttemptKey,
        sampling: Sampling,
        version: int,
        verdicts: "Verdicts",
        parent: AttemptKey | None = None,
    ) -> Trajectory:
        """Sample and execute. A prompt that does not fit is a cancelled attempt: no verdict on any program."""
        seed = key.seed(self.seed)
        try:
            candidate = await self.generators.call(Generator.sample, prompt, seed, sampling, version)
        except PromptTooLong as error:
            candidate = Candidate(text="", tokens=(), logprob=0.0, weights=version, seed=seed, finish="length")
            feedback = Feedback(outcome=Outcome.cancelled, error=str(error))
            return Trajectory(
                key=key, problem=problem, candidate=candidate, program="", feedback=feedback, parent=parent
            )
        program = self.world.program(problem, candidate.text)
        feedback = await verdicts.on(program)
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

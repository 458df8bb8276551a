"""Starting from what earlier runs have found: `[memory] from`. Nothing is believed that cannot be shown again."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from actors.environment import EnvironmentWorker
from actors.fleet import Fleet
from actors.memory import Memory
from actors.settled import settled
from envisions.records import Feedback, Outcome, Problem, Trajectory
from envs.base import InfrastructureError, World
from pool.recall import accepted

IN_FLIGHT = 64  # programs under way at once
MEMORY = "memory.sqlite"


async def recall(sources: Sequence[Path], world: World, memory: Fleet, environments: Fleet) -> None:
    """Take over the accepted programs of earlier runs, each executed again first; what was taken over stays so.

    Left out is what belongs to another world, what a test set holds, and what the environment does not accept now. What
    became of them is kept in the table `sources`.
    Raises StoreError, one line, where a folder holds no memory.
    """
    done = await memory.call(Memory.sources)
    for folder in sources:
        if str(folder) in done:
            continue
        offered = await asyncio.to_thread(accepted, folder / MEMORY)
        names = world.admits([t.problem for t in offered], offered[0].key.run) if offered else {}
        fit = [called(t, names[t.problem.id]) for t in offered if t.problem.id in names]
        verdicts = await _verdicts(fit, environments)
        came_to = Counter(verdict.outcome.value for verdict in verdicts) | Counter(not_admitted=len(offered) - len(fit))
        taken = [
            replace(t, feedback=verdict)
            for t, verdict in zip(fit, verdicts, strict=True)
            if verdict.outcome is Outcome.accepted
        ]
        await memory.call(Memory.recall, str(folder), taken, dict(came_to))


def called(attempt: Trajectory, problem: Problem) -> Trajectory:
    """The attempt at a problem as it is called in this run."""
    return replace(
        attempt, problem=problem, key=attempt.key._replace(problem=problem.id), origin=attempt.origin or attempt.key
    )


async def _verdicts(attempts: Sequence[Trajectory], environments: Fleet) -> list[Feedback]:
    room = asyncio.Semaphore(IN_FLIGHT)

    async def verdict(attempt: Trajectory) -> Feedback:
        async with room:
            try:
                return await environments.call(EnvironmentWorker.execute, attempt.problem, attempt.program)
            except InfrastructureError as error:  # after all retries: left out, and counted as what it is
                return Feedback(outcome=Outcome.infra_failed, error=str(error))

    return await settled(verdict(attempt) for attempt in attempts)

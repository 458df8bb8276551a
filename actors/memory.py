"""The long-term memory actor: owns the store, and draws the lessons from it."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from envisions.records import Accuracy, AttemptKey, Example, IterationReport, Problem, Trajectory
from envs.base import World
from pool.analysis import analyse
from pool.candidates import chooses_by_program
from pool.counts import TRAINING_KINDS
from pool.curriculum import Count
from pool.filter import is_right
from pool.recall import recalled
from pool.rounds import Try
from pool.select import SelectConfig, needs_score, select
from pool.store import Store
from pool.texts import attempt_text, lesson_text

REMEMBERED = 100_000  # canonical forms: the same texts come back often, and the actor's memory is bounded
LOCK_SECONDS = 30.0  # how long a restarted memory waits for its predecessor's lock to fall


class MemoryConfig(BaseModel):
    """What a run remembers from before it began."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    sources: tuple[Path, ...] = Field(default=(), alias="from")
    """Folders of earlier runs, relative to the run file: what they accepted is checked again and learnt from too."""

    @field_validator("sources")
    @classmethod
    def _beside_the_run_file(cls, sources: tuple[Path, ...], info: ValidationInfo) -> tuple[Path, ...]:
        folder = (info.context or {}).get("folder")
        return tuple(Path(folder, source).resolve() if folder else source for source in sources)


class Memory:
    """All that was ever tried. State is on disk only, so the actor may die at any time and be started again."""

    def __init__(self, path: str, world: World, config: SelectConfig) -> None:
        self._canonical = functools.lru_cache(REMEMBERED)(world.canonical)
        self._store = Store(path, wait=LOCK_SECONDS, canonical=self._canonical)
        self._world, self._config = world, config

    def run_with(self, versions: Mapping[str, Any]) -> None:
        """Which environment, verifiers and prompts the attempts to come are made with."""
        self._store.run_with(versions)

    def dispatch(self, keys: Sequence[AttemptKey]) -> None:
        """Enter attempts that are about to be made into the books."""
        self._store.dispatch(keys)

    def add(self, problem: Problem, trajectories: Sequence[Trajectory]) -> int:
        """Store all attempts at one problem, each key once; returns how many were new."""
        return self._store.add(problem, trajectories)

    def sources(self) -> dict[str, dict[str, int]]:
        """The folders of earlier runs that were taken over."""
        return self._store.sources()

    def recall(self, folder: str, trajectories: Sequence[Trajectory], came_to: Mapping[str, int]) -> None:
        """Start from accepted attempts of an earlier run; `came_to` says what became of all that it offered."""
        self._store.recall(folder, recalled(trajectories), came_to)

    def finished(self, iteration: int) -> set[str]:
        """Ids of the problems that need no further attempt in this iteration."""
        return self._store.finished(iteration)

    def tries(self, iteration: int) -> dict[str, list[Try]]:
        """What has been tried in an iteration, by problem, as far as rounds of sampling go."""
        found: dict[str, list[Try]] = {}
        for t in self._store.attempts(iterations=[iteration], kinds=("explore", "refine"), tokens=False):
            right = is_right(t) if t.feedback.outcome.is_verdict else None
            program = self._canonical(t.program) if right else ""
            found.setdefault(t.key.problem, []).append(Try(t.key.slot, right, program))
        return found

    def solved_of(self, before: int) -> list[Count]:
        """The verdicts on what was explored in the iterations before one, by problem and iteration."""
        return self._store.solved_of(before)

    def to_score(self, iteration: int) -> list[Example]:
        """Every attempt whose self-reward decides something in the selection, as prompt and completion."""
        wanted = needs_score(self._pool(iteration), self._config, self._canonical)
        return [attempt_text(self._world, t) for t in wanted]

    def lessons(self, iteration: int, scores: Mapping[str, float]) -> list[Example]:
        """The iteration's lessons as training texts; the lessons themselves are stored.

        `scores` are the mean token log-probabilities of all that `to_score` named, by its id.
        """
        pool = self._pool(iteration)
        by_key = {t.key: scores[str(t.key)] for t in pool if str(t.key) in scores}
        lessons = select(pool, by_key, self._config, self._canonical)
        self._store.save_lessons(iteration, lessons)
        return [lesson_text(self._world, lesson, self._config.contrast) for lesson in lessons]

    def save_steps(self, iteration: int, steps: Sequence[tuple[int, str]], batches: Sequence[str] = ()) -> None:
        """Keep which gradient step used which lesson, and the digest of each step's token batch."""
        self._store.save_steps(iteration, steps, batches)

    def accuracy(self, iteration: int, split: str) -> dict[str, Accuracy]:
        """Share of a test set's verdicts that are "accepted", and of what else was measured as `split.measure`."""
        measures = self._store.measures(iteration, split)
        own = {split: self._store.accuracy(iteration, split)}
        return own | {f"{split}.{name}": share for name, share in measures.items()}

    def commit(self, report: IterationReport) -> IterationReport:
        """The report with what the database counts; the iteration exists once this returns."""
        counts = self._store.counts(report.iteration)
        lessons = self._store.lesson_counts(report.iteration)
        hours = sum(report.seconds.values()) / 3600
        return self._store.commit(
            replace(
                report,
                problems=counts["problems"],
                solved=counts["solved"],
                attempts=counts["attempts"],
                outcomes=counts["outcomes"],
                lessons={
                    "right": lessons.get("right", 0),
                    "pairs": lessons.get("pair", 0),
                    **report.lessons,
                },
                tokens={"sampled": counts["tokens"], **report.tokens},
                goodput=counts["distinct"] / hours if hours else 0.0,
                analysis=self._analysis(report.iteration),
            )
        )

    def reports(self) -> list[IterationReport]:
        return self._store.reports()

    def attempts(self, problem: str) -> list[Trajectory]:
        """Every attempt at one problem, in order."""
        return self._store.attempts(problem=problem)

    def close(self) -> None:
        self._store.close()

    def _analysis(self, iteration: int) -> dict[str, Any]:
        attempts = self._store.attempts(iterations=[iteration], kinds=TRAINING_KINDS, tokens=False)
        earlier = [set(self._store.solved(one)) for one in range(1, iteration)]
        return analyse(attempts, earlier, self._canonical) if attempts else {}

    def _pool(self, iteration: int) -> list[Trajectory]:
        """The training attempts that this iteration may learn from: all so far, or its own (no long-term memory)."""
        if chooses_by_program(self._config):
            return self._store.candidates()
        iterations = range(iteration + 1) if self._config.memory else [iteration]
        return self._store.attempts(iterations=iterations, kinds=("explore", "refine"), tokens=False, trusted=True)

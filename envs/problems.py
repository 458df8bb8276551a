"""What worlds that draw on sets of problems share: the settings of a set, its reading, and the slices of a run."""

import json
import random
import re
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from envisions.records import Problem
from envs.contamination import EXAMPLES, Removed, disjoint
from envs.near_copies import near_copies, refusal
from envs.rows import SourceError


class SetConfig(BaseModel):
    """One set of problems: where its records lie, and how many of them. A world adds the names it can read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path | None = None
    """A local file, one JSON record a line (or one JSON list); relative to the run file."""
    count: int = Field(default=0, ge=0)
    """How many problems; 0 takes all of a data set. Generated sources need a number."""
    skip: int = Field(default=0, ge=0)
    """How many problems to leave out at the beginning."""
    seed: int = 0
    """What generated problems are drawn from."""

    @field_validator("path")
    @classmethod
    def _beside_the_run_file(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        folder = (info.context or {}).get("folder")
        return Path(folder, path) if path and folder else path


class WorldConfig(BaseModel):
    """The problems of a world. Each world adds its `name`, its `train` and `test` sets, and how it puts them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    problems: int = Field(default=0, ge=0)
    """Train problems an iteration; 0 takes all. Slices differ: none comes again before all have been drawn."""
    near_copies: str = "refuse"
    """Train problems that tell a test problem anew: "refuse" the run, "remove" them, or "keep: " and the reason why."""

    @field_validator("near_copies")
    @classmethod
    def _decided(cls, near_copies: str) -> str:
        if near_copies not in ("refuse", "remove") and not re.fullmatch(r"keep: *\S.*", near_copies, re.DOTALL):
            raise ValueError(
                f'near_copies is {near_copies!r}; it must be "refuse", "remove", or "keep: " and why they stay'
            )
        return near_copies

    @field_validator("test", check_fields=False)
    @classmethod
    def _not_called_train(cls, test: dict[str, Any]) -> dict[str, Any]:
        if "train" in test:
            raise ValueError("a test set is called 'train'; give it another name")
        return test


class Problems(ABC):
    """The sets of problems of a run: read once, at the first call that needs them, and the test sets kept unseen.

    The common part of worlds. `seed` draws the slices.
    """

    def __init__(self, config: Any, seed: int = 0) -> None:
        self.config = config
        self.seed = seed

    @abstractmethod
    def load(self, source: Any, split: str) -> list[Problem]:
        """The problems of one set ("train" or the name of a test set), in order; raises SourceError."""

    def frame(self, problem: Problem) -> Hashable | None:
        """What generated problems are told in, so that no test frame is trained on; None for others."""
        return None

    def __reduce__(self) -> tuple[type[Self], tuple[Any, int]]:
        return type(self), (self.config, self.seed)  # travels without the problems it has read

    def problems(self, split: str, iteration: int) -> Sequence[Problem]:
        """The train problems of one iteration, or a whole test set by its name; raises SourceError."""
        train, tests, _ = self._sets
        if split == "train":
            return draw(train, self.config.problems, iteration, self.seed)
        if split not in tests:
            raise ValueError(f"{split!r} is no set of problems; it must be one of {', '.join(('train', *tests))}")
        return tests[split]

    def pool(self, iteration: int) -> Sequence[Problem]:
        """All train problems, whatever the iteration."""
        return self._sets[0]

    def admits(self, problems: Sequence[Problem], run: str) -> dict[str, Problem]:
        """Those of an earlier run's train problems that this run may learn from, by the ids they had there.

        No test set holds them. One whose id names another problem here is called `run:id`.
        """
        train, tests, _ = self._sets
        ours = {problem.id: content(problem) for problem in train}
        fit = {problem.id: problem for problem in problems if problem.world == self.config.name}
        unseen, _ = disjoint(list(fit.values()), tests, self.frame)
        return {
            problem.id: problem
            if ours.get(problem.id, content(problem)) == content(problem)
            else replace(problem, id=f"{run}:{problem.id}")
            for problem in unseen
        }

    @property
    def removed(self) -> Removed:
        """What was taken out of the train problems to keep the test sets unseen."""
        return self._sets[2]

    @cached_property
    def _sets(self) -> tuple[list[Problem], Mapping[str, list[Problem]], Removed]:
        tests = {name: self.load(source, name) for name, source in self.config.test.items()}
        train, removed = disjoint(self.load(self.config.train, "train"), tests, self.frame)
        train, removed = screened(train, tests, removed, self.config.near_copies)
        return train, tests, removed


def content(problem: Problem) -> tuple[str, ...]:
    """What makes a problem this one, whatever it is called; the same after a journey through JSON."""
    return problem.question, problem.answer, json.dumps(dict(problem.setup), sort_keys=True)


def screened(
    train: list[Problem], tests: Mapping[str, Sequence[Problem]], removed: Removed, policy: str
) -> tuple[list[Problem], Removed]:
    """What near-copies of test problems make of the train problems under `WorldConfig.near_copies`.

    Raises NearCopiesError where it says "refuse" and there are any.
    """
    copies = near_copies(train, tests)
    if not copies:
        return train, removed
    if policy == "refuse":
        raise refusal(copies, len(train))
    if policy.startswith("keep"):
        kept = f"kept in train: {len(copies)} near-copies of test problems, because {policy.partition(':')[2].strip()}"
        return train, replace(removed, kept=kept)
    counts, examples = dict(removed.counts), dict(removed.examples)
    for copy in copies:
        reason = f"{copy.test_set} in other words"
        counts[reason] = counts.get(reason, 0) + 1
        examples[reason] = (*examples.get(reason, ()), copy.train.question)[:EXAMPLES]
    gone = {copy.train.id for copy in copies}
    return [problem for problem in train if problem.id not in gone], replace(removed, counts=counts, examples=examples)


def chosen(problems: Iterable[Problem], source: SetConfig, place: object) -> list[Problem]:
    """The problems that a set asks for, in order, each with an id of its own. Raises SourceError, one line."""
    end = source.skip + source.count if source.count else None
    found = list(islice(problems, source.skip, end))
    if len(found) < max(source.count, 1):
        raise SourceError(
            f"{place} holds {len(found)} problems after the first {source.skip}; "
            f"{max(source.count, 1)} are asked for: lower count or skip"
        )
    seen: set[str] = set()
    for problem in found:
        if problem.id in seen:
            raise SourceError(f"{place}: id {problem.id!r} occurs twice; give each record its own id")
        seen.add(problem.id)
    return found


def draw(problems: Sequence[Problem], size: int, iteration: int, seed: int) -> list[Problem]:
    """The slice of iteration 1, 2, ...: shuffled by the seed, and nothing twice before everything was drawn once.

    A `size` of 0, or one that covers all, gives all in their own order. Never the same problem twice in a slice.
    """
    if not 0 < size < len(problems):
        return list(problems)
    dice = random.Random(f"{seed}/problems")
    taken, rest = [], dice.sample(range(len(problems)), len(problems))
    for _ in range(iteration):
        taken, rest = rest[:size], rest[size:]
        if short := size - len(taken):
            fresh = [index for index in range(len(problems)) if index not in set(taken)]
            again = dice.sample(fresh, len(fresh))
            taken, rest = taken + again[:short], again[short:] + dice.sample(taken, len(taken))
    return [problems[index] for index in taken]

"""Which problems an iteration tries: those that the model solves now and then teach the most.

What is known of a problem is a Beta posterior of its solve rate. Its prior is what is known of its family, so that a
problem never tried is expected to be like its siblings. Everything follows from stored attempts: a resumed run
chooses the same.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from envisions.records import Problem

FAMILY = ("task", "shape", "template", "depth", "semantics")  # what worlds call it in a problem's setup


class CurriculumConfig(BaseModel):
    """A choice among all train problems, in place of `world.problems`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=1)
    """Problems of an iteration."""
    target: float = Field(0.5, ge=0, le=1)
    """The solve rate that teaches most. Problems are taken whose rate, drawn from its posterior, is nearest."""
    floor: float = Field(0.2, ge=0, le=1)
    """Share of the problems that is drawn by lot among all others, so that none is given up; 1 = all by lot."""
    prior: float = Field(2.0, gt=0)
    """How many attempts at a problem its family's solve rate counts for."""
    decay: float = Field(0.5, gt=0, le=1)
    """What an attempt still counts one iteration later; the model has changed since."""
    earlier: tuple[Path, ...] = ()
    """Folders of earlier runs whose attempts count too, as those of iteration 0; relative to the run file."""

    @field_validator("earlier")
    @classmethod
    def _beside_the_run_file(cls, paths: tuple[Path, ...], info: ValidationInfo) -> tuple[Path, ...]:
        folder = (info.context or {}).get("folder")
        paths = tuple(Path(folder, path).absolute() if folder else path for path in paths)
        for path in paths:
            if not (path / "memory.sqlite").is_file():
                raise ValueError(f"{path} has no memory.sqlite and is no run folder; correct the path")
        return paths


class Count(NamedTuple):
    """The verdicts on one problem in one iteration."""

    iteration: int
    problem: str
    family: str
    right: int
    wrong: int


Evidence = tuple[float, float]  # right and wrong attempts, discounted


def chosen(
    problems: Sequence[Problem], counts: Iterable[Count], iteration: int, config: CurriculumConfig, seed: int
) -> list[Problem]:
    """The problems of an iteration, in the order of `problems`; all where there are no more than asked for.

    `counts` are of earlier iterations. Thompson: each problem's solve rate is drawn once from its posterior, and those
    nearest to the target are taken; then, as many as the floor says, others by lot.
    """
    posterior = posteriors(problems, counts, iteration, config)

    def draw(problem: Problem, what: str) -> random.Random:
        return random.Random(f"{seed}/{iteration}/{problem.id}/{what}")

    def distance(problem: Problem) -> float:
        return abs(draw(problem, "rate").betavariate(*posterior[problem.id]) - config.target)

    by_lot = round(config.floor * min(config.size, len(problems)))
    ranked = sorted(problems, key=lambda problem: (distance(problem), problem.id))
    wanted, others = ranked[: config.size - by_lot], ranked[config.size - by_lot :]
    others = sorted(others, key=lambda problem: (draw(problem, "lot").random(), problem.id))[:by_lot]
    taken = {problem.id for problem in (*wanted, *others)}
    return [problem for problem in problems if problem.id in taken]


def posteriors(
    problems: Sequence[Problem], counts: Iterable[Count], iteration: int, config: CurriculumConfig
) -> dict[str, tuple[float, float]]:
    """The parameters of each problem's Beta distribution."""
    of_problem, of_family = evidence(counts, iteration, config.decay)
    found = {}
    for problem in problems:
        right, wrong = of_family.get(family(problem.setup), (0.0, 0.0))
        expected = (1 + right) / (2 + right + wrong)
        right, wrong = of_problem.get(problem.id, (0.0, 0.0))
        found[problem.id] = (config.prior * expected + right, config.prior * (1 - expected) + wrong)
    return found


def evidence(
    counts: Iterable[Count], iteration: int, decay: float
) -> tuple[Mapping[str, Evidence], Mapping[str, Evidence]]:
    """Discounted attempts by problem and by family; the same in whatever order the counts come."""
    of_problem: dict[str, Evidence] = {}
    of_family: dict[str, Evidence] = {}
    for count in sorted(counts):
        weight = decay ** (iteration - 1 - count.iteration)
        for sums, name in ((of_problem, count.problem), (of_family, count.family)):
            right, wrong = sums.get(name, (0.0, 0.0))
            sums[name] = (right + weight * count.right, wrong + weight * count.wrong)
    return of_problem, of_family


def family(setup: Mapping[str, Any]) -> str:
    """What a problem is one of many of, as its world says; problems that say nothing are one family."""
    return "/".join(f"{name}={setup[name]}" for name in FAMILY if name in setup)

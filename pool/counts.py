"""What an iteration came to, counted by the database."""

import json
import sqlite3
from collections.abc import Sequence
from typing import TypedDict

from envisions.records import VERDICTS, Accuracy, Outcome
from pool.curriculum import Count, family
from pool.rows import marks
from pool.schema import KEY

TRAINING_KINDS = ("explore", "refine")


class Counts(TypedDict):
    """The figures of one iteration.

    `attempts`, `problems`, `solved` and `tokens` are over what is stored for good; attempts the machine spoiled
    appear in `outcomes` only, until a retry replaces them.
    """

    attempts: int
    outcomes: dict[str, int]
    problems: int
    solved: int
    distinct: int  # accepted programs, the same text at the same problem once
    tokens: int  # sampled
    retries: dict[str, int]  # by kind of actor
    duplicates: int  # attempts that arrived a second time and were ignored


def count(db: sqlite3.Connection, iteration: int, kinds: Sequence[str]) -> Counts:
    these = f"iteration = ? AND kind IN ({marks(len(kinds))})"
    own = f"{these} AND origin IS NULL"
    values = (iteration, *kinds)
    attempts, problems, solved, tokens = db.execute(
        "SELECT COUNT(*), COUNT(DISTINCT problem), COUNT(DISTINCT IIF(outcome = 'accepted', problem, NULL)), "
        f"COALESCE(SUM(LENGTH(tokens)), 0) / 4 FROM attempts WHERE {own}",
        values,
    ).fetchone()
    programs = f"SELECT DISTINCT problem, program FROM attempts WHERE {own} AND outcome = 'accepted'"
    (distinct,) = db.execute(f"SELECT COUNT(*) FROM ({programs})", values).fetchone()
    unresolved = f"{these} AND ({KEY}) NOT IN (SELECT {KEY} FROM attempts)"
    outcomes = db.execute(
        f"SELECT outcome, COUNT(*) FROM attempts WHERE {own} GROUP BY outcome "
        f"UNION ALL SELECT outcome, COUNT(*) FROM failures WHERE {unresolved} GROUP BY outcome",
        (*values, *values),
    )
    counters = dict(db.execute("SELECT name, value FROM counters WHERE iteration = ?", (iteration,)))
    return Counts(
        attempts=attempts,
        outcomes=dict(outcomes.fetchall()),
        problems=problems,
        solved=solved,
        distinct=distinct,
        tokens=tokens,
        duplicates=counters.pop("duplicate", 0),
        retries={name[6:]: value for name, value in sorted(counters.items()) if name.startswith("retry:")},
    )


def accuracy(db: sqlite3.Connection, iteration: int, split: str) -> Accuracy:
    """Share of a test set's verdicts that are "accepted"; what is no verdict takes no part."""
    found = db.execute(
        "SELECT outcome, COUNT(*) FROM attempts a JOIN problems p ON p.row = a.problem_row "
        "WHERE a.iteration = ? AND a.kind = 'evaluate' AND p.split = ? GROUP BY outcome",
        (iteration, split),
    )
    verdicts = {outcome: n for outcome, n in found if Outcome(outcome).is_verdict}
    total = sum(verdicts.values())
    return Accuracy(value=verdicts.get(Outcome.accepted, 0) / total if total else 0.0, n=total)


def measures(db: sqlite3.Connection, iteration: int, split: str) -> dict[str, Accuracy]:
    """Shares of a test set's verdicts by what else the environment measured: the yes or no in `measures` of evidence.

    A verdict that lacks a measure counts as a no.
    """
    verdicts = [outcome.value for outcome in VERDICTS]
    found = db.execute(
        "SELECT m.key, SUM(m.value) FROM attempts a JOIN problems p ON p.row = a.problem_row, "
        "json_each(a.evidence, '$.measures') m WHERE a.iteration = ? AND a.kind = 'evaluate' AND p.split = ? "
        f"AND a.outcome IN ({marks(len(verdicts))}) GROUP BY m.key ORDER BY m.key",
        (iteration, split, *verdicts),
    )
    total = accuracy(db, iteration, split).n
    return {name: Accuracy(value=yes / total, n=total) for name, yes in found}


def solved_of(db: sqlite3.Connection, before: float) -> list[Count]:
    """The verdicts on what was explored in the iterations before one, by problem and iteration."""
    verdicts = [outcome.value for outcome in VERDICTS]
    found = db.execute(
        "SELECT a.iteration, a.problem, json_extract(p.body, '$.setup'), SUM(a.outcome = 'accepted'), COUNT(*) "
        "FROM attempts a JOIN problems p ON p.row = a.problem_row WHERE a.kind = 'explore' AND a.iteration < ? "
        f"AND a.outcome IN ({marks(len(verdicts))}) GROUP BY a.iteration, a.problem ORDER BY a.iteration, a.problem",
        (before, *verdicts),
    )
    return [
        Count(iteration, problem, family(json.loads(setup)), right, tried - right)
        for iteration, problem, setup, right, tried in found
    ]

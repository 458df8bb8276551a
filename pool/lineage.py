"""Where an attempt comes from, and what became of it: read from memory, both ways."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envisions.records import AttemptKey
from pool.schema import KEY


@dataclass(frozen=True, kw_only=True, slots=True)
class Taught:
    """One lesson that an attempt was part of, and the gradient steps that used it."""

    iteration: int
    lesson: str
    role: str
    steps: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Relations:
    """What memory knows of an attempt beside the attempt itself."""

    versions: Mapping[str, Any]
    refined_by: tuple[tuple[AttemptKey, str], ...]  # with their outcomes
    taught: tuple[Taught, ...]
    quarantine: str


def relations(db: sqlite3.Connection, row: int, key: AttemptKey) -> Relations:
    """Of the attempt in this row, which has this key."""
    versions = db.execute(
        "SELECT v.body FROM attempts a JOIN versions v ON v.row = a.versions WHERE a.row = ?", (row,)
    ).fetchone()
    refined = db.execute(
        f"SELECT {KEY}, outcome FROM attempts WHERE (run, iteration, problem, slot) = (?, ?, ?, ?) AND parent = ?",
        (*key[:4], json.dumps(key)),
    )
    barred = db.execute("SELECT reason FROM quarantine WHERE attempt = ?", (row,)).fetchone()
    return Relations(
        versions=json.loads(versions[0]) if versions else {},
        refined_by=tuple((AttemptKey(*found[:5]), found[5]) for found in refined),
        taught=taught(db, row),
        quarantine=barred[0] if barred else "",
    )


def taught(db: sqlite3.Connection, row: int) -> tuple[Taught, ...]:
    """The lessons an attempt was part of, in order of iteration."""
    found = db.execute(
        "SELECT iteration, id, kind, right_row = ?1 FROM lessons WHERE right_row = ?1 OR wrong_row = ?1 "
        "ORDER BY iteration, rank",
        (row,),
    ).fetchall()
    steps = "SELECT step FROM steps WHERE lesson = ? AND iteration = ? ORDER BY step"
    return tuple(
        Taught(
            iteration=iteration,
            lesson=lesson,
            role="right solution" if kind == "right" else f"{'right' if right else 'wrong'} half of a pair",
            steps=tuple(step for (step,) in db.execute(steps, (lesson, iteration))),
        )
        for iteration, lesson, kind, right in found
    )

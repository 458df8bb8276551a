"""Memory on disk: every attempt, lesson, weight and report of one run, in one SQLite file with one writer."""

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any, Self

from envisions.records import Accuracy, AttemptKey, IterationReport, Lesson, Outcome, Problem, Trajectory, Weights
from pool import file, rows
from pool.counts import TRAINING_KINDS, Counts, accuracy, count, increase, measures, solved_of
from pool.curriculum import Count
from pool.file import StoreError

NOT_FINAL = frozenset((Outcome.infra_failed, Outcome.cancelled))  # the machine's fault: to be tried again


class Store:
    """The durable memory of one run. What a method has written when it returns survives `kill -9` and loss of power.

    One process may write (a lock file beside the database says which); any number may read with `read_only=True`
    meanwhile. Every method may be called from any thread. The file must lie on a local disk: SQLite's write-ahead
    log does not work over a network.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, wait: float = 0.0) -> None:
        """Open or create; `wait` seconds for an earlier writer to go. Raises StoreError."""
        self.path = Path(path)
        self._mutex = threading.RLock()
        if read_only and not self.path.is_file():
            raise StoreError(f"{path} does not exist; give the memory.sqlite of a run that has started")
        self._lock = None if read_only else file.lock(self.path, wait)
        try:
            self._db = file.connect(self.path, read_only)
        except BaseException:
            self._unlock()
            raise

    def close(self) -> None:
        with self._mutex:
            self._db.close()
            self._unlock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Attempts

    def add(self, problem: Problem, trajectories: Sequence[Trajectory]) -> int:
        """Store all attempts at one problem in one iteration, in one transaction; returns how many were new.

        The problem then counts as finished. A key that is already there is left as it is and counted as a duplicate.
        An attempt the machine spoiled (infra_failed, cancelled) is not stored as an attempt but noted in the table
        `failures`, and the problem stays unfinished, so that a resumed run tries it again; the other attempts are kept.
        """
        if not trajectories:
            return 0
        iteration = _one_iteration(problem, trajectories)
        final = [t for t in trajectories if t.feedback.outcome not in NOT_FINAL]
        spoiled = [t for t in trajectories if t.feedback.outcome in NOT_FINAL]
        with self._transaction() as db:
            self._check_run(trajectories)
            new = rows.put_attempts(db, problem, final)
            rows.put_failures(db, spoiled)
            if not spoiled:
                values = (iteration, problem.split, problem.id)
                db.execute("INSERT OR IGNORE INTO finished (iteration, split, problem) VALUES (?, ?, ?)", values)
            if new < len(final):
                increase(db, iteration, "duplicate", len(final) - new)
        return new

    def finished(self, iteration: int, split: str | None = None) -> set[str]:
        """Ids of the problems that need no further attempt in this iteration; of one split, or of all."""
        query = "SELECT problem FROM finished WHERE iteration = ? AND split = COALESCE(?, split)"
        return {problem for (problem,) in self._read(query, (iteration, split))}

    def attempts(
        self,
        *,
        iterations: Iterable[int] | None = None,
        problem: str | None = None,
        kinds: Iterable[str] | None = None,
        tokens: bool = True,
    ) -> list[Trajectory]:
        """The stored attempts, in order of iteration, problem, slot and kind, whatever order they came in.

        `None` means all. `tokens=False` leaves out the token ids, which selection does not need and which fill memory.
        """
        wanted: dict[str, Iterable[Any] | None] = {
            "iteration": iterations,
            "problem": None if problem is None else [problem],
            "kind": kinds,
        }
        lists = {column: list(values) for column, values in wanted.items() if values is not None}
        values = [value for chosen in lists.values() for value in chosen]
        where = "".join(f" AND a.{column} IN ({rows.marks(len(chosen))})" for column, chosen in lists.items())
        order = "ORDER BY a.iteration, a.problem, a.slot, a.kind, a.run"
        return list(self._trajectories(f"WHERE TRUE{where} {order}", values, tokens).values())

    def attempt(self, key: AttemptKey) -> Trajectory | None:
        """The attempt of this key, or None when memory does not hold it."""
        found = self._trajectories(f"WHERE ({rows.KEY}) = ({rows.marks(len(key))})", key)
        return next(iter(found.values()), None)

    # Lessons, and the gradient steps that used them

    def save_lessons(self, iteration: int, lessons: Iterable[Lesson]) -> None:
        """Keep an iteration's lessons, in their order, in place of any kept before. Their attempts must be stored."""
        with self._transaction() as db:
            db.execute("DELETE FROM lessons WHERE iteration = ?", (iteration,))
            for rank, lesson in enumerate(lessons):
                kind, right = "right" if lesson.wrong is None else "pair", rows.row_of(db, lesson.right)
                wrong = None if lesson.wrong is None else rows.row_of(db, lesson.wrong)
                values = (iteration, rank, rows.lesson_id(lesson), kind, right, wrong)
                db.execute(f"INSERT INTO lessons VALUES ({rows.marks(len(values))})", values)

    def lessons(self, iteration: int) -> list[Lesson]:
        """The lessons of an iteration as they were saved; empty when none were."""
        with self._mutex:
            query = "SELECT right_row, wrong_row FROM lessons WHERE iteration = ? ORDER BY rank"
            pairs = self._read(query, (iteration,))
            halves = "SELECT right_row FROM pairs UNION SELECT wrong_row FROM pairs WHERE wrong_row IS NOT NULL"
            within = f"WITH pairs AS (SELECT * FROM lessons WHERE iteration = ?) {halves}"
            found = self._trajectories(f"WHERE a.row IN ({within})", (iteration,))
        return [Lesson(right=found[right], wrong=found[wrong] if wrong else None) for right, wrong in pairs]

    def save_steps(self, iteration: int, steps: Iterable[tuple[int, str]]) -> None:
        """Keep which gradient step used which lesson (`rows.lesson_id`), in place of any kept before."""
        with self._transaction() as db:
            db.execute("DELETE FROM steps WHERE iteration = ?", (iteration,))
            db.executemany("INSERT INTO steps VALUES (?, ?, ?)", [(iteration, step, name) for step, name in steps])

    def steps(self, iteration: int) -> list[tuple[int, str]]:
        """(gradient step, lesson id), in the order they were saved."""
        return self._read("SELECT step, lesson FROM steps WHERE iteration = ? ORDER BY rowid", (iteration,))

    # Weights and reports

    def save_weights(self, weights: Weights) -> None:
        with self._transaction() as db:
            rows.put_weights(db, weights)

    def weights(self, version: int) -> Weights | None:
        return self._weights("WHERE version = ?", (version,))

    def latest_weights(self) -> Weights | None:
        """The weights of the highest version, whether or not a report names them yet."""
        return self._weights("ORDER BY version DESC LIMIT 1")

    def commit(self, report: IterationReport) -> IterationReport:
        """End an iteration: report and weights in one transaction. The first report stands; returns the one stored."""
        with self._transaction() as db:
            values = (report.iteration, json.dumps(rows.report_body(report)))
            if db.execute("INSERT OR IGNORE INTO reports VALUES (?, ?)", values).rowcount:
                rows.put_weights(db, report.weights)
            ((body,),) = self._read("SELECT body FROM reports WHERE iteration = ?", (report.iteration,))
        return rows.report_of(json.loads(body))

    def reports(self) -> list[IterationReport]:
        return [
            rows.report_of(json.loads(body)) for (body,) in self._read("SELECT body FROM reports ORDER BY iteration")
        ]

    # Counting and copying

    def retried(self, kind: str, n: int = 1) -> None:
        """Count `n` failures of the machine, by kind of actor, in the first iteration that has no report yet."""
        with self._transaction() as db:
            ((iteration,),) = self._read("SELECT COALESCE(MAX(iteration), -1) + 1 FROM reports")
            increase(db, iteration, f"retry:{kind}", n)

    def counts(self, iteration: int, kinds: Sequence[str] = TRAINING_KINDS) -> Counts:
        """What the attempts of these kinds came to in one iteration."""
        with self._mutex:
            return count(self._db, iteration, kinds)

    def accuracy(self, iteration: int, split: str) -> Accuracy:
        """Accuracy on one test set, from the attempts of kind "evaluate"."""
        with self._mutex:
            return accuracy(self._db, iteration, split)

    def measures(self, iteration: int, split: str) -> dict[str, Accuracy]:
        """What else the environment measured on one test set, by name: shares of its verdicts."""
        with self._mutex:
            return measures(self._db, iteration, split)

    def solved_of(self, before: float = inf) -> list[Count]:
        """The verdicts on what was explored in the iterations before one, by problem and iteration."""
        with self._mutex:
            return solved_of(self._db, before)

    def snapshot(self, path: str | Path) -> None:
        """Write a consistent copy of everything to `path`, whole or not at all."""
        with self._mutex:
            file.copy(self._db, Path(path))

    # Inside

    def _trajectories(self, rest: str, values: Sequence[Any], tokens: bool = True) -> dict[int, Trajectory]:
        columns = ", ".join(f"a.{name}" for name in rows.ATTEMPT.split(", "))
        columns = columns if tokens else columns.replace("a.tokens", "x''")
        with self._mutex:
            found = self._read(f"SELECT a.row, {columns} FROM attempts a {rest}", values)
            query = "SELECT id, split, body FROM problems WHERE row = ?"
            problems = {row: rows.problem_of(self._read(query, (row,))[0]) for row in {row[6] for row in found}}
        return {row[0]: rows.trajectory_of(row[1:], problems[row[6]]) for row in found}

    def _weights(self, rest: str, values: Sequence[Any] = ()) -> Weights | None:
        found = self._read(f"SELECT version, path, fingerprint FROM weights {rest}", values)
        return Weights(version=found[0][0], path=found[0][1], fingerprint=found[0][2]) if found else None

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._mutex:
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._mutex:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _check_run(self, trajectories: Sequence[Trajectory]) -> None:
        """One file holds one run, which the first attempt names."""
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('run', ?)", (trajectories[0].key.run,))
        ((ours,),) = self._read("SELECT value FROM meta WHERE name = 'run'")
        strange = next((t.key for t in trajectories if t.key.run != ours), None)
        if strange:
            raise StoreError(f"attempt {strange} is not of run {ours}, which {self.path} holds; use another run folder")

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _one_iteration(problem: Problem, trajectories: Sequence[Trajectory]) -> int:
    for t in trajectories:
        if t.key.problem != problem.id or (t.problem is not problem and t.problem != problem):
            raise StoreError(f"attempt {t.key} is not at problem {problem.id}; add one problem at a time")
        if t.key.iteration != trajectories[0].key.iteration:
            raise StoreError(f"attempt {t.key} is of another iteration than {trajectories[0].key}; add one at a time")
    return trajectories[0].key.iteration

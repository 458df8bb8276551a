"""Memory on disk: every attempt, lesson, weight and report of one run, in one SQLite file with one writer."""

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any, Self

from envisions.records import Accuracy, AttemptKey, IterationReport, Lesson, Outcome, Problem, Trajectory, Weights
from pool import file, proof, rows
from pool.counts import TRAINING_KINDS, Counts, accuracy, count, measures, solved_of
from pool.curriculum import Count
from pool.file import StoreError
from pool.ledger import Balance, balances, dispatch, ground, increase, land
from pool.lineage import Relations, relations
from pool.schema import KEY

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

    def run_with(self, versions: Mapping[str, Any]) -> None:
        """Say which environment, verifiers and prompts the attempts to come are made with; JSON values by name."""
        body = rows.to_json(dict(sorted(versions.items())), "versions")
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO versions (body) VALUES (?)", (body,))
            ((row,),) = self._read("SELECT row FROM versions WHERE body = ?", (body,))
            db.execute("INSERT OR REPLACE INTO meta VALUES ('versions', ?)", (str(row),))

    def dispatch(self, keys: Sequence[AttemptKey]) -> int:
        """Enter attempts that are about to be made into the books; returns how many of them are not stored yet.

        This one survives `kill -9`; of what it wrote, a loss of power may take the last entries. They name no result.
        """
        with self._transaction(durable=False) as db:
            self._check_run(keys)
            return dispatch(db, keys)

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
            self._check_run([t.key for t in trajectories])
            stored = rows.put_attempts(db, problem, final, self._versions())
            for t, new in zip(final, stored, strict=True):
                if new:
                    land(db, t.key, stored=True)
            for t in spoiled:
                land(db, t.key, stored=False)
                rows.put_failure(db, t)
            if not spoiled:
                values = (iteration, problem.split, problem.id)
                db.execute("INSERT OR IGNORE INTO finished (iteration, split, problem) VALUES (?, ?, ?)", values)
            if doubled := stored.count(False):
                increase(db, iteration, "duplicate", doubled)
        return sum(stored)

    def recall(self, folder: str, trajectories: Sequence[Trajectory], came_to: Mapping[str, int]) -> None:
        """Take over attempts of an earlier run (`pool.recall.recalled`), all in one transaction, each folder once.

        `came_to` says what became of all that it offered.
        """
        taken = "SELECT COALESCE(MAX(slot), -1) + 1 FROM attempts WHERE (run, iteration, problem, kind) = (?, 0, ?, ?)"
        with self._transaction() as db:
            body = rows.to_json(dict(came_to), "what became of a source")
            if not db.execute("INSERT OR IGNORE INTO sources VALUES (?, ?)", (folder, body)).rowcount:
                return
            for t in trajectories:
                (slot,) = db.execute(taken, (t.key.run, t.key.problem, t.key.kind)).fetchone()
                rows.put_attempts(db, t.problem, [replace(t, key=t.key._replace(slot=slot))], self._versions())

    def sources(self) -> dict[str, dict[str, int]]:
        """The folders of earlier runs that were taken over, and what became of what they offered."""
        return {folder: json.loads(body) for folder, body in self._read("SELECT folder, body FROM sources")}

    def finished(self, iteration: int, split: str | None = None) -> set[str]:
        """Ids of the problems that need no further attempt in this iteration; of one split, or of all."""
        query = "SELECT problem FROM finished WHERE iteration = ? AND split = COALESCE(?, split)"
        return {problem for (problem,) in self._read(query, (iteration, split))}

    def solved(self, iteration: int) -> set[str]:
        """Ids of the train problems with an accepted attempt in this iteration."""
        kinds = rows.marks(len(TRAINING_KINDS))
        query = f"SELECT problem FROM attempts WHERE iteration = ? AND outcome = 'accepted' AND kind IN ({kinds})"
        return {problem for (problem,) in self._read(query, (iteration, *TRAINING_KINDS))}

    def attempts(
        self,
        *,
        iterations: Iterable[int] | None = None,
        problem: str | None = None,
        kinds: Iterable[str] | None = None,
        outcomes: Iterable[str] | None = None,
        tokens: bool = True,
        trusted: bool = False,
    ) -> list[Trajectory]:
        """The stored attempts, in order of iteration, problem, slot and kind, whatever order they came in.

        `None` means all. `tokens=False` leaves out the token ids, which selection does not need and which fill memory.
        `trusted` leaves out what is in quarantine.
        """
        at = None if problem is None else [problem]
        wanted = {"iteration": iterations, "problem": at, "kind": kinds, "outcome": outcomes}
        return list(self.by_row(tokens=tokens, trusted=trusted, **wanted).values())

    def by_row(
        self, *, tokens: bool = True, trusted: bool = False, **wanted: Iterable[Any] | None
    ) -> dict[int, Trajectory]:
        """The same by row, chosen by the values of columns."""
        lists = {column: list(values) for column, values in wanted.items() if values is not None}
        values = [value for chosen in lists.values() for value in chosen]
        where = "".join(f" AND a.{column} IN ({rows.marks(len(chosen))})" for column, chosen in lists.items())
        where += " AND a.row NOT IN (SELECT attempt FROM quarantine)" if trusted else ""
        order = "ORDER BY a.iteration, a.problem, a.slot, a.kind, a.run"
        return self._trajectories(f"WHERE TRUE{where} {order}", values, tokens)

    def attempt(self, key: AttemptKey) -> Trajectory | None:
        """The attempt of this key, or None when memory does not hold it."""
        found = self._trajectories(f"WHERE ({KEY}) = ({rows.marks(len(key))})", key)
        return next(iter(found.values()), None)

    def keys(self, outcomes: Iterable[str]) -> list[AttemptKey]:
        """The keys of the attempts that came to one of these, in order."""
        wanted = list(outcomes)
        query = f"SELECT {KEY} FROM attempts WHERE outcome IN ({rows.marks(len(wanted))}) ORDER BY {KEY}"
        return [AttemptKey(*row) for row in self._read(query, wanted)]

    def size(self) -> int:
        """How many attempts are stored."""
        return int(self._read("SELECT COUNT(*) FROM attempts")[0][0])

    def name(self, row: int) -> str:
        """What an attempt is called; what a changed byte has left of that."""
        parts = KEY.replace(", ", " || '/' || ")
        ((name,),) = self._read(f"SELECT CAST({parts} AS BLOB) FROM attempts WHERE row = ?", (row,))
        return bytes(name).decode(errors="replace")

    # Proof

    def changed(self) -> list[int]:
        """Rows of the attempts whose bytes are not those that were written. Raises StoreError for a broken file."""
        with self._mutex:
            if said := proof.damage(self._db):
                raise StoreError(f"{self.path} is damaged ({said}); put a snapshot in its place")
        return list(proof.changed(self.path))

    def quarantine(self, reasons: Mapping[int, str]) -> int:
        """Bar attempts, by row, from ever becoming lessons; returns how many are barred newly."""
        with self._transaction() as db:
            return proof.quarantine(db, reasons)

    def quarantined(self) -> dict[int, str]:
        """What is barred from becoming a lesson, by row, and why."""
        return dict(self._read("SELECT attempt, reason FROM quarantine ORDER BY attempt"))

    # Lessons, and the gradient steps that used them

    def save_lessons(self, iteration: int, lessons: Iterable[Lesson]) -> None:
        """Keep an iteration's lessons, in their order, in place of any kept before. Their attempts must be stored."""
        with self._transaction() as db:
            db.execute("DELETE FROM lessons WHERE iteration = ?", (iteration,))
            for rank, lesson in enumerate(lessons):
                kind, right = "right" if lesson.wrong is None else "pair", rows.row_of(db, lesson.right.key)
                wrong = None if lesson.wrong is None else rows.row_of(db, lesson.wrong.key)
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

    def save_steps(self, iteration: int, steps: Iterable[tuple[int, str]], batches: Sequence[str] = ()) -> None:
        """Keep which gradient step used which lesson (`rows.lesson_id`), in place of any kept before.

        `batches`: the digest of each step's token batch, from step 0 on.
        """
        with self._transaction() as db:
            db.execute("DELETE FROM steps WHERE iteration = ?", (iteration,))
            db.execute("DELETE FROM batches WHERE iteration = ?", (iteration,))
            db.executemany("INSERT INTO steps VALUES (?, ?, ?)", [(iteration, step, name) for step, name in steps])
            digests = [(iteration, step, digest) for step, digest in enumerate(batches)]
            db.executemany("INSERT INTO batches VALUES (?, ?, ?)", digests)

    def steps(self, iteration: int) -> list[tuple[int, str]]:
        """(gradient step, lesson id), in the order they were saved."""
        return self._read("SELECT step, lesson FROM steps WHERE iteration = ? ORDER BY rowid", (iteration,))

    def batch(self, iteration: int, step: int) -> str | None:
        """The digest of the token batch of one gradient step, as the learner had it."""
        found = self._read("SELECT digest FROM batches WHERE iteration = ? AND step = ?", (iteration, step))
        return found[0][0] if found else None

    def relations(self, key: AttemptKey) -> Relations:
        """Where an attempt comes from and what became of it. Raises LookupError where memory does not hold it."""
        with self._mutex:
            return relations(self._db, rows.row_of(self._db, key), key)

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
        """End an iteration: report and weights in one transaction. The first report stands; returns the one stored.

        Attempts still in flight are noted as cancelled.
        """
        with self._transaction() as db:
            values = (report.iteration, json.dumps(rows.report_body(report)))
            if db.execute("INSERT OR IGNORE INTO reports VALUES (?, ?)", values).rowcount:
                rows.put_weights(db, report.weights)
                ground(db, report.iteration)
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

    def balances(self) -> list[Balance]:
        """The books as they stand, by iteration and kind of attempt."""
        with self._mutex:
            return balances(self._db)

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
    def _transaction(self, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """All or nothing. `durable`: on the disk when it ends; otherwise in the hands of the operating system."""
        with self._mutex:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _check_run(self, keys: Sequence[AttemptKey]) -> None:
        """One file holds one run, which the first attempt names."""
        if not keys:
            return
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('run', ?)", (keys[0].run,))
        ((ours,),) = self._read("SELECT value FROM meta WHERE name = 'run'")
        if strange := next((key for key in keys if key.run != ours), None):
            raise StoreError(f"attempt {strange} is not of run {ours}, which {self.path} holds; use another run folder")

    def _versions(self) -> int | None:
        found = self._read("SELECT value FROM meta WHERE name = 'versions'")
        return int(found[0][0]) if found else None

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

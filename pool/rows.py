"""How records lie in the tables of memory: the schema, and the way there and back without loss."""

import json
import sqlite3
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from envisions.records import (
    Accuracy,
    AttemptKey,
    Candidate,
    Feedback,
    IterationReport,
    Lesson,
    Outcome,
    Problem,
    Trajectory,
    Weights,
)

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS problems (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL, split TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (id, split, body));
CREATE TABLE IF NOT EXISTS attempts (
    row INTEGER PRIMARY KEY,
    run TEXT NOT NULL, iteration INTEGER NOT NULL, problem TEXT NOT NULL, slot INTEGER NOT NULL, kind TEXT NOT NULL,
    problem_row INTEGER NOT NULL REFERENCES problems,
    text TEXT NOT NULL, tokens BLOB NOT NULL, logprob REAL, weights INTEGER NOT NULL, seed INTEGER NOT NULL,
    finish TEXT NOT NULL, program TEXT NOT NULL,
    outcome TEXT NOT NULL, output TEXT, error TEXT NOT NULL, seconds REAL, evidence TEXT NOT NULL,
    parent TEXT,
    UNIQUE (run, iteration, problem, slot, kind));
CREATE INDEX IF NOT EXISTS attempts_of_problem ON attempts (problem);
CREATE TABLE IF NOT EXISTS failures (
    run TEXT NOT NULL, iteration INTEGER NOT NULL, problem TEXT NOT NULL, slot INTEGER NOT NULL, kind TEXT NOT NULL,
    outcome TEXT NOT NULL, error TEXT NOT NULL, times INTEGER NOT NULL,
    PRIMARY KEY (run, iteration, problem, slot, kind));
CREATE TABLE IF NOT EXISTS finished (
    iteration INTEGER NOT NULL, split TEXT NOT NULL, problem TEXT NOT NULL, PRIMARY KEY (iteration, split, problem));
CREATE TABLE IF NOT EXISTS counters (
    iteration INTEGER NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (iteration, name));
CREATE TABLE IF NOT EXISTS weights (version INTEGER PRIMARY KEY, path TEXT NOT NULL, fingerprint TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reports (iteration INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lessons (
    iteration INTEGER NOT NULL, rank INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
    right_row INTEGER NOT NULL REFERENCES attempts, wrong_row INTEGER REFERENCES attempts,
    PRIMARY KEY (iteration, rank));
CREATE TABLE IF NOT EXISTS steps (iteration INTEGER NOT NULL, step INTEGER NOT NULL, lesson TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS steps_of_iteration ON steps (iteration);
"""

KEY = "run, iteration, problem, slot, kind"
ATTEMPT = (
    f"{KEY}, problem_row, text, tokens, logprob, weights, seed, finish, program, "
    "outcome, output, error, seconds, evidence, parent"
)


def lesson_id(lesson: Lesson) -> str:
    """The name under which a gradient step refers to this lesson; made of the keys of its attempts."""
    return str(lesson.right.key) if lesson.wrong is None else f"{lesson.right.key} after {lesson.wrong.key}"


def problem_row(problem: Problem) -> tuple[str, str, str]:
    body = {
        "world": problem.world,
        "question": problem.question,
        "answer": problem.answer,
        "setup": dict(problem.setup),
    }
    return problem.id, problem.split, to_json(body, f"problem {problem.id}")


def problem_of(row: Sequence[Any]) -> Problem:
    return Problem(id=row[0], split=row[1], **json.loads(row[2]))


def attempt_row(trajectory: Trajectory, problem_row: int) -> tuple[Any, ...]:
    """The values of the columns ATTEMPT names."""
    candidate, feedback = trajectory.candidate, trajectory.feedback
    return (
        *trajectory.key,
        problem_row,
        any_text(candidate.text),
        struct.pack(f"<{len(candidate.tokens)}I", *candidate.tokens),
        candidate.logprob,
        candidate.weights,
        candidate.seed,
        candidate.finish,
        any_text(trajectory.program),
        feedback.outcome.value,
        None if feedback.output is None else any_text(feedback.output),
        any_text(feedback.error),
        feedback.seconds,
        to_json(dict(feedback.evidence), f"evidence of {trajectory.key}"),
        None if trajectory.parent is None else json.dumps(trajectory.parent),
    )


def trajectory_of(row: Sequence[Any], problem: Problem) -> Trajectory:
    (run, iteration, problem_id, slot, kind, _, text, tokens, logprob, weights, seed, finish, program) = row[:13]
    outcome, output, error, seconds, evidence, parent = row[13:]
    return Trajectory(
        key=AttemptKey(run, iteration, problem_id, slot, kind),
        problem=problem,
        candidate=Candidate(
            text=text_of(text),
            tokens=struct.unpack(f"<{len(tokens) // 4}I", tokens),
            logprob=float_of(logprob),
            weights=weights,
            seed=seed,
            finish=finish,
        ),
        program=text_of(program),
        feedback=Feedback(
            outcome=Outcome(outcome),
            output=None if output is None else text_of(output),
            error=text_of(error),
            seconds=float_of(seconds),
            evidence={} if evidence == "{}" else json.loads(evidence),
        ),
        parent=None if parent is None else AttemptKey(*json.loads(parent)),
    )


def put_attempts(db: sqlite3.Connection, problem: Problem, trajectories: Sequence[Trajectory]) -> int:
    body = problem_row(problem)
    db.execute("INSERT OR IGNORE INTO problems (id, split, body) VALUES (?, ?, ?)", body)
    (row,) = db.execute("SELECT row FROM problems WHERE (id, split, body) = (?, ?, ?)", body).fetchone()
    # Not INSERT OR IGNORE: that would also swallow an attempt that breaks another rule of the table.
    values = marks(len(ATTEMPT.split(", ")))
    insert = f"INSERT INTO attempts ({ATTEMPT}) VALUES ({values}) ON CONFLICT ({KEY}) DO NOTHING"
    return sum(db.execute(insert, attempt_row(t, row)).rowcount for t in trajectories)


def put_failures(db: sqlite3.Connection, trajectories: Sequence[Trajectory]) -> None:
    db.executemany(
        "INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET "
        "outcome = excluded.outcome, error = excluded.error, times = times + 1",
        [(*t.key, t.feedback.outcome.value, any_text(t.feedback.error)) for t in trajectories],
    )


def put_weights(db: sqlite3.Connection, weights: Weights) -> None:
    values = (weights.version, weights.path, weights.fingerprint)
    db.execute("INSERT OR REPLACE INTO weights VALUES (?, ?, ?)", values)


def row_of(db: sqlite3.Connection, trajectory: Trajectory) -> int:
    found = db.execute(f"SELECT row FROM attempts WHERE ({KEY}) = (?, ?, ?, ?, ?)", trajectory.key).fetchone()
    if found is None:
        raise LookupError(f"the lesson's attempt {trajectory.key} is not in memory; add its attempts first")
    return int(found[0])


def marks(n: int) -> str:
    return ", ".join("?" * n)


def report_body(report: IterationReport) -> dict[str, Any]:
    """The report as JSON values: what a line of report.jsonl holds."""
    # Not dataclasses.asdict: that copies mappings by calling their type, which not every mapping bears.
    body: dict[str, Any] = {name: getattr(report, name) for name in IterationReport.__dataclass_fields__}
    body = {name: dict(value) if isinstance(value, Mapping) else value for name, value in body.items()}
    return body | {
        "weights": asdict(report.weights),
        "accuracy": {name: asdict(value) for name, value in report.accuracy.items()},
        "loss": list(report.loss),
    }


def report_of(body: Mapping[str, Any]) -> IterationReport:
    """The report that `report_body` took apart."""
    parts = {
        "weights": Weights(**body["weights"]),
        "accuracy": {name: Accuracy(**value) for name, value in body["accuracy"].items()},
        "loss": tuple(body["loss"]),
    }
    return IterationReport(**{**body, **parts})


def to_json(value: object, what: str) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} cannot be stored ({error}); give JSON values only") from None


def any_text(text: str) -> str | bytes:
    """Text as SQLite can hold it: half a surrogate pair, which a program may print, is no UTF-8 and becomes bytes."""
    return text if text.isascii() or _is_utf8(text) else text.encode("utf-8", "surrogatepass")


def text_of(stored: str | bytes) -> str:
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")


def float_of(stored: float | None) -> float:
    return float("nan") if stored is None else stored  # SQLite keeps NaN as NULL


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

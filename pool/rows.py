"""How records lie in the tables of memory: the way there and back, without loss and proof against changes."""

import json
import sqlite3
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import blake2b
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
from pool.schema import KEY

ATTEMPT = (
    f"{KEY}, problem_row, text, tokens, logprob, weights, seed, finish, prompt, program, "
    "outcome, output, error, seconds, evidence, parent, origin"
)
PROVED = f"{ATTEMPT}, versions"  # what a digest is over, after the problem's columns
DIGEST_BYTES = 16


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
        real(candidate.logprob),
        candidate.weights,
        candidate.seed,
        candidate.finish,
        candidate.prompt,
        any_text(trajectory.program),
        feedback.outcome.value,
        None if feedback.output is None else any_text(feedback.output),
        any_text(feedback.error),
        real(feedback.seconds),
        to_json(dict(feedback.evidence), f"evidence of {trajectory.key}"),
        None if trajectory.parent is None else json.dumps(trajectory.parent),
        None if trajectory.origin is None else json.dumps(trajectory.origin),
    )


def trajectory_of(row: Sequence[Any], problem: Problem) -> Trajectory:
    (run, iteration, problem_id, slot, kind, _, text, tokens, logprob, weights, seed, finish) = row[:12]
    prompt, program, outcome, output, error, seconds, evidence, parent, origin = row[12:]
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
            prompt=prompt,
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
        origin=None if origin is None else AttemptKey(*json.loads(origin)),
    )


def digest(values: Iterable[Any]) -> bytes:
    """A hash of what SQLite holds in these columns; the same whether it gives text as str or as bytes."""
    hashed = blake2b(digest_size=DIGEST_BYTES)
    for value in values:
        if isinstance(value, float):
            value = struct.pack("<d", value)
        elif isinstance(value, int):
            value = b"%d" % value
        elif isinstance(value, str):
            value = value.encode()
        hashed.update(b"-" if value is None else b"%d:%b" % (len(value), value))
    return hashed.digest()


def put_attempts(
    db: sqlite3.Connection, problem: Problem, trajectories: Sequence[Trajectory], versions: int | None
) -> list[bool]:
    """Store what is new of these; says for each whether it was."""
    body = problem_row(problem)
    db.execute("INSERT OR IGNORE INTO problems (id, split, body) VALUES (?, ?, ?)", body)
    (row,) = db.execute("SELECT row FROM problems WHERE (id, split, body) = (?, ?, ?)", body).fetchone()
    # Not INSERT OR IGNORE: that would also swallow an attempt that breaks another rule of the table.
    insert = (
        f"INSERT INTO attempts ({PROVED}, digest) VALUES ({marks(len(PROVED.split(', ')) + 1)}) "
        f"ON CONFLICT ({KEY}) DO NOTHING"
    )
    new = []
    for trajectory in trajectories:
        values = (*attempt_row(trajectory, row), versions)
        new.append(db.execute(insert, (*values, digest((*body, *values)))).rowcount == 1)
    return new


def put_failure(db: sqlite3.Connection, trajectory: Trajectory) -> None:
    feedback = trajectory.feedback
    db.execute(
        "INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET "
        "outcome = excluded.outcome, error = excluded.error, times = times + 1",
        (*trajectory.key, feedback.outcome.value, any_text(feedback.error)),
    )


def put_weights(db: sqlite3.Connection, weights: Weights) -> None:
    values = (weights.version, weights.path, weights.fingerprint)
    db.execute("INSERT OR REPLACE INTO weights VALUES (?, ?, ?)", values)


def row_of(db: sqlite3.Connection, key: AttemptKey) -> int:
    found = db.execute(f"SELECT row FROM attempts WHERE ({KEY}) = (?, ?, ?, ?, ?)", key).fetchone()
    if found is None:
        raise LookupError(f"attempt {key} is not in memory; add it first, or see `envisions show` for what is")
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


def real(number: float) -> float | None:
    """The number as SQLite gives it back: NaN as NULL, and zero without a sign."""
    return None if number != number else float(number) + 0.0


def float_of(stored: float | None) -> float:
    return float("nan") if stored is None else stored  # SQLite keeps NaN as NULL


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

"""Whether a text is right, in the word of its language: by what it means, or by what becomes of it.

Runs as a child, `python -m envs.symbols.meaning`: it says that it is ready, then reads jobs and writes verdicts, one
JSON object a line.
"""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from random import Random
from typing import Any

from envisions.records import Outcome
from envs.languages.base import ExecutionError, Malformed
from envs.languages.databases import instance
from envs.languages.registry import language as made
from envs.languages.sql import is_trivial, literals_of, same_rows

Verdict = dict[str, Any]
Job = Mapping[str, Any]
DATABASE_SEED = 97  # of the database that a question is asked on; meaning is tried on others


def judged(language: Any, job: Job) -> Verdict:
    """Outcome, canonical text and, in one line, what is wrong; the gold is never in it."""
    try:
        right = language.parse(job["gold"])
    except Malformed as fault:
        return {"outcome": Outcome.unverifiable, "error": f"the gold text is malformed: {fault}"}
    if why := language.fault(right):
        return {"outcome": Outcome.unverifiable, "error": f"the gold text says nothing: {why}"}
    try:
        tree = language.parse(job["text"])
    except Malformed as fault:
        return {"outcome": Outcome.failed, "error": f"it cannot be read: {fault}"}
    said = {"output": language.print(tree)}
    if why := language.fault(tree):
        return {"outcome": Outcome.rejected, "error": why, **said}
    try:
        return said | HOW[job["check"]](language, right, tree, job)
    except ExecutionError as fault:
        return {"outcome": Outcome.failed, "error": f"it does not run: {fault}", **said}


def meaning(language: Any, right: Any, tree: Any, job: Job) -> Verdict:
    """The same meaning as the gold; where there are tests, they decide."""
    if job["tests"] is not None:
        return _said(language.execute(tree, job["tests"]), "a test does not pass")
    return _said(language.equal(right, tree), "it can be read, but means something else")


def plan(language: Any, right: Any, tree: Any, job: Job) -> Verdict:
    """A plan for the problem that was written reaches the goal of the gold one."""
    return _said(language.solves(right, tree), "a plan for it does not reach the goal of the task")


def scene(language: Any, right: Any, tree: Any, job: Job) -> Verdict:
    """The answer in the scene that the question is about, and in others, so that luck earns nothing."""
    return _verified(language, right, tree, language.execute(tree, job["scene"]) == job["result"])


def table(language: Any, right: Any, tree: Any, job: Job) -> Verdict:
    """The rows that the gold gives in one database, where it gives any, and in others."""
    with closing(instance(language.schema, literals_of(right, tree), Random(DATABASE_SEED))) as database:
        wanted, given = language.execute(right, database), language.execute(tree, database)
    if is_trivial(wanted):
        return {"outcome": Outcome.unverifiable, "error": "the gold query gives nothing here"}
    return _verified(language, right, tree, same_rows(wanted, given, ordered=bool(right.args.get("order"))))


def _verified(language: Any, right: Any, tree: Any, answered: bool) -> Verdict:
    """The right answer, and not by luck; both are reported."""
    verified = answered and language.equal(right, tree)
    error = "its answer is right by luck only" if answered else "its answer is wrong"
    return _said(verified, error) | {"measures": {"answer": bool(answered), "verified": bool(verified)}}


def _said(right: bool, error: str) -> Verdict:
    return {"outcome": Outcome.accepted if right else Outcome.rejected, "error": "" if right else error}


HOW: Mapping[str, Callable[[Any, Any, Any, Job], Verdict]] = {
    "meaning": meaning,
    "plan": plan,
    "scene": scene,
    "table": table,
}


def answered(job: Job) -> Verdict:
    """The verdict on a job: language, definition, gold, text, check, and what the check needs."""
    try:
        return judged(made(job["language"], job["definition"]), job)
    except MemoryError:
        return {"outcome": Outcome.failed, "error": "it needs too much memory"}


def main() -> None:
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answered(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()

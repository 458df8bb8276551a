"""Whether problems can be scored: for every record the gold answer must be accepted, and a wrong one rejected."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

from envisions.records import Problem
from envs.math.answers import GRADER, at_once, judged, number
from envs.math.sources import LOADERS, Records, SourceConfig
from envs.rows import RecordError
from envs.sandbox.sandbox import Sandbox


class Checked(NamedTuple):
    """One record: where it stands, and why it cannot be used; `fault` is empty where it can."""

    place: str
    fault: str


def validate(source: SourceConfig, split: str = "test") -> Iterator[Checked]:
    """Every record of a source, in order: the bad ones with what is wrong and what to do, none left out.

    Answers are compared as the environment compares them, without running a program.
    Raises SourceError when a file or a repository cannot be read at all, InfrastructureError when the sandbox fails.
    """
    end = source.skip + source.count if source.count else None
    records = list(islice(entries(source, split), source.skip, end))
    with Sandbox(GRADER) as sandbox, ThreadPoolExecutor(GRADER.parallel) as threads:
        faults = threads.map(lambda record: fault(record[1], sandbox), records)
        seen: set[str] = set()
        for (place, found), wrong in zip(records, faults, strict=True):
            name = found.id if isinstance(found, Problem) else ""
            twice = name in seen
            seen |= {name} - {""}
            yield Checked(place, f"its id {name!r} occurs twice: give it one of its own" if twice else wrong)


def entries(source: SourceConfig, split: str) -> Iterator[tuple[str, Problem | RecordError | None]]:
    """Each record with its place, a generated one with its id."""
    loader = LOADERS[source.name]
    if isinstance(loader, Records):
        return loader.each(source, split)
    return ((problem.id, problem) for problem in loader(source, split))


def fault(found: Problem | RecordError | None, sandbox: Sandbox) -> str:
    """Why a record cannot be used, empty when it can."""
    if found is None:
        return "its answer is not one number: it is left out"
    if isinstance(found, RecordError):
        return f"{found}: mend it or take it out"
    gold = found.answer
    if same(right(gold), gold, sandbox) is not True:
        return f"the answer {gold!r:.80} is not found the same as itself: write it otherwise or take it out"
    if same(wrong(gold), gold, sandbox) is not False:
        return f"{wrong(gold)!r:.80} is not rejected where the answer is {gold!r:.80}: mend it or take it out"
    return ""


def same(output: Any, gold: str, sandbox: Sandbox) -> bool | None:
    """As `answers.compare`, but equal texts too are read and compared by what they mean."""
    return judged(output, gold, sandbox).same if number(gold) is None else at_once(output, gold)


def right(gold: str) -> Any:
    """The gold answer as a program would return it: a number, or else its text."""
    value = number(gold)
    if value is None:
        return gold
    return int(value) if value.denominator == 1 else {"repr": str(value), "type": "Fraction"}


def wrong(gold: str) -> Any:
    """An answer of the same form that is not right: the first number in it one higher, or one added."""
    value = number(gold)
    if value is not None:
        return 2 * abs(int(value)) + 1
    higher = re.sub(r"\d+", lambda digits: str(int(digits[0]) + 1), gold, count=1)
    return higher if higher != gold else f"{gold} + 1"

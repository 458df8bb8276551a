"""Without a model: what the environment says of given programs, and whether a set of problems can be scored at all."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from envisions.config import explain
from envisions.records import Feedback, Outcome, Problem
from envs.base import Environment, InfrastructureError
from envs.languages.registry import LANGUAGES
from envs.logic import sources as logic
from envs.logic.checking import Strictness
from envs.logic.environment import LogicEnvironment
from envs.logic.task import posed
from envs.math import formats
from envs.math.environment import MathEnvironment
from envs.math.sources import LOADERS, SourceConfig
from envs.math.validation import Checked
from envs.math.validation import validate as each_record
from envs.rows import Record, RecordError, SourceError, file_rows, record
from envs.sandbox.sandbox import SandboxConfig
from envs.symbols.environment import SymbolsEnvironment
from envs.web import sources as web
from envs.web.environment import WebEnvironment
from envs.web.tasks import TaskError

ATTEMPTS = 3  # how often a program is tried while the machine fails
WAITING = 2  # threads beside those whose programs run: their answers are being compared


@dataclass(frozen=True, slots=True)
class Checkable:
    """How one world reads a record, and what executes its programs. `shape` tells a user how a record looks."""

    problem: Callable[[Record], Problem]
    environment: Callable[[SandboxConfig], Environment]
    shape: str
    field: str = "program"  # where a record has its program


def check(
    world: str, file: str | Path, sandbox: SandboxConfig | None = None, environments: int = 1
) -> Iterator[dict[str, Any]]:
    """One dict a record, in the order of the file: id, outcome, output (a JSON value), error, seconds.

    The whole file is read before anything is executed; raises SourceError, one line with
    file, line, rule and remedy, when a record or the world is none.
    `sandbox.parallel` programs run at once in each of the environments.
    """
    if world not in WORLDS:
        near = get_close_matches(world, WORLDS, n=1)
        raise SourceError(
            f"{world!r} is no world; " + (f"did you mean {near[0]}?" if near else f"use {', '.join(WORLDS)}")
        )
    if environments < 1:
        raise SourceError(f"environments is {environments}; it must be at least 1")
    tasks = list(read(WORLDS[world], Path(file)))
    return execute(tasks, WORLDS[world], sandbox or SandboxConfig(), environments)


def validate(name: str, file: Path | None = None, count: int = 0) -> Iterator[Checked]:
    """Every record of a set of problems with its place, the bad ones with what is wrong and what to do.

    Without a file the set is generated or read from the hub. Raises SourceError when there is no such set.
    """
    hub = file is None and getattr(LOADERS.get(name), "hub", None) is not None
    try:
        return each_record(SourceConfig(name=name, path=file, hub=hub, count=count))
    except ValidationError as error:
        raise SourceError("\n".join(explain(error))) from None


def read(world: Checkable, file: Path) -> Iterator[tuple[Problem, str]]:
    """The problems of a file (one JSON record a line) and their programs."""
    if not file.is_file():
        raise SourceError(f"{file} does not exist; name a file with one record a line: {world.shape}")
    for place, row in file_rows(file):
        try:
            found = record(row)
            yield world.problem(found), program_of(found, world.field)
        except RecordError as fault:
            raise SourceError(f"{place}: {fault}; a record is {world.shape}: mend it or take it out") from None


def program_of(record: Record, field: str) -> str:
    """The program as it stands; an empty one is a failed attempt, not a fault of the file."""
    if field not in record:
        raise RecordError(f"field {field} is missing")
    if not isinstance(record[field], str):
        raise RecordError(f"{field} is {record[field]!r:.60}; it must be text")
    return record[field]


def execute(
    tasks: Sequence[tuple[Problem, str]], world: Checkable, sandbox: SandboxConfig, count: int
) -> Iterator[dict[str, Any]]:
    """The environment's word on each task, as soon as those before it are done."""
    environments = [world.environment(sandbox) for _ in range(count)]

    def line(number: int) -> dict[str, Any]:
        problem, program = tasks[number]
        return said(problem, feedback(environments[number % count], problem, program))

    try:
        with ThreadPoolExecutor(count * (sandbox.parallel + WAITING), thread_name_prefix="check") as threads:
            yield from threads.map(line, range(len(tasks)))
    finally:
        for environment in environments:
            environment.close()


def feedback(environment: Environment, problem: Problem, program: str) -> Feedback:
    """The verdict; when the machine keeps failing, that is said, and nothing of the program."""
    failure = ""
    for _ in range(ATTEMPTS):
        try:
            return environment.execute(problem, program)
        except InfrastructureError as error:
            failure = str(error)
    return Feedback(outcome=Outcome.infra_failed, error=failure)


def said(problem: Problem, verdict: Feedback) -> dict[str, Any]:
    return {
        "id": problem.id,
        "outcome": verdict.outcome.value,
        "output": None if verdict.output is None else json.loads(verdict.output),
        "error": verdict.error,
        "seconds": round(verdict.seconds, 6),
    }


def math_problem(record: Record) -> Problem:
    """Question, answer (a number or text) and, where the program takes arguments, `inputs` by their names."""
    name = id_of(record)
    inputs = record.get("inputs") or {}
    if not isinstance(inputs, dict) or not all(argument.isidentifier() for argument in inputs):
        raise RecordError(f"inputs is {inputs!r:.60}; it must be an object from argument names to values")
    reading = formats.plain(record)
    setup = {"inputs": inputs} if inputs else {}
    return Problem(id=name, world="math", question=reading.question, answer=reading.answer, split="check", setup=setup)


def logic_problem(record: Record) -> Problem:
    """Semantics, answer and, where they are given, context and question."""
    return posed(id_of(record), "check", logic.checked(record))


def web_problem(record: Record) -> Problem:
    """Task and seed; a record without an id is called after them."""
    name, seed = record.get("env"), record.get("seed")
    if not isinstance(name, str):
        raise RecordError(f"env is {name!r:.60}; it must be the name of a task")
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise RecordError(f"seed is {seed!r:.60}; it must be a whole number")
    try:
        return web.posed(id_of(record) if "id" in record else f"{name}/{seed}", "check", name, seed)
    except TaskError as fault:
        raise RecordError(str(fault)) from None


def symbols_problem(record: Record) -> Problem:
    """Language, definition and gold; `check` and what it needs where it is not by meaning."""
    name, gold = record.get("language"), record.get("answer")
    if name not in LANGUAGES:
        raise RecordError(f"language is {name!r:.60}; it must be one of {', '.join(LANGUAGES)}")
    if not isinstance(gold, str):
        raise RecordError(f"answer is {gold!r:.60}; it must be the gold text")
    setup = {"check": "meaning", "definition": None, "glosses": {}, **record}
    question = str(record.get("question") or "")
    return Problem(id=id_of(record), world="symbols", question=question, answer=gold, split="check", setup=setup)


def id_of(record: Record) -> str:
    name = record.get("id")
    if not isinstance(name, str | int) or isinstance(name, bool) or name == "":
        raise RecordError(f"id is {name!r:.60}; it must be text or a whole number")
    return str(name)


WORLDS: Mapping[str, Checkable] = {
    "math": Checkable(
        math_problem, MathEnvironment, '{"id", "question", "answer", "program"} and, if need be, "inputs"'
    ),
    "logic": Checkable(
        logic_problem,
        lambda _: LogicEnvironment(Strictness.none()),
        '{"id", "semantics", "answer", "program"} and, where there is one, "context" and "question"',
    ),
    "web": Checkable(
        web_problem,
        lambda sandbox: WebEnvironment(sandbox=sandbox),
        '{"env", "seed", "script"} and, if need be, "id"',
        "script",
    ),
    "symbols": Checkable(
        symbols_problem,
        SymbolsEnvironment,
        '{"id", "language", "answer", "program"} and, if need be, "definition" and "check"',
    ),
}

"""What a logic problem is: a text, a statement about it, and the semantics under which its source labels it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from envisions.records import Problem

Semantics = Literal["rules-owa", "rules-cwa", "fol"]
SEMANTICS: tuple[Semantics, ...] = ("rules-owa", "rules-cwa", "fol")


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What is known of a problem without its answer."""

    semantics: Semantics
    context: str = ""
    asked: str = ""


def task_of(problem: Problem) -> Task:
    """The task that a problem poses."""
    return Task(
        semantics=problem.setup["semantics"],
        context=problem.setup.get("context", ""),
        asked=problem.setup.get("asked", ""),
    )


def posed(name: str, split: str, setup: Mapping[str, Any]) -> Problem:
    """A problem from semantics, context, asked and answer."""
    told = {key: setup[key] for key in ("semantics", "context", "asked")}
    question = f"{told['context']}\n{told['asked']}".strip()
    return Problem(id=name, world="logic", question=question, answer=setup["answer"], split=split, setup=told)

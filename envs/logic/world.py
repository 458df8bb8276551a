"""The logic world as the model sees it: a text and a statement in, a logic program out."""

import json
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import Literal

from pydantic import Field

from envisions.records import Feedback, Outcome, Problem
from envs.logic.printing import READABLE
from envs.logic.program import ReadError, read, unfenced
from envs.logic.sources import LogicSource, load
from envs.logic.statements import Statement
from envs.problems import Problems, WorldConfig

PROMPTS = Path(__file__).parent / "prompts"
FENCE = "```"


class LogicConfig(WorldConfig):
    """The problems of the logic world and how they are put to the model."""

    name: Literal["logic"] = "logic"
    """Which world: texts with a statement, and their logic programs."""
    train: LogicSource
    """The problems the model trains itself on."""
    test: dict[str, LogicSource] = Field(min_length=1)
    """The test sets, by name."""
    shots: int = Field(default=0, ge=0, le=2)
    """Worked examples shown at iteration 0, before anything was learnt."""
    vacuous: bool = True
    """Refuse a query that names what the premises never mention, unless the text never does."""
    aligned: bool = True
    """Refuse a program that does not translate the text and the statement."""
    prover: Literal["z3", "E", "Prover9"] = "z3"
    """What decides first-order programs; E and Prover9 (with Mace4) must be on PATH."""


class LogicWorld(Problems):
    """Texts, statements and their programs. Implements envs.base.World.

    Every prompt ends with an opened fence, so that a completion is the program and the closing fence.
    """

    def load(self, source: LogicSource, split: str) -> list[Problem]:
        return load(source, split)

    def prompt(self, problem: Problem) -> str:
        """Text, statement, opened fence."""
        return _template(_form(problem)).substitute(_told(problem))

    def first_prompt(self, problem: Problem) -> str:
        """What the untrained model sees at iteration 0: `config.shots` worked examples, then the prompt."""
        shots = [shot for shot in _shots() if _form(shot) == _form(problem)][: self.config.shots]
        worked = [f"{self.prompt(shot)}{self.completion(shot, shot.answer)}\n\n" for shot in shots]
        return "".join(worked) + self.prompt(problem)

    def refine_prompt(self, problem: Problem, program: str, feedback: Feedback) -> str:
        """The prompt with the model's own program and one line on what became of it."""
        result = "right" if feedback.outcome is Outcome.accepted else feedback.error or "could not be checked"
        told = {**_told(problem), "program": program, "result": result}
        return _template(f"refine_{_form(problem)}").substitute(told)

    def program(self, problem: Problem, text: str) -> str:
        """What stands before the closing fence, or in a fence of the model's own."""
        return unfenced(text).strip()

    def completion(self, problem: Problem, program: str) -> str:
        """The program and the fence that closes it."""
        return f"{program}\n{FENCE}"

    def canonical(self, program: str) -> str:
        """One spelling for all programs that differ only in names, layout or glosses; others as they are."""
        try:
            theory = read(program)
        except ReadError:
            return " ".join(program.split())
        names: dict[tuple[str, str], str] = {}
        return "\n".join(_renamed(statement, names) for statement in theory.statements)


def _renamed(statement: Statement, names: dict[tuple[str, str], str]) -> str:
    """A statement under names numbered as they come; variables are numbered anew in each."""

    def name(kind: str, old: str) -> str:
        return names.setdefault((kind, old), f"{kind}{sum(known[0] == kind for known in names)}")

    for key in [key for key in names if key[0] == "v"]:
        del names[key]
    return replace(READABLE, spell=name).write(statement.formula)


def _form(problem: Problem) -> str:
    return "fol" if problem.setup["semantics"] == "fol" else "rules"


def _told(problem: Problem) -> dict[str, str]:
    return {"context": problem.setup["context"], "asked": problem.setup["asked"]}


def _template(name: str) -> Template:
    # Template puts values in as they are: the dollars of a program stay untouched.
    return Template((PROMPTS / f"{name}.txt").read_text(encoding="utf-8"))


def _shots() -> list[Problem]:
    """The worked examples of few_shot.txt, each with its program for an answer."""
    rows = map(json.loads, (PROMPTS / "few_shot.txt").read_text(encoding="utf-8").splitlines())
    return [
        Problem(
            id=f"shot-{index}", world="logic", question=row["asked"], answer=row["answer"], split="shots", setup=row
        )
        for index, row in enumerate(rows)
    ]

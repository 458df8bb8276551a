"""The world of symbol languages as the model sees it: instruction, symbols and input in, a text of the language out."""

import random
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from envisions.records import Feedback, Outcome, Problem
from envs.problems import Problems, SetConfig, WorldConfig, chosen
from envs.symbols.evol import can_evolve, evolved
from envs.symbols.folder import read_pairs
from envs.symbols.generators.registry import generated
from envs.symbols.manifest import tasks as all_tasks
from envs.symbols.names import STYLES, Part, Style

HERE = Path(__file__).parent
FENCE = "```"


class SymbolSource(SetConfig):
    """Pairs of some tasks, from a folder that `envisions collect` wrote, or generated."""

    name: Literal["pairs"] = "pairs"
    """What the records are."""
    tasks: tuple[str, ...] = ()
    """Tasks of the manifest; with a path, none means all that lie there. `count` is for each."""
    evolved: float = Field(default=0.0, ge=0, le=1)
    """Share of the pairs that get other names for their symbols (Symbol-Evol)."""
    styles: tuple[Style, ...] = STYLES
    """The styles of those names, by lot. Test sets draw them from alphabets that no training sees."""

    @field_validator("tasks")
    @classmethod
    def _known(cls, tasks: tuple[str, ...], info: Any) -> tuple[str, ...]:
        known = [task.name for task in all_tasks().values() if task.generator or info.data.get("path")]
        for task in tasks:
            if task not in known:
                way = "it must be" if info.data.get("path") else "give a path, or"
                raise ValueError(f"{task!r} cannot be made; {way} one of {', '.join(known)}")
        return tasks

    @model_validator(mode="after")
    def _bounded(self) -> "SymbolSource":
        if not self.path and not (self.tasks and self.count):
            raise ValueError("tasks or count is missing; without a path, pairs are generated, so give both")
        return self


class SymbolsConfig(WorldConfig):
    """The pairs of a run."""

    name: Literal["symbols"] = "symbols"
    """Which world: symbol languages, each with its verifier."""
    train: SymbolSource
    """The pairs the model trains itself on; it never sees their gold."""
    test: dict[str, SymbolSource] = Field(min_length=1)
    """The test sets, by name."""


class SymbolsWorld(Problems):
    """Pairs of many languages. Implements envs.base.World.

    Every prompt ends with an opened fence, so that a completion is the text and the closing fence.
    """

    def load(self, source: SymbolSource, split: str) -> list[Problem]:
        return load(source, split)

    def prompt(self, problem: Problem) -> str:
        """Instruction, symbols, input, opened fence."""
        return _template("ask").substitute(_told(problem))

    def first_prompt(self, problem: Problem) -> str:
        """The prompt: the instruction defines the language."""
        return self.prompt(problem)

    def refine_prompt(self, problem: Problem, program: str, feedback: Feedback) -> str:
        """The prompt with the model's own text and one line on what became of it."""
        result = (
            "It is right." if feedback.outcome is Outcome.accepted else f"Mend it: {feedback.error or 'it is wrong'}"
        )
        return _template("refine").substitute(_told(problem), program=program, result=result)

    def program(self, problem: Problem, text: str) -> str:
        """What stands before the closing fence, or in a fence of the model's own."""
        before, _, behind = text.partition(FENCE)
        if before.strip() or not behind:
            return before.strip()
        return behind.partition("\n")[2].partition(FENCE)[0].strip()

    def completion(self, problem: Problem, program: str) -> str:
        """The text and the fence that closes it."""
        return f"{program}\n{FENCE}"

    def canonical(self, program: str) -> str:
        """One spelling for all texts that differ in white space only."""
        return " ".join(program.split())


def load(source: SymbolSource, split: str) -> list[Problem]:
    """The pairs of one set, task by task, each with an id of its own, some of them evolved. Raises SourceError."""
    part: Part = "train" if split == "train" else "test"
    if source.path:
        found = read_pairs(source.path, source.tasks, part)
    else:
        found = {task: generated(task, part, source.seed) for task in source.tasks}
    pairs = [one for task, pairs in found.items() for one in chosen(pairs, source, f"task {task}")]
    return [_placed(_with_names(one, source, part), split) for one in pairs]


def _placed(problem: Problem, split: str) -> Problem:
    """As a problem of this set: two test sets may hold one pair."""
    return problem if split == "train" else replace(problem, id=f"{split}/{problem.id}", split=split)


def _with_names(problem: Problem, source: SymbolSource, part: Part) -> Problem:
    dice = random.Random(f"{source.seed}/evolve/{problem.id}")
    if not can_evolve(problem) or dice.random() >= source.evolved:
        return problem
    return evolved(problem, dice.choice(source.styles), part, source.seed)


def instruction(problem: Problem) -> str:
    """The sentence of the language."""
    return _sentences()[problem.setup["language"]]


def instructed(problem: Problem) -> str:
    """The sentence of the language with all that it defines."""
    return f"{instruction(problem)}\n{symbols(problem)}".strip()


def symbols(problem: Problem) -> str:
    """What the instruction defines: a line for each kind, `action: I_JUMP (jump), I_LOOK (look)`."""
    if problem.setup["language"] in TOLD:
        return TOLD[problem.setup["language"]](problem)
    return kinds(problem)


def kinds(problem: Problem) -> str:
    """A line for each kind of symbols."""
    glosses: Mapping[str, Mapping[str, str]] = problem.setup["glosses"]
    return "".join(f"{kind}: {_listed(own, own)}\n" for kind, own in glosses.items())


def tables(problem: Problem) -> str:
    """A schema: a line for each table with its columns."""
    glosses = problem.setup["glosses"]
    schema: Mapping[str, Mapping[str, str]] = problem.setup["definition"]["tables"]
    lines = (
        f"{_listed([table], glosses['table'])}: {_listed(columns, glosses['column'])}\n"
        for table, columns in schema.items()
    )
    return "".join(lines)


def domain(problem: Problem) -> str:
    """A planning domain as it stands, and what its names mean."""
    return f"{problem.setup['definition'].strip()}\n{kinds(problem)}"


TOLD: Mapping[str, Callable[[Problem], str]] = {"sql": tables, "pddl": domain}  # others list what they define


def _listed(names: Iterable[str], glosses: Mapping[str, str]) -> str:
    """Each name with its meaning, which is left out where the name says it."""
    return ", ".join(name if glosses[name] == name else f"{name} ({glosses[name]})" for name in names)


def _told(problem: Problem) -> dict[str, str]:
    return {
        "instruction": instruction(problem),
        "symbols": symbols(problem),
        "question": problem.question,
    }


@cache
def _sentences() -> Mapping[str, str]:
    return tomllib.loads((HERE / "instructions.toml").read_text(encoding="utf-8"))


@cache
def _template(name: str) -> Template:
    # Template puts values in as they are: the dollars of a text stay untouched.
    return Template((HERE / "prompts" / f"{name}.txt").read_text(encoding="utf-8"))

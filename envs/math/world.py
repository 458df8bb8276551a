"""The math world as the model sees it: which problems, which prompts, and where the program stands in its text."""

import re
from collections.abc import Hashable, Mapping
from functools import cache
from pathlib import Path
from string import Template
from textwrap import indent
from typing import Literal

from pydantic import Field

from envisions.records import Feedback, Outcome, Problem
from envs.math import programs
from envs.math.shapes import SPLITS, load_words
from envs.math.sources import SourceConfig, load
from envs.problems import Problems, WorldConfig

PROMPTS = Path(__file__).parent / "prompts"
FENCE = "```"
INDENT = "    "
CONTINUES = re.compile(r"[ \t]*(?:#.*)?\n\s*?[ \t]\S")  # a body below the head


class MathConfig(WorldConfig):
    """The problems of the math world and how they are put to the model."""

    name: Literal["math"] = "math"
    """Which world: word problems and their Python programs."""
    train: SourceConfig
    """The problems the model trains itself on."""
    test: dict[str, SourceConfig] = Field(min_length=1)
    """The test sets, by name."""
    shots: int = Field(default=0, ge=0, le=3)
    """Worked examples shown at iteration 0, before anything was learnt."""
    show_feedback: bool = True
    """Tell the model what happened when its program ran. The paper's form (false) shows it the program only."""


class MathWorld(Problems):
    """Word problems and their programs: `def solution(...)` in a Python fence. Implements envs.base.World.

    Every prompt ends with the opened fence and the head of the function, so a completion is its body and the closing
    fence: the model writes, and learns, only what it has to think about.
    """

    def __init__(self, config: MathConfig, seed: int = 0) -> None:
        super().__init__(config, seed)
        self._zero_shot = _template("zero_shot")
        self._refine = _template("refine" if config.show_feedback else "refine_program_only")

    def load(self, source: SourceConfig, split: str) -> list[Problem]:
        return load(source, split)

    def frame(self, problem: Problem) -> Hashable | None:
        return frame(problem)

    def prompt(self, problem: Problem) -> str:
        """Question, opened fence, head of the function. Paper: three wordings. Here: one."""
        return self._zero_shot.substitute(question=problem.question, signature=signature(problem))

    def first_prompt(self, problem: Problem) -> str:
        """What the untrained model sees at iteration 0: `config.shots` worked examples, then the prompt."""
        shots = [shot for shot in _shots() if bool(_inputs(shot)) == bool(_inputs(problem))][: self.config.shots]
        worked = [f"{self.prompt(shot)}{self.completion(shot, shot.answer)}\n\n" for shot in shots]
        return "".join(worked) + self.prompt(problem)

    def refine_prompt(self, problem: Problem, program: str, feedback: Feedback) -> str:
        """The prompt with the model's own program and, as a setting, one line on what happened when it ran."""
        return self._refine.substitute(
            question=problem.question, signature=signature(problem), program=program, result=result(feedback)
        )

    def program(self, problem: Problem, text: str) -> str:
        """The program whose head stood in the prompt, or the one in a whole answer with a head of its own."""
        return programs.extract(f"{_head(problem)}{text}" if CONTINUES.match(text) else text)

    def completion(self, problem: Problem, program: str) -> str:
        """The body and the fence that closes it. A program that opens otherwise becomes a part of the body."""
        head = _head(problem)
        if not program.startswith(head):
            given = ", ".join(f"{name}={name}" for name in _inputs(problem))
            program = f"{head}\n{indent(program, INDENT)}\n{INDENT}return solution({given})"
        return f"{program.removeprefix(head)}\n{FENCE}"

    def canonical(self, program: str) -> str:
        """One spelling for all programs that differ only in names, layout or comments."""
        return programs.canonical(program)


def signature(problem: Problem) -> str:
    """`solution()`, or `solution(number0, number1)` where the problem has inputs."""
    return f"solution({', '.join(_inputs(problem))})"


def _head(problem: Problem) -> str:
    return f"def {signature(problem)}:"


def result(feedback: Feedback) -> str:
    """One short line on what happened when the program ran. The right answer is never in it."""
    match feedback.outcome:
        case Outcome.accepted:
            return f"returned {_short(feedback.output)}, which is right"
        case Outcome.rejected:
            return f"returned {_short(feedback.output)}, which is not right"
        case Outcome.failed:
            return f"failed with {_short(feedback.error) or 'no message'}"
        case Outcome.timed_out:
            return "ran out of time"
    return "could not be checked"


def frame(problem: Problem) -> tuple[str, str] | None:
    """Shape and wording of a generated story, numbers and vocabulary masked; None for any other problem."""
    if "shape" not in problem.setup:
        return None
    return problem.setup["shape"], re.sub(r"\d+", "#", _vocabulary().sub("@", problem.question))


@cache
def _vocabulary() -> re.Pattern[str]:
    sets = [load_words(split) for split in SPLITS]
    words = {word for each in sets for word in (*each.names, *each.things, *each.places)}
    return re.compile(rf"\b({'|'.join(sorted(map(re.escape, words), key=len, reverse=True))})\b")


def _template(name: str) -> Template:
    # Template puts values in as they are: the dollars and braces of a question stay untouched.
    return Template((PROMPTS / f"{name}.txt").read_text(encoding="utf-8"))


def _shots() -> list[Problem]:
    """The worked examples of few_shot.txt, each with its program for an answer."""
    text = (PROMPTS / "few_shot.txt").read_text(encoding="utf-8")
    found = re.findall(r"(.+)\n```python\n((?:.+\n)+?)```", text)
    return [
        Problem(id=f"shot-{index}", world="math", question=question, answer=program.strip(), split="shots", setup=setup)
        for index, (question, program) in enumerate(found)
        for setup in ({"inputs": dict.fromkeys(re.findall(r"\bnumber\d+\b", question))},)
    ]


def _inputs(problem: Problem) -> Mapping[str, object]:
    return problem.setup.get("inputs", {})


def _short(text: str | None, limit: int = 120) -> str:
    line = " ".join((text or "nothing").split())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."

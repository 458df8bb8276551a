"""Programs to measure with: from the calculator's notes in GSM8K's solutions (`<<16-3-4=9>>`), or from stories."""

import json
import random
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from envs.math import drafts, stories

NOTE = re.compile(r"<<([0-9.+\-*/() ]+)=([0-9.]+)>>")
NUMBER = re.compile(r"\d+(?:\.\d+)?|\.\d+")
ZEROS = re.compile(r"\b0+(?=\d)")  # 007 is no number in Python
SEED = 43  # of the stories; no run file draws from it


class Task(NamedTuple):
    """A program and what it must return."""

    program: str
    answer: float


def tasks(file: Path, count: int) -> tuple[str, list[Task]]:
    """Where the programs come from, and that many of them, each of which returns its answer when it is run freely."""
    if file.is_file():
        notes = (noted(json.loads(line)["answer"]) for line in file.read_text().splitlines())
        return file.name, list(islice((task for task in notes if task is not None and is_right(task)), count))
    problems = stories.generate("train", count, SEED)
    dice = random.Random(SEED)
    programs = (drafts.program(problem, stories.solution(problem), dice, 0.5) for problem in problems)
    return "stories", [Task(text, float(problem.answer)) for text, problem in zip(programs, problems, strict=True)]


def noted(solution: str) -> Task | None:
    """A solution's notes as a program, one line for each; None where there are none or the last is not the answer."""
    notes = NOTE.findall(solution)
    answer = solution.rpartition("####")[2].strip().replace(",", "")
    if not notes or not NUMBER.fullmatch(answer):
        return None
    named: dict[str, str] = {}  # results so far, by what they are
    lines = ["def solution():"]
    for number, (expression, result) in enumerate(notes, 1):
        expression = NUMBER.sub(lambda found: named.get(found[0], ZEROS.sub("", found[0])), expression)
        lines.append(f"    step{number} = {expression}")
        named[result] = f"step{number}"
    return Task("\n".join([*lines, f"    return step{len(notes)}"]), float(answer))


def is_right(task: Task) -> bool:
    """Whether a program of digits and operators (see NOTE) gives the answer it should."""
    with suppress(SyntaxError, ArithmeticError, TypeError):
        return same(plainly(task.program), task.answer)
    return False


def plainly(program: str) -> object:
    """What it returns when nothing stands around it."""
    names: dict[str, Any] = {}
    exec(compile(program, "<program>", "exec"), names)
    return names["solution"]()


def same(value: object, answer: float) -> bool:
    return isinstance(value, int | float) and abs(value - answer) <= max(1e-4, 1e-6 * abs(answer))

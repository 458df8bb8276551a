"""The model as its own judge: it grades a program by a rubric, without the environment (Self-Rewarding)."""

import math
import re

from envisions.records import Example

BEST = 5
MAX_TOKENS = 160  # a sentence or two, and the grade
RUBRIC = f"""Task:
{{prompt}}

Answer:
{{completion}}

Grade the answer from 0 to {BEST}. Give one point for each of these that holds:
- it deals with what the task asks;
- it uses what the task states, and nothing that it does not state;
- each of its steps is right;
- it can be executed as it stands;
- its result is what the task asks for.
Say in one sentence what decides, then write the grade on a line of its own: "Grade: N".
"""
GRADE = re.compile(r"grade\W{0,4}(\d)(?![.,]?\d)", re.IGNORECASE)


def asked(example: Example) -> str:
    """The prompt that asks for the grade of a completion."""
    return RUBRIC.format(prompt=example.prompt, completion=example.completion)


def grade(text: str) -> float:
    """The last grade that stands in an answer; NaN where there is none, or none of the rubric's."""
    found = [int(digit) for digit in GRADE.findall(text)]
    return float(found[-1]) if found and found[-1] <= BEST else math.nan

"""Word problems with programs: the stories of the math world with their gold, asked again in other numbers."""

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from envisions.records import Problem
from envs.languages.python import Solution
from envs.math import stories
from envs.symbols.names import Part
from envs.symbols.pairs import pair

BATCH = 50
ROUNDS = 2  # times that a question is asked again with other numbers
LARGEST = 97


def word_problems(part: Part, seed: int) -> Iterator[Problem]:
    """Stories with slots: the numbers are the arguments of `solution`, so every program can be run on others."""
    count = BATCH
    done = 0
    while True:
        made = stories.generate(part, count, seed, slots=True)
        for story in made[done:]:
            yield _pair(story, part)
        done, count = count, 2 * count


def _pair(story: Problem, part: Part) -> Problem:
    inputs: dict[str, int] = dict(story.setup["inputs"])
    expression = stories.solution(story)
    program = f"def solution({', '.join(inputs)}):\n    return {expression}"
    return pair(
        id=f"gsm8k-code-{story.id}",
        task="gsm8k-code",
        language=Solution(),
        question=f"{story.question}\nArguments: {', '.join(inputs)}",
        gold=program,
        split=part,
        check="answer",
        rounds=[[inputs, story.answer], *_again(story.id, expression, inputs)],
    )


def _again(name: str, expression: str, inputs: dict[str, int]) -> Iterator[list[Any]]:
    """Other numbers, and what the gold gives for them."""
    dice = random.Random(f"rounds/{name}")
    made = 0
    while made < ROUNDS:
        numbers = {slot: dice.randint(2, LARGEST) for slot in inputs}
        try:
            value = _value(expression, numbers)
        except ZeroDivisionError:
            continue
        made += 1
        yield [numbers, str(int(value)) if value.denominator == 1 else repr(float(value))]


def _value(expression: str, numbers: dict[str, int]) -> Fraction:
    exact = {slot: Fraction(number) for slot, number in numbers.items()}
    return Fraction(eval(expression, {"__builtins__": {}}, exact))  # an expression of our own templates

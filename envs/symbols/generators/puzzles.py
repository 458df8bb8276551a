"""Last letters of words, and questions about objects in a row with their colours: puzzles that a program solves."""

import random
from collections.abc import Callable, Iterator

from envisions.records import Problem
from envs import invented
from envs.languages.python import Solution
from envs.symbols.generators.parts import part_of
from envs.symbols.names import Part
from envs.symbols.pairs import pair

COLOURS = ("red", "blue", "green", "yellow", "purple", "orange", "black", "white", "pink", "grey")
THINGS = ("pen", "cup", "key", "ball", "ring", "book", "shoe", "plate", "bag", "coin", "lamp", "spoon")
Puzzle = tuple[str, str, str]  # question, gold program, answer


def last_letters(part: Part, seed: int) -> Iterator[Problem]:
    """`Take the last letters of ...`, over invented words."""
    return _pairs("last-letter", part, seed, _last_letters)


def coloured_objects(part: Part, seed: int) -> Iterator[Problem]:
    """What colour a thing has, how many have a colour, what stands beside what."""
    return _pairs("coloured-objects", part, seed, _objects)


def _pairs(task: str, part: Part, seed: int, puzzle: Callable[[random.Random], Puzzle]) -> Iterator[Problem]:
    dice = random.Random(f"{seed}/{task}/{part}")
    seen: set[str] = set()
    while True:
        question, gold, answer = puzzle(dice)
        if question in seen or part_of(question) != part:
            continue
        seen.add(question)
        yield pair(
            id=f"{task}-{part}-{seed}-{len(seen):06}",
            task=task,
            language=Solution(),
            question=question,
            gold=gold,
            split=part,
            check="answer",
            rounds=[[{}, answer]],
        )


def _last_letters(dice: random.Random) -> Puzzle:
    words = [invented.word(dice).capitalize() for _ in range(dice.randint(2, 5))]
    question = f'Take the last letters of the words in "{" ".join(words)}" and join them.'
    program = f"def solution():\n    return ''.join((word[-1] for word in {words!r}))"
    return question, program, "".join(word[-1] for word in words)


def _objects(dice: random.Random) -> Puzzle:
    things = dice.sample(THINGS, dice.randint(3, 6))
    row = [(dice.choice(COLOURS), thing) for thing in things]
    told = f"On a table, from left to right: {', '.join(f'a {colour} {thing}' for colour, thing in row)}."
    kind = dice.choice(("colour", "count", "beside"))
    if kind == "colour":
        colour, thing = dice.choice(row)
        asked, value = f"What colour is the {thing}?", f"next((c for c, t in row if t == {thing!r}))"
        answer = colour
    elif kind == "count":
        colour = dice.choice(COLOURS)
        asked, value = f"How many things are {colour}?", f"sum((c == {colour!r} for c, _ in row))"
        answer = str(sum(one == colour for one, _ in row))
    else:
        place = dice.randrange(len(row) - 1)
        asked = f"What stands directly right of the {row[place][1]}?"
        value = f"row[[t for _, t in row].index({row[place][1]!r}) + 1][1]"
        answer = row[place + 1][1]
    return f"{told} {asked}", f"def solution():\n    row = {row!r}\n    return {value}", answer

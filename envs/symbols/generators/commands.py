"""All 20,910 commands of SCAN with their actions, in random order."""

import random
from collections.abc import Callable, Iterator
from itertools import product

from envisions.records import Problem
from envs.languages.scan import MEANINGS, TIMES, TURNS, Scan
from envs.symbols.generators.parts import part_of
from envs.symbols.names import Part
from envs.symbols.pairs import pair

LONGEST_SEEN = 22  # actions; the length split trains on these, and tests longer ones (Lake & Baroni 2018)


def phrases() -> list[str]:
    """What can stand on either side of `and` or `after`."""
    verbs = [*MEANINGS, "turn"]
    sides = [" ".join(words) for words in product(("", "opposite", "around"), TURNS)]
    simple = [*MEANINGS, *(f"{verb} {side.strip()}" for verb in verbs for side in sides)]
    return [*simple, *(f"{phrase} {times}" for phrase in simple for times in TIMES)]


def commands(part: Part, seed: int) -> Iterator[Problem]:
    """Commands of one part, of every length."""
    return _pairs("scan", part, seed, lambda actions: True)


def by_length(part: Part, seed: int) -> Iterator[Problem]:
    """Of each part of the commands: those of at most 22 actions for training, all longer ones for the test."""
    return _pairs("scan-length", part, seed, lambda actions: (actions > LONGEST_SEEN) == (part == "test"))


def _pairs(task: str, part: Part, seed: int, wanted: Callable[[int], bool]) -> Iterator[Problem]:
    """Commands of a part with a wanted number of actions."""
    language = Scan()
    every = phrases()
    joined = (f"{one} {joint} {other}" for one in every for joint in ("and", "after") for other in every)
    shuffled = [*every, *joined]
    random.Random(f"{seed}/scan").shuffle(shuffled)
    for command in shuffled:
        if part_of(command) == part and wanted(len(actions := language.meaning(command))):
            yield pair(
                id=f"{task}-{part}-{command.replace(' ', '_')}",
                task=task,
                language=language,
                question=command,
                gold=language.print(actions),
                split=part,
            )

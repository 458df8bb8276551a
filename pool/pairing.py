"""Which wrong program stands against which right one."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import sqrt

from envisions.records import Trajectory

Pairs = list[tuple[Trajectory, Trajectory]]  # (right, wrong)
GRAM = 4  # characters


def by_rank(rights: Sequence[Trajectory], wrongs: Sequence[Trajectory]) -> Pairs:
    """The m-th right one with the m-th wrong one; what is left over of either has no partner (reference)."""
    return list(zip(rights, wrongs, strict=False))


def by_likeness(rights: Sequence[Trajectory], wrongs: Sequence[Trajectory]) -> Pairs:
    """Each right one in turn with the wrong one most like it that is left; among equals with the first.

    A wrong program that differs in one place shows where the mistake is. (An early version of the reference paired so.)
    """
    left, pairs = list(wrongs), []
    for right in rights[: len(wrongs)]:
        wrong = max(left, key=lambda wrong: likeness(right.program, wrong.program))
        left.remove(wrong)
        pairs.append((right, wrong))
    return pairs


PAIRINGS: dict[str, Callable[[Sequence[Trajectory], Sequence[Trajectory]], Pairs]] = {
    "rank": by_rank,
    "likeness": by_likeness,
}


def likeness(one: str, other: str) -> float:
    """Overlap of two texts' runs of four characters, 0 to 1: the geometric mean of both shares in common."""
    if one == other:
        return 1.0
    ours, theirs = _grams(one), _grams(other)
    return (ours & theirs).total() / sqrt(ours.total() * theirs.total())


@lru_cache(4096)
def _grams(text: str) -> Counter[str]:
    """Runs of four characters; of a shorter text, the whole of it."""
    return Counter(text[i : i + GRAM] for i in range(max(1, len(text) - GRAM + 1)))

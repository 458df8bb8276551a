"""Which wrong program stands against which right one."""

from collections.abc import Callable, Sequence
from functools import partial

from envisions.records import Trajectory
from pool.analysis import grams, overlap

Pairs = list[tuple[Trajectory, Trajectory]]  # (right, wrong)


def by_rank(rights: Sequence[Trajectory], wrongs: Sequence[Trajectory]) -> Pairs:
    """The m-th right one with the m-th wrong one; what is left over of either has no partner (reference)."""
    return list(zip(rights, wrongs, strict=False))


def by_likeness(rights: Sequence[Trajectory], wrongs: Sequence[Trajectory]) -> Pairs:
    """Each right one in turn with the wrong one most like it that is left; among equals with the first.

    A wrong program that differs in one place shows where the mistake is. (An early version of the reference paired so.)
    """
    left, pairs = [(wrong, grams(wrong.program)) for wrong in wrongs], []
    for right in rights[: len(wrongs)]:
        nearest = max(left, key=partial(_overlap, grams(right.program)))
        left.remove(nearest)
        pairs.append((right, nearest[0]))
    return pairs


def _overlap(ours: frozenset[str], other: tuple[Trajectory, frozenset[str]]) -> float:
    return overlap(ours, other[1])


PAIRINGS: dict[str, Callable[[Sequence[Trajectory], Sequence[Trajectory]], Pairs]] = {
    "rank": by_rank,
    "likeness": by_likeness,
}

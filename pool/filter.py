"""Which attempt of each slot goes on into the pool (paper, step 8: the trajectories T* that are kept)."""

from collections.abc import Callable, Iterable
from operator import attrgetter

from envisions.records import AttemptKey, Outcome, Trajectory

Score = Callable[[AttemptKey], float]  # the self-reward r of an attempt


def survivors(explored: Iterable[Trajectory], refined: Iterable[Trajectory], r: Score) -> list[Trajectory]:
    """One attempt a slot, in the order of the slots' keys.

    The refined attempt takes the place of the explored one if it alone is right, or if both are and its r is
    higher. A wrong refinement never survives. `r` is asked only where both are right. Where an explored attempt
    was refined more than once the refinements challenge in the order of their keys.
    """
    explored = sorted(explored, key=attrgetter("key"))
    kept: dict[AttemptKey, Trajectory] = {t.key: t for t in explored}
    for challenger in sorted(refined, key=attrgetter("key")):
        slot = refines(challenger)
        if is_right(challenger) and (slot not in kept or beats(challenger, kept[slot], r)):
            kept[slot] = challenger
    return [kept[slot] for slot in sorted(kept)]


def beats(refined: Trajectory, held: Trajectory, r: Score) -> bool:
    """Whether a right refinement takes the place of what holds the slot."""
    return not is_right(held) or r(held.key) < r(refined.key)


def refines(refined: Trajectory) -> AttemptKey:
    """The explored attempt whose slot this refinement competes for."""
    return refined.parent or refined.key._replace(kind="explore")


def is_right(trajectory: Trajectory) -> bool:
    return trajectory.feedback.outcome is Outcome.accepted

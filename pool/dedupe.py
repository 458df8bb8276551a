"""Each program once: what counts as the same program, and which of its attempts stands for it."""

from collections.abc import Callable, Hashable, Iterable, Sequence

from envisions.records import Trajectory

Canonical = Callable[[str], str]
Identity = Callable[[Trajectory], Hashable]


def by_program(canonical: Canonical) -> Identity:
    """Same problem, and same canonical program: names, layout and comments make no new program.

    Paper: exact text, over all problems. Here: the canonical form, per problem, because a blank or a comment
    teaches nothing new, and a text that is right for two problems teaches two things.
    """
    forms: dict[str, str] = {}  # canonical() is the slow part of a selection, and most texts come back often

    def identity(trajectory: Trajectory) -> Hashable:
        program = trajectory.program
        form = forms.get(program)
        if form is None:
            form = forms[program] = canonical(program)
        return trajectory.problem.id, form

    return identity


def by_text(trajectory: Trajectory) -> Hashable:
    """Same text, whatever the problem and the iteration (reference)."""
    return trajectory.program


def by_key(trajectory: Trajectory) -> Hashable:
    """Every attempt is its own: nothing is deduped (reference, web agent)."""
    return trajectory.key


def first_seen(trajectories: Iterable[Trajectory], identity: Identity) -> list[Trajectory]:
    """The first trajectory of each identity, in the order given."""
    firsts: dict[Hashable, Trajectory] = {}
    for trajectory in trajectories:
        firsts.setdefault(identity(trajectory), trajectory)
    return list(firsts.values())


def rights_first(
    rights: Sequence[Trajectory], wrongs: Sequence[Trajectory], identity: Identity
) -> tuple[list[Trajectory], list[Trajectory]]:
    """Each program once, as a right one if it was right anywhere (a right program may have timed out elsewhere)."""
    kept = first_seen(rights, identity)
    solved = {t.problem.id for t in kept}
    others = (t for t in wrongs if t.problem.id in solved)  # a problem without a right program gives no lesson
    return kept, first_seen([*kept, *others], identity)[len(kept) :]

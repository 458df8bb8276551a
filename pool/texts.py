"""What the learner is given: a lesson, or an attempt, as a prompt and its completion."""

from dataclasses import replace

from envisions.records import Example, Lesson, Trajectory
from envs.base import World
from pool.rows import lesson_id


def attempt_text(world: World, trajectory: Trajectory) -> Example:
    """A program under the one prompt of its problem: what its self-reward is taken of."""
    return Example(
        id=str(trajectory.key),
        prompt=world.prompt(trajectory.problem),
        completion=world.completion(trajectory.problem, trajectory.program),
    )


def lesson_text(world: World, lesson: Lesson, contrast: str) -> Example:
    """L1: the right program for the problem. A pair: as `select.contrast` says."""
    right, wrong = lesson.right, lesson.wrong
    completion = world.completion(right.problem, right.program)
    taught = Example(id=lesson_id(lesson), prompt=world.prompt(right.problem), completion=completion)
    return taught if wrong is None else CONTRASTS[contrast](taught, wrong, world)


def refinement(taught: Example, wrong: Trajectory, world: World) -> Example:
    """L2: the right program for the problem and a wrong one."""
    return replace(taught, prompt=world.refine_prompt(wrong.problem, wrong.program, wrong.feedback))


def preference(taught: Example, wrong: Trajectory, world: World) -> Example:
    """DPO: the right program rather than the wrong one."""
    return replace(taught, rejected=world.completion(wrong.problem, wrong.program))


CONTRASTS = {"refinement": refinement, "preference": preference}

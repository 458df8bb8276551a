"""What the learner is given: a lesson, or an attempt, as a prompt and its completion."""

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


def lesson_text(world: World, lesson: Lesson) -> Example:
    """L1: the right program for the problem. L2: the right program for the problem and a wrong one."""
    right, wrong = lesson.right, lesson.wrong
    prompt = (
        world.prompt(right.problem)
        if wrong is None
        else world.refine_prompt(wrong.problem, wrong.program, wrong.feedback)
    )
    return Example(id=lesson_id(lesson), prompt=prompt, completion=world.completion(right.problem, right.program))

"""The form with several turns: observe, act, observe again. What is done so far is one script, grown turn by turn.

No page stays open while a model thinks. An episode is a function of its seed and its script, and replaying a script
takes milliseconds: so each turn plays everything from the reset on, and a lost browser costs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

from envisions.records import Feedback, Problem
from envs.web.environment import WebEnvironment
from envs.web.world import WebWorld


@dataclass(frozen=True, slots=True)
class Conversation:
    """All prompts that were asked, the script that they came to, and the environment's last word on it."""

    prompts: tuple[str, ...]
    script: str
    feedback: Feedback


def converse(
    world: WebWorld, environment: WebEnvironment, problem: Problem, write: Callable[[str], str], turns: int
) -> Conversation:
    """Let `write` continue prompts until the episode ends, an action fails, it adds nothing, or `turns` are over.

    Raises InfrastructureError when the machine broke.
    """
    if turns < 1:
        raise ValueError(f"turns is {turns}; it must be at least 1")
    prompts = [world.prompt(problem)]
    script = world.program(problem, write(prompts[0]))
    feedback = environment.execute(problem, script)
    while len(prompts) < turns and is_open(feedback):
        prompts.append(world.next_prompt(problem, script, feedback))
        more = world.program(problem, write(prompts[-1]))
        if not more:
            break
        script = f"{script}\n{more}"
        feedback = environment.execute(problem, script)
    return Conversation(tuple(prompts), script, feedback)


def is_open(feedback: Feedback) -> bool:
    """Whether all actions were carried out and the task still waits for more."""
    return feedback.evidence.get("open", False)

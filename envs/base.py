"""What a world is: a pure part that speaks with the model, and a live part that executes programs."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from envisions.records import Feedback, Problem
from envs.contamination import Removed


class World(Protocol):
    """The pure half: problems, prompts, and how to read what the model wrote. Runs anywhere, owns nothing."""

    def problems(self, split: str, iteration: int) -> Sequence[Problem]:
        """The problems of one iteration ("train") or one test set (its name); the same call gives the same list."""

    def pool(self, iteration: int) -> Sequence[Problem]:
        """All train problems that an iteration may choose from; the same call gives the same list."""

    @property
    def removed(self) -> Removed:
        """What was taken out of the train problems to keep the test sets unseen."""

    def admits(self, problems: Sequence[Problem], run: str) -> dict[str, Problem]:
        """Those of an earlier run's train problems that this run may learn from, by the ids they had there.

        No test set holds them. One whose id names another problem here is called `run:id`.
        """

    def prompt(self, problem: Problem) -> str:
        """What the model sees. One text for sampling, training and evaluation."""

    def first_prompt(self, problem: Problem) -> str:
        """What the untrained model sees: the prompt, perhaps after worked examples."""

    def refine_prompt(self, problem: Problem, program: str, feedback: Feedback) -> str:
        """What the model sees when it is to mend its own program."""

    def program(self, problem: Problem, text: str) -> str:
        """The program in what the model wrote after a prompt of this problem; empty when there is none."""

    def completion(self, problem: Problem, program: str) -> str:
        """What a model that had learnt would write after the prompt: `program(q, completion(q, p))` does as p does."""

    def canonical(self, program: str) -> str:
        """One spelling for all programs that differ only in names, layout or comments."""


class Environment(Protocol):
    """The live half: executes programs in killable processes of its own. One instance per environment worker."""

    def start(self) -> Mapping[str, Any]:
        """What a run should record of how programs are run here, as JSON values. Called before the first program.

        Raises InfrastructureError where they must not be run.
        """

    def execute(self, problem: Problem, program: str) -> Feedback:
        """Run one program against one problem. Raises InfrastructureError when the machine broke."""

    def close(self) -> None: ...


class InfrastructureError(RuntimeError):
    """The machine broke, not the program: to be retried and counted, never scored."""

"""The word of the environment on one problem's programs."""

import asyncio

from builders import in_process

from actors.reward import Verdicts
from envisions.records import Feedback, Outcome, Problem
from envs.base import InfrastructureError

PROBLEM = Problem(id="p", world="math", question="?", answer="1", split="train", setup={})


class Counting:
    """Notes what it executes, and takes its time; breaks on "broken"."""

    def __init__(self) -> None:
        self.executed: list[str] = []

    async def execute(self, problem: Problem, program: str) -> Feedback:
        self.executed.append(program)
        await asyncio.sleep(0.01)
        if program == "broken":
            raise InfrastructureError("no sandbox")
        return Feedback(outcome=Outcome.rejected, output=program)


def verdicts_on(*programs: str) -> tuple[list[str], list[Feedback]]:
    environment = Counting()

    async def ask() -> list[Feedback]:
        verdicts = Verdicts(in_process("environment", environment), PROBLEM)
        return await asyncio.gather(*map(verdicts.on, programs))

    return environment.executed, asyncio.run(ask())


def test_equal_programs_are_executed_once_and_each_gets_the_verdict() -> None:
    executed, feedback = verdicts_on("a", "b", "a", "a")
    assert sorted(executed) == ["a", "b"]
    assert [each.output for each in feedback] == ["a", "b", "a", "a"]


def test_no_program_is_a_failure_that_needs_no_environment() -> None:
    executed, feedback = verdicts_on("")
    assert (executed, feedback[0].outcome) == ([], Outcome.failed)


def test_a_broken_machine_is_recorded_as_such_and_not_scored() -> None:
    _, feedback = verdicts_on("broken", "a")
    assert [each.outcome for each in feedback] == [Outcome.infra_failed, Outcome.rejected]

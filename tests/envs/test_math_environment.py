"""The math environment: from a program to its verdict."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from envisions.records import Outcome, Problem
from envs.math.environment import MathEnvironment
from envs.sandbox.sandbox import SandboxConfig


@pytest.fixture(scope="module")
def environment() -> Iterator[MathEnvironment]:
    environment = MathEnvironment(SandboxConfig(seconds=1))
    yield environment
    environment.close()


def problem(answer: str, **inputs: Any) -> Problem:
    setup = {"inputs": inputs} if inputs else {}
    return Problem(id="p", world="math", question="?", answer=answer, split="train", setup=setup)


def returning(expression: str) -> str:
    return f"def solution():\n    return {expression}"


@pytest.mark.parametrize(
    ("program", "gold", "outcome", "error"),
    [
        (returning("2 + 3"), "5", Outcome.accepted, ""),
        (returning("5.00001"), "5", Outcome.accepted, ""),
        (returning("'1/2'"), "\\frac{1}{2}", Outcome.accepted, ""),
        (returning("6"), "5", Outcome.rejected, ""),
        (returning("True"), "1", Outcome.rejected, ""),
        (returning("'five'"), "5", Outcome.rejected, ""),
        (returning("5"), "hello ((", Outcome.unverifiable, "the answer cannot be compared"),
        (returning("1 / 0"), "5", Outcome.failed, "ZeroDivisionError: division by zero (line 2)"),
        (returning("10 ** 100000"), "5", Outcome.failed, "the answer is a number of about 100001 digits"),
        (returning("[0] * 10 ** 12"), "5", Outcome.failed, "MemoryError"),
        ("def solution():\n    5", "5", Outcome.failed, "solution() returned None"),
        ("", "5", Outcome.failed, "there is no program"),
        ("import os\nos._exit(0)", "5", Outcome.failed, "the program ended its process"),
        ("import ctypes\nctypes.string_at(0)", "5", Outcome.failed, "killed by signal 11"),
        ("while True: pass", "5", Outcome.timed_out, "no answer within"),
    ],
)
def test_each_ending_has_its_outcome(
    environment: MathEnvironment, program: str, gold: str, outcome: Outcome, error: str
) -> None:
    feedback = environment.execute(problem(gold), program)
    assert feedback.outcome is outcome
    assert feedback.error.startswith(error)
    assert bool(feedback.error) == bool(error)


def test_inputs_become_the_arguments_of_solution(environment: MathEnvironment) -> None:
    program = "def solution(number0, number1):\n    return number0 - number1"
    assert environment.execute(problem("2", number1=3.0, number0=5.0), program).outcome is Outcome.accepted
    assert environment.execute(problem("2", number0=3.0, number1=5.0), program).outcome is Outcome.rejected
    assert environment.execute(problem("2", number0=3.0), program).outcome is Outcome.failed


def test_the_evidence_names_the_program_and_its_value(environment: MathEnvironment) -> None:
    feedback = environment.execute(problem("5"), returning("[5]"))
    assert feedback.evidence == {"program_sha256": sha256(returning("[5]").encode()).hexdigest(), "value": [5]}
    assert json.loads(feedback.output or "") == [5]
    assert feedback.seconds > 0


def test_a_dispute_about_an_answer_is_counted_and_stands_in_the_evidence(environment: MathEnvironment) -> None:
    before = environment.disputes.total()
    feedback = environment.execute(problem("\\overline{CD}"), returning("'CD'"))
    assert feedback.outcome is Outcome.accepted
    assert feedback.evidence["dispute"] == {"sympy": True, "math-verify": False}
    assert environment.disputes["sympy: True, math-verify: False"] >= 1
    hung = environment.execute(problem("5"), returning("'5^{5^{5^{5^5}}}'"))
    assert hung.outcome is Outcome.rejected
    assert hung.evidence["dispute"] == {"sympy": "unread", "math-verify": "timeout"}
    assert environment.disputes.total() == before + 2


def test_answers_are_compared_in_a_process_that_runs_no_program() -> None:
    environment = MathEnvironment()
    try:
        assert environment.execute(problem("5"), returning("5")).outcome is Outcome.accepted
        assert environment.grader.pid is None  # numbers need none
        assert environment.execute(problem("\\sqrt{4}"), returning("2")).outcome is Outcome.accepted
        assert environment.grader.pid not in (None, environment.sandbox.pid)
    finally:
        environment.close()

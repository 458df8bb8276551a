"""Syllogisms: labels by looking at every model are those that z3 finds for their translations."""

import re
from collections import Counter

import pytest

from envisions.records import Outcome
from envs.logic.environment import LogicEnvironment
from envs.logic.sources import LogicSource, load
from envs.logic.syllogisms import FORM, label


def formula(text: str) -> str:
    found = FORM.fullmatch(text.rstrip("."))
    assert found
    one, other = (re.sub("s$", "", name).capitalize() for name in (found[2], found[4]))
    sign = "-" if found[3] or found[1] == "No" else ""
    if found[1] == "Some":
        return f"exists x ({one}(x) & {sign}{other}(x))"
    return f"all x ({one}(x) -> {sign}{other}(x))"


def test_labels_agree_with_z3_and_translations_are_accepted() -> None:
    problems, environment = load(LogicSource(name="syllogisms", count=60), "train"), LogicEnvironment()
    try:
        for problem in problems:
            premises = "\n".join(map(formula, problem.setup["context"].splitlines()))
            program = f"Premises:\n{premises}\nConclusion:\n{formula(problem.setup['asked'])}"
            feedback = environment.execute(problem, program)
            assert feedback.outcome is Outcome.accepted, (feedback.error, problem.question, problem.answer)
    finally:
        environment.close()
    assert len(Counter(problem.answer for problem in problems)) > 1


@pytest.mark.parametrize(
    ("premises", "conclusion", "answer"),
    [
        (("All cats are dogs", "All dogs are birds"), "All cats are birds", "True"),
        (("All cats are dogs", "All dogs are birds"), "Some cats are not birds", "False"),
        (("All cats are dogs", "All dogs are birds"), "Some cats are birds", "Unknown"),  # there may be no cats
        (("No cats are dogs", "Some cats are dogs"), "All cats are birds", "Inconsistent"),
    ],
)
def test_a_label_is_what_holds_in_every_model(premises: tuple[str, str], conclusion: str, answer: str) -> None:
    assert label(*premises, conclusion) == answer

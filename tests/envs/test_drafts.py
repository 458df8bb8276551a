"""Programs by lot, for base models: they use a problem's numbers, and are right as often as was asked for."""

import ast
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envisions.records import Outcome, Problem
from envs.math import drafts, stories

dice = st.integers(0, 10**6).map(random.Random)
STORIES = stories.generate("train", 600, seed=3, slots=True)


def form(text: str) -> str:
    """The expression with one sign for every operator."""
    tree = ast.parse(text, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp):
            node.op = ast.Add()
    return ast.dump(tree)


def right(problem: Problem, text: str) -> bool:
    return drafts.feedback(problem, text).outcome is Outcome.accepted


@given(st.sampled_from(STORIES), dice)
def test_an_expression_by_lot_uses_each_number_at_most_once(problem: Problem, dice: random.Random) -> None:
    used = re.findall(r"\w+", drafts.expression(drafts.operands(problem), dice))
    assert used
    assert len(set(used)) == len(used)
    assert set(used) <= set(drafts.operands(problem))


@pytest.mark.parametrize("kept", [0.0, 0.4, 1.0])
def test_at_least_the_share_asked_for_is_right(kept: float) -> None:
    lot = random.Random(1)
    share = sum(right(problem, drafts.draft(problem, lot, kept)) for problem in STORIES) / len(STORIES)
    assert kept - 0.05 <= share <= kept + 0.15 * (1 - kept)  # a few are right by luck


@given(st.sampled_from(STORIES), dice)
def test_a_misread_program_has_the_right_numbers_in_the_right_places(problem: Problem, dice: random.Random) -> None:
    assert form(drafts.draft(problem, dice, kept=0, misread=1)) == form(stories.solution(problem))


@given(st.sampled_from(STORIES), dice, st.floats(0, 1))
def test_one_line_or_a_line_a_step_computes_the_same(problem: Problem, dice: random.Random, stepwise: float) -> None:
    text = drafts.expression(drafts.operands(problem), dice)
    space: dict[str, object] = {}
    exec(drafts.program(problem, text, dice, stepwise), space)
    inputs = problem.setup["inputs"]
    try:
        assert space["solution"](**inputs) == eval(text, {}, dict(inputs))  # type: ignore[operator]
    except ZeroDivisionError:
        assert drafts.feedback(problem, text).outcome is Outcome.failed


@given(st.sampled_from(STORIES), dice, st.floats(0, 1))
def test_a_smudged_question_keeps_its_slots_and_its_shape(problem: Problem, dice: random.Random, share: float) -> None:
    smudged = drafts.smudged(problem.question, dice, share)
    blank = re.compile(r"\b[A-Za-z]+\b")
    assert blank.sub("", smudged) == blank.sub("", problem.question)
    words, told = blank.findall(smudged), blank.findall(problem.question)
    assert [word[0].isupper() for word in words] == [word[0].isupper() for word in told]
    assert len(set(words)) <= len(set(told))


def test_nothing_or_every_word_is_smudged_where_that_is_asked_for() -> None:
    question = STORIES[0].question
    assert drafts.smudged(question, random.Random(1), 0) == question
    assert not set(re.findall(r"\b[A-Za-z]{4,}\b", question)) & set(
        re.findall(r"\b[A-Za-z]{4,}\b", drafts.smudged(question, random.Random(1), 1))
    )

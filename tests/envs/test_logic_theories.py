"""Generated theories: balanced, of the depth asked for, and told so that their own gold program is accepted."""

from collections import Counter
from random import Random

import pytest

from envisions.records import Outcome
from envs.logic.chaining import chain
from envs.logic.environment import LogicEnvironment
from envs.logic.syntax import Rule
from envs.logic.task import posed
from envs.logic.theories import ANSWERS, WORDS, draw, generate, program, told


@pytest.mark.parametrize("depth", range(6))
@pytest.mark.parametrize("answer", ANSWERS)
def test_the_gold_program_is_accepted_as_a_translation_of_the_text(depth: int, answer: str) -> None:
    environment, dice = LogicEnvironment(), Random(depth)
    for number in range(10):
        rules, query = draw(WORDS["train" if number % 2 else "test"], depth, answer, True, dice)
        setup = {"context": " ".join(map(told, rules)), "asked": told(Rule((), (query,))), "semantics": "rules-owa"}
        problem = posed("p", "train", {**setup, "answer": answer})
        feedback = environment.execute(problem, program(rules, query))
        assert feedback.outcome is Outcome.accepted, (feedback.error, setup, program(rules, query))
        if answer == "True":
            assert chain(rules).depth(query) == depth


def test_answers_are_balanced_and_a_longer_list_begins_with_the_shorter() -> None:
    problems = generate("train", 30, seed=3)
    assert set(Counter(problem.answer for problem in problems).values()) == {10}
    assert generate("train", 12, seed=3) == problems[:12]
    assert len({problem.id for problem in problems}) == 30


def test_train_and_test_share_no_vocabulary() -> None:
    for train, test in zip(WORDS["train"], WORDS["test"], strict=True):
        assert not set(train) & set(test)


def test_sentences_are_told_in_english() -> None:
    problem = generate("test", 9, seed=1, depth=2)[-1]
    assert problem.setup["context"].endswith(".")
    assert " if " not in problem.setup["context"]

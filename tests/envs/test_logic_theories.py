"""Generated theories: balanced, of the depth asked for, and told so that their own gold program is accepted."""

from collections import Counter
from random import Random

import pytest
import templated

from envisions.records import Outcome
from envs.logic.chaining import chain
from envs.logic.environment import LogicEnvironment
from envs.logic.statements import Literal, Rule
from envs.logic.task import posed
from envs.logic.theories import ANSWERS, PRONOUNS, WORDS, draw, generate, program, tell, told


@pytest.mark.parametrize("depth", range(6))
@pytest.mark.parametrize("answer", ANSWERS)
def test_the_gold_program_is_accepted_as_a_translation_of_the_text(depth: int, answer: str) -> None:
    environment, dice = LogicEnvironment(), Random(depth)
    for number in range(10):
        rules, query = draw(WORDS["train" if number % 2 else "test"], depth, answer, True, dice)
        setup = {"context": tell(rules, dice), "asked": told(Rule((), (query,))), "semantics": "rules-owa"}
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


def test_one_rule_is_told_in_several_ways() -> None:
    rule = Rule((Literal("Kind", True, ("?x",)), Literal("Big", True, ("?x",))), (Literal("Red", False, ("?x",)),))
    assert told(rule) == "If someone is kind and they are big then they are not red."
    assert told(rule, PRONOUNS[1]) == "If something is kind and it is big then it is not red."
    assert told(rule, general=True) == "All kind, big things are not red."
    eats = Rule(rule.body, (Literal("Eats", False, ("?x", "Bob")),))
    assert told(eats, PRONOUNS[1], general=True).endswith("then it does not eat Bob.")


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_independent_reader_of_the_sentences_finds_the_same_answers(split: str) -> None:
    environment = LogicEnvironment()
    for problem in generate(split, 90, seed=2, depth=5):
        text = templated.program(problem.setup["context"], problem.setup["asked"])
        assert environment.execute(problem, text).outcome is Outcome.accepted, problem.question

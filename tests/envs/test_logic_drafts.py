"""Drafts for a base model: right, misread or damaged as asked, in prompts of the world, told in known or new words."""

from collections import Counter
from random import Random

import pytest

from envisions.make_base import Recipe, theory_texts
from envisions.records import Example, Outcome
from envs.logic.drafts import TheoryTexts, draft, texts
from envs.logic.environment import LogicEnvironment
from envs.logic.sources import LogicSource
from envs.logic.statements import Rule
from envs.logic.task import posed
from envs.logic.theories import ANSWERS, WORDS, draw, tell, told
from envs.logic.world import LogicConfig, LogicWorld

QUESTIONS = {"name": "stories", "count": 1}


def measures(**shares: float) -> Counter[str]:
    """How many of 90 drafts have the right label, and how many are right."""
    environment, dice, found = LogicEnvironment(), Random(4), Counter[str]()
    for number in range(90):
        answer = ANSWERS[number % 3]
        rules, query = draw(WORDS["train"], number // 3 % 3, answer, True, dice)
        setup = {"semantics": "rules-owa", "context": tell(rules, dice), "asked": told(Rule((), (query,)))}
        program = draft(rules, query, dice, TheoryTexts(count=1, **shares))
        feedback = environment.execute(posed("p", "train", {**setup, "answer": answer}), program)
        assert feedback.outcome in (Outcome.accepted, Outcome.rejected), feedback.error
        found.update(name for name, yes in feedback.evidence["measures"].items() if yes)
    return found


def test_what_is_kept_is_right() -> None:
    assert measures(kept=1, misread=0) == {"label": 90, "verified": 90}


def test_what_is_misread_is_sometimes_right_by_chance_and_no_translation_where_there_are_rules() -> None:
    found = measures(kept=0, misread=1)
    assert 30 < found["label"] < 70
    assert found["verified"] < 4  # theories without a rule


def test_what_is_damaged_is_seldom_right() -> None:
    found = measures(kept=0, misread=0)
    assert found["verified"] < 30 < found["label"]


@pytest.mark.parametrize("read", [0.0, 1.0])
def test_texts_are_prompts_of_the_world_with_a_program(read: float) -> None:
    theories = TheoryTexts(count=30, refinements=0.5)
    recipe = Recipe.model_validate({"questions": QUESTIONS, "theories": theories, "read": read})
    made = list(theory_texts(recipe))
    assert len(made) == 30
    source = LogicSource(name="theories", count=1)
    world = LogicWorld(LogicConfig(train=source, test={"unused": source}))
    plain = [(one.prompt, one.completion) for one in theory_texts(recipe.model_copy(update={"read": 0.0}))]
    assert plain == list(texts(theories, world, LogicEnvironment(), recipe.seed))
    for example, (prompt, completion) in zip(made, plain, strict=True):
        assert example.prompt + example.completion == prompt + completion
        assert example.prompt == (prompt if read == 0 else prompt.split(" ")[0])
        assert "Facts:" in completion
    assert any("Result:" in prompt for prompt, _ in plain)


def test_without_the_section_there_are_no_such_texts() -> None:
    recipe = Recipe.model_validate({"questions": QUESTIONS})
    assert [one for one in theory_texts(recipe) if isinstance(one, Example)] == []

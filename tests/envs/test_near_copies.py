from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import plant

from envisions.records import Problem
from envs.calculations import calculations
from envs.logic.theories import generate as theories
from envs.math import stories
from envs.math.sources import SourceConfig, load
from envs.near_copies import SAME_TEXT, _forms, near_copies, refusal

SHARED = Path(__file__).parents[3] / "shared" / "data" / "math"
COPIES = 500


def problem(question: str, id: str = "p", **setup: object) -> Problem:
    return Problem(id=id, world="math", question=question, answer="1", split="train", setup=setup)


def shares(train: list[Problem], test: list[Problem]) -> tuple[float, float]:
    """Recall on planted copies, and the share of the test problems that a train problem is called a copy of."""
    planted = list(plant(test, COPIES))
    found = near_copies([*train, *(copy for _, copy in planted)], {"test": test})
    caught = {copy.train.id for copy in found}
    kinds, hits = Counter(kind for kind, _ in planted), Counter(kind for kind, copy in planted if copy.id in caught)
    alarms = {copy.test.id for copy in found if not copy.train.id.startswith("planted")}
    print({kind: f"{hits[kind]}/{n}" for kind, n in kinds.items()}, f"false alarms {len(alarms)}/{len(test)}")
    return hits.total() / COPIES, len(alarms) / len(test)


def told(split: str, count: int) -> list[Problem]:
    made = stories.generate(split, count, seed=7)
    return [replace(one, setup={**one.setup, "steps": [stories.solution(one)]}) for one in made]


def test_planted_copies_of_the_products_own_stories_are_found_and_no_others() -> None:
    recall, alarms = shares(told("train", 1000), told("test", COPIES))
    assert recall >= 0.95
    assert alarms < 0.01


@pytest.mark.skipif(not (SHARED / "gsm8k_train.jsonl").exists(), reason="the shared data files are not at hand")
def test_planted_copies_of_gsm8k_are_found_and_its_own_two_halves_are_not_called_copies() -> None:
    train, test = (
        load(SourceConfig(name="gsm8k", path=SHARED / f"gsm8k_{split}.jsonl"), split) for split in ("train", "test")
    )
    recall, alarms = shares(train, test)
    assert recall >= 0.95
    assert alarms < 0.01


def test_generated_theories_are_no_copies_of_each_other() -> None:
    train, test = list(theories("train", 400, 1, 2, True)), list(theories("test", 100, 1, 2, True))
    assert near_copies(train, {"theories": test}) == []


def test_a_theory_told_of_others_in_another_order_is_a_copy() -> None:
    test = list(theories("test", 100, 1, 2, True))
    first, *others = test[0].question.replace("Ida", "Anne").replace("Jack", "Bob").splitlines()
    facts = [f"{fact}." for fact in first.rstrip(".").split(". ")]
    copy = problem(" ".join([*reversed(facts), *others]))
    assert [found.test for found in near_copies([copy], {"theories": test})] == [test[0]]


def test_a_copy_names_the_test_problem_that_it_is_most_like() -> None:
    near, far = problem("Tom has 3 red apples and eats 2.", "near"), problem("Tom has 3 red plums and eats 2.", "far")
    (found,) = near_copies([problem("Ann has 3 red apples and eats 2.")], {"plums": [far], "apples": [near]})
    assert (found.test, found.test_set, found.similarity) == (near, "apples", 1.0)


def test_other_numbers_make_another_problem() -> None:
    test = [problem("Tom has 3 red apples and eats 2.")]
    assert near_copies([problem("Tom has 4 red apples and eats 2.")], {"test": test}) == []
    assert near_copies([problem("Tom has three red apples and eats 2.0.")], {"test": test}) != []


def test_a_solution_counts_only_where_the_text_is_a_little_alike_too() -> None:
    test = [problem("Tom sells 48 clips to friends in April and half as many in May.", steps=["48/2", "48+24"])]
    other = problem("Ann sells 48 clips to friends in April; in May it is one half of that.", steps=["(48/2)+48"])
    assert near_copies([other], {"test": test}) != []
    assert near_copies([replace(other, setup={"steps": ["48/2", "48-24"]})], {"test": test}) == []
    assert near_copies([replace(other, question="A tank holds 48 litres.")], {"test": test}) == []


def test_what_is_computed_does_not_hang_on_how_it_is_written() -> None:
    assert calculations(["48/2", "48+24"]) == calculations(["24+48", "48/2"]) == calculations(["48/2 + 48"])
    assert calculations(["3-2"]) != calculations(["2-3"])
    assert calculations(["007*2", "x+1", "2+", "1/0", "20%*5"]) == calculations(["7*2", "20/100*5"])


QUESTIONS = st.lists(st.sampled_from(["a red cow", "2 dogs", "Tom runs", "so it is", "3 cats sit", "Ann"]), min_size=1)


@given(st.lists(QUESTIONS, min_size=1), st.lists(QUESTIONS, min_size=1))
def test_no_pair_is_left_out(train: list[list[str]], test: list[list[str]]) -> None:
    problems, held = (
        [problem(". ".join(sentences), str(index)) for index, sentences in enumerate(texts)] for texts in (train, test)
    )
    forms = _forms([*problems, *held])
    own, others = forms[: len(problems)], forms[len(problems) :]
    expected = [
        one.id
        for one, form in zip(problems, own, strict=True)
        if any(
            form.numbers == other.numbers
            and sum(form.weights[feature] for feature in form.features & other.features)
            >= SAME_TEXT * sum(form.weights[feature] for feature in form.features | other.features)
            for other in others
        )
    ]
    assert [copy.train.id for copy in near_copies(problems, {"test": held})] == expected


def test_a_refusal_gives_the_count_the_way_out_and_the_worst_pair() -> None:
    copies = near_copies([problem("Ann has 3 cows.", "train-1")], {"farm": [problem("Tom has 3 cows.", "test-1")]})
    first, *examples = str(refusal(copies, 20)).splitlines()
    assert first.startswith("1 of 20 train problems are near-copies of test problems")
    assert "world.near_copies" in first
    assert "train-1 is like test-1 of test set farm (1.00)" in examples[0]

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envisions.records import Problem
from envs.contamination import disjoint, text_key

SHARED = Path(__file__).parents[3] / "shared" / "data" / "math"


def problem(question: str, id: str = "p", **setup: object) -> Problem:
    return Problem(id=id, world="math", question=question, answer="1", split="train", setup=setup)


def problems(*questions: str) -> list[Problem]:
    return [problem(question, id=str(index)) for index, question in enumerate(questions)]


WORDS = st.lists(st.sampled_from(["Anna", "has", "12", "3.5", "1,080", "number0", "apples", "x", "été"]), min_size=1)
GAPS = st.text(" \t\n", min_size=1, max_size=3)
MARKS = st.sampled_from(["", "", ".", ",", "?", "!", ";", ":", '"', "'", ")", "…"])


@given(WORDS, st.data())
def test_case_punctuation_and_white_space_do_not_change_the_key(words: list[str], data: st.DataObject) -> None:
    other = "".join(data.draw(st.sampled_from([w, w.upper()])) + data.draw(MARKS) + data.draw(GAPS) for w in words)
    assert text_key(problem(other)) == text_key(problem(" ".join(words)))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from("+-*/<>=^"), st.sampled_from("+-*/<>=^"))
def test_numbers_and_signs_of_arithmetic_are_kept(one: int, other: int, sign: str, another: str) -> None:
    first, second = problem(f"Calculate {one} {sign} 7."), problem(f"Calculate {other} {another} 7.")
    assert (text_key(first) == text_key(second)) == ((one, sign) == (other, another))


def test_a_number_with_commas_is_the_number_and_a_list_is_a_list() -> None:
    assert text_key(problem("It costs $1,080.")) == text_key(problem("It costs $1080"))
    assert text_key(problem("the set 1,2,3")) != text_key(problem("the set 123"))
    assert text_key(problem("12 3")) != text_key(problem("1 23"))


def test_texts_that_were_split_into_words_differently_are_the_same() -> None:
    assert text_key(problem("a 1-year-old cow")) == text_key(problem("A 1 - year old cow ."))
    assert text_key(problem("They didn't see grown-ups")) == text_key(problem("they did n't see grown - ups"))


@given(
    st.lists(st.sampled_from("abcdef")), st.dictionaries(st.sampled_from("xyz"), st.lists(st.sampled_from("ABCDEFG")))
)
def test_train_and_tests_share_nothing_and_train_holds_each_problem_once(
    train: list[str], tests: dict[str, list[str]]
) -> None:
    sets = {name: problems(*questions) for name, questions in tests.items()}
    given_train = problems(*train)
    kept, removed = disjoint(given_train, sets)
    held = {text_key(one) for questions in sets.values() for one in questions}
    keys = [text_key(one) for one in kept]
    assert not held & set(keys)
    assert len(keys) == len(set(keys))
    assert set(keys) == {text_key(one) for one in given_train} - held
    assert [one for one in given_train if one in kept] == kept
    assert sum(removed.counts.values()) == len(train) - len(kept)
    assert disjoint(kept, sets) == (kept, type(removed)({}, {}))


def test_what_was_removed_is_counted_and_shown_by_reason() -> None:
    train = problems("A cow?", "a COW", "Two dogs .", "Three cats.")
    kept, removed = disjoint(train, {"farm": problems("Two dogs?"), "zoo": problems("two dogs", "No lion.")})
    assert [one.question for one in kept] == ["A cow?", "Three cats."]
    assert removed.counts == {"duplicates": 1, "farm": 1}
    assert str(removed).splitlines() == [
        "removed from train: 2",
        "  1 duplicates",
        "    a COW",
        "  1 also in test set farm",
        "    Two dogs .",
    ]


def test_the_same_text_with_other_numbers_in_its_slots_is_no_duplicate_but_is_held_by_a_test_set() -> None:
    first, second = (problem("number0 cows ?", inputs={"number0": n}) for n in (1, 2))
    assert disjoint([first, second, first], {})[0] == [first, second]
    assert disjoint([first], {"farm": [second]})[0] == []


def test_a_problem_told_in_the_frame_of_a_test_problem_is_taken_out() -> None:
    train = problems("Ann has 3 cows.", "Ann sells 4 cows.")
    kept, removed = disjoint(train, {"farm": problems("Bob has 5 cows.")}, lambda one: one.question.split()[1])
    assert kept == train[1:]
    assert removed.counts == {"farm": 1}


@pytest.mark.skipif(not (SHARED / "mwp_train.jsonl").exists(), reason="the shared data files are not at hand")
def test_the_folds_are_taken_out_of_the_shared_word_problems() -> None:
    def read(name: str) -> list[Problem]:
        rows = [json.loads(line) for line in (SHARED / f"{name}.jsonl").read_text().splitlines()]
        return [problem(row["question"], id=str(row["id"]), inputs=row["numbers"]) for row in rows]

    folds = {name: read(name) for name in ("mwp_asdiv_a_fold0_dev", "mwp_mawps_fold0_dev")}
    kept, removed = disjoint(read("mwp_train"), folds)
    assert len(kept) + sum(removed.counts.values()) == 3138
    assert all(removed.counts[name] >= len({text_key(one) for one in fold}) for name, fold in folds.items())
    squeezed = {re.sub(r"\W", "", one.question.lower()) for fold in folds.values() for one in fold}
    assert not squeezed & {re.sub(r"\W", "", one.question.lower()) for one in kept}
    print(len(kept), removed)

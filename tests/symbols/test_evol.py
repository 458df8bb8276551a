"""Symbol-Evol: what a renamed pair keeps, whatever the names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envisions.records import Problem
from envs.languages.scan import ACTIONS, Scan
from envs.symbols.evol import evolved, original
from envs.symbols.names import STYLES, Part, Style, swapped
from envs.symbols.pairs import language_of, pair

PARTS: tuple[Part, ...] = ("train", "test")
COMMANDS = st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=12).map(" ".join)


def walk(gold: str, id: str = "scan/0") -> Problem:
    return pair(id=id, task="scan", language=Scan(), question="do it", gold=gold, split="train")


@given(COMMANDS, st.sampled_from(STYLES), st.sampled_from(PARTS), st.integers(0, 9))
def test_an_evolved_pair_means_the_same_and_goes_back(gold: str, style: Style, part: Part, seed: int) -> None:
    before = walk(gold)
    after = evolved(before, style, part, seed)
    assert original(after) == before
    new, old = language_of(after), language_of(before)
    assert new.execute(new.parse(after.answer)) == old.execute(old.parse(before.answer))  # type: ignore[attr-defined]
    assert after.question == before.question
    assert len(after.answer.split()) == len(gold.split())


@given(COMMANDS, st.sampled_from(STYLES), st.sampled_from(PARTS))
def test_instruction_and_gold_are_renamed_by_one_map(gold: str, style: Style, part: Part) -> None:
    before, after = walk(gold), evolved(walk(gold), style, part)
    meant = [before.setup["glosses"]["action"][name] for name in before.answer.split()]
    assert [after.setup["glosses"]["action"][name] for name in after.answer.split()] == meant


@given(COMMANDS, st.sampled_from(STYLES))
def test_names_follow_from_the_key_alone(gold: str, style: Style) -> None:
    assert evolved(walk(gold), style) == evolved(walk(gold), style)
    assert evolved(walk(gold), style).setup["names"] != evolved(walk(gold, "scan/1"), style, seed=8).setup["names"]


def test_no_name_for_evaluation_can_be_drawn_in_training() -> None:
    for style in ("random", "pseudo"):
        drawn: dict[Part, set[str]] = {part: set() for part in PARTS}
        for part in PARTS:
            for number in range(300):
                names = evolved(walk("I_JUMP", f"scan/{number}"), style, part).setup["names"]["action"]  # type: ignore[arg-type]
                drawn[part] |= {name.casefold() for name in names.values()}
        assert not drawn["train"] & drawn["test"]
        assert not {letter for name in drawn["train"] for letter in name} & {
            letter for name in drawn["test"] for letter in name
        }


@given(st.lists(st.text("abc", min_size=1), min_size=2, max_size=9, unique=True), st.randoms(use_true_random=False))
def test_swaps_of_training_and_of_evaluation_are_different_permutations(names: list[str], dice: object) -> None:
    pairs, ring = swapped(names, dice, "train"), swapped(names, dice, "test")  # type: ignore[arg-type]
    assert all(pairs[pairs[name]] == name for name in pairs)
    assert not ring or any(ring[ring[name]] != name for name in ring)
    assert sorted(pairs) == sorted(pairs.values())
    assert sorted(ring) == sorted(ring.values())


def test_a_pair_evolves_once() -> None:
    with pytest.raises(ValueError, match="has evolved already"):
        evolved(evolved(walk("I_JUMP"), "random"), "swap")

"""Sampling in rounds: worked cases, and what must hold whatever the model writes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool.rounds import AdaptiveConfig, Rounds, Tally, Try, fixed, tally

NAMES = [f"p{n}" for n in range(9)]


def lot(problem: str) -> float:
    return random.Random(problem).random()


def written(rate: float, problem: str, slot: int) -> Try:
    """What a model of this solve rate writes in a slot, a function of problem and slot only."""
    dice = random.Random(f"{problem}/{slot}")
    right = dice.random() < rate
    return Try(slot, None if dice.random() < 0.1 else right, dice.choice("abcde") if right else "")


def played(rounds: Rounds, rates: dict[str, float], order: random.Random | None = None) -> dict[str, list[Try]]:
    """All rounds, one after the other; with `order`, attempts arrive in any order."""
    tries: dict[str, list[Try]] = {}
    for number in range(rounds.count):
        for problem in rounds.chosen(NAMES, tries, number, lot):
            tries.setdefault(problem, []).extend(
                written(rates[problem], problem, slot) for slot in rounds.slots(number)
            )
        if order:
            shuffled = list(tries.items())
            order.shuffle(shuffled)
            tries = {problem: order.sample(tried, len(tried)) for problem, tried in shuffled}
    return tries


any_rounds = st.builds(
    Rounds,
    st.builds(
        AdaptiveConfig,
        size=st.integers(1, 3),
        most=st.integers(3, 12),
        enough=st.integers(1, 4),
        hopeless=st.sampled_from((0.0, 0.05, 0.2, 0.4)),
    ),
    st.integers(3, 6),
)
any_rates = st.fixed_dictionaries({name: st.sampled_from((0.0, 0.1, 0.5, 1.0)) for name in NAMES})


@given(any_rounds, any_rates)
def test_the_budget_is_never_exceeded_and_every_problem_has_its_first_round(
    rounds: Rounds, rates: dict[str, float]
) -> None:
    tries = played(rounds, rates)
    assert sum(map(len, tries.values())) <= rounds.samples * len(NAMES)
    for problem in NAMES:
        slots = sorted(each.slot for each in tries[problem])
        assert slots == list(range(len(slots)))
        assert rounds.config.size <= len(slots) <= rounds.config.most


@given(any_rounds, any_rates, st.randoms(use_true_random=False))
def test_the_order_of_arrival_decides_nothing(rounds: Rounds, rates: dict[str, float], order: random.Random) -> None:
    plain, shuffled = played(rounds, rates), played(rounds, rates, order)
    assert {p: sorted(t, key=str) for p, t in plain.items()} == {p: sorted(t, key=str) for p, t in shuffled.items()}


@given(any_rounds, any_rates)
def test_nothing_is_drawn_of_a_problem_that_has_enough_or_is_hopeless(rounds: Rounds, rates: dict[str, float]) -> None:
    tries, config = played(rounds, rates), rounds.config
    for tried in tries.values():
        before = tally(tried, len(tried) - config.size)  # when its last round was decided
        if len(tried) > config.size:
            assert before.distinct < config.enough
            assert before.right or before.chance(config.size) >= config.hopeless


@given(any_rounds, any_rates, st.integers(0, 5))
def test_a_run_cut_off_in_a_round_chooses_the_same_in_it_again(
    rounds: Rounds, rates: dict[str, float], kept: int
) -> None:
    tries: dict[str, list[Try]] = {}
    for number in range(rounds.count):
        drawn = rounds.chosen(NAMES, tries, number, lot)
        partly = {problem: list(tried) for problem, tried in tries.items()}
        for problem in drawn[:kept]:
            partly.setdefault(problem, []).extend(written(rates[problem], problem, s) for s in rounds.slots(number))
        assert rounds.chosen(NAMES, partly, number, lot) == drawn
        assert rounds.touched(partly, number) == set(drawn[:kept])
        assert rounds.begun(partly) == (number if drawn[:kept] else rounds.begun(tries))
        for problem in drawn:
            tries.setdefault(problem, []).extend(written(rates[problem], problem, s) for s in rounds.slots(number))


@given(st.integers(1, 8), any_rates)
def test_a_fixed_k_is_one_round_of_k_for_everyone(samples: int, rates: dict[str, float]) -> None:
    assert fixed(samples).count == 1
    assert {problem: len(tried) for problem, tried in played(fixed(samples), rates).items()} == dict.fromkeys(
        NAMES, samples
    )


def test_what_solved_problems_leave_goes_to_those_that_are_not() -> None:
    rounds = Rounds(AdaptiveConfig(size=2, most=8, enough=2, hopeless=0.0), samples=4)
    tries = {
        "solved": [Try(0, True, "a"), Try(1, True, "b")],
        "once": [Try(0, True, "a"), Try(1, True, "a")],
        "never": [Try(0, False, ""), Try(1, False, "")],
    }
    problems = list(tries)  # 12 programs, 6 are drawn
    assert rounds.chosen(problems, tries, 1, lot) == ["never", "once"]
    tries["never"] += [Try(2, False, ""), Try(3, True, "c")]
    tries["once"] += [Try(2, True, "b"), Try(3, None, "")]
    assert rounds.chosen(problems, tries, 2, lot) == ["never"]
    tries["never"] += [Try(4, False, ""), Try(5, False, "")]
    assert rounds.chosen(problems, tries, 3, lot) == []  # all 12 are spent


def test_hope_follows_the_posterior() -> None:
    assert Tally(0, 0, 0).chance(1) == pytest.approx(1 / 2)
    assert Tally(4, 0, 0).chance(1) == pytest.approx(1 / 6)
    assert Tally(4, 0, 0).chance(2) == pytest.approx(1 - 5 / 6 * 6 / 7)
    assert Tally(4, 3, 1).chance(1) == pytest.approx(4 / 6)
    rounds = Rounds(AdaptiveConfig(size=2, most=9, enough=3, hopeless=0.3), samples=9)
    two_wrong, four_wrong = ({"p": [Try(n, False, "") for n in range(wrong)]} for wrong in (2, 4))
    assert rounds.chosen(["p"], two_wrong, 1, lot) == ["p"]  # 1 - 3/4 x 4/5 = 0.4
    assert rounds.chosen(["p"], four_wrong, 2, lot) == []  # 1 - 5/6 x 6/7 = 0.29

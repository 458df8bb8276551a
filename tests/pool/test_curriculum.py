"""The choice of problems: worked posteriors, and what must hold whatever was tried."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envisions.records import Problem
from pool.curriculum import Count, CurriculumConfig, chosen, family, posteriors


def problem(name: str, kind: str = "plain") -> Problem:
    return Problem(id=name, world="toy", question="?", answer="1", split="train", setup={"shape": kind})


PROBLEMS = [problem(f"p{n:02}", "even" if n % 2 == 0 else "odd") for n in range(40)]
any_counts = st.lists(
    st.builds(
        lambda iteration, number, right, wrong: Count(
            iteration, f"p{number:02}", "shape=even" if number % 2 == 0 else "shape=odd", right, wrong
        ),
        st.integers(1, 3),
        st.integers(0, 45),
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    max_size=40,
    unique_by=lambda count: count[:2],
)


def test_a_posterior_is_the_familys_rate_and_the_problems_own_attempts() -> None:
    config = CurriculumConfig(size=1, prior=2.0, decay=0.5)
    counts = [
        Count(2, "p00", "shape=even", right=3, wrong=1),  # the newest counts in full
        Count(1, "p00", "shape=even", right=0, wrong=4),  # one older by half
        Count(2, "p02", "shape=even", right=2, wrong=0),
    ]
    found = posteriors(PROBLEMS, counts, 3, config)
    expected = (1 + 5) / (2 + 5 + 3)  # the family: 3 + 2 right, 1 + 2 wrong
    assert found["p00"] == pytest.approx((2 * expected + 3, 2 * (1 - expected) + 1 + 2))
    assert found["p04"] == pytest.approx((2 * expected, 2 * (1 - expected)))
    assert found["p01"] == (1.0, 1.0)  # nothing is known of the odd ones


def test_a_family_is_what_the_world_calls_it() -> None:
    assert family({"task": "click-tab", "seed": 3}) == "task=click-tab"
    assert family({"shape": "sum", "inputs": {}}) == "shape=sum"
    assert family({}) == ""


@given(any_counts, st.integers(1, 45), st.floats(0, 1), st.integers(0, 5), st.randoms(use_true_random=False))
def test_a_choice_has_its_size_its_order_and_no_other_maker_than_what_is_stored(
    counts: list[Count], size: int, floor: float, seed: int, order: random.Random
) -> None:
    config = CurriculumConfig(size=size, floor=floor)
    found = chosen(PROBLEMS, counts, 4, config, seed)
    assert len(found) == min(size, len(PROBLEMS))
    assert found == [each for each in PROBLEMS if each in found]
    order.shuffle(counts)
    assert chosen(PROBLEMS, counts, 4, config, seed) == found
    shuffled = order.sample(PROBLEMS, len(PROBLEMS))
    assert set(map(str, chosen(shuffled, counts, 4, config, seed))) == set(map(str, found))


def test_problems_solved_now_and_then_are_chosen_most_and_none_is_given_up() -> None:
    rates = {"p00": (0, 40), "p01": (20, 20), "p02": (40, 0)}
    problems = [problem(name, name) for name in rates] + [problem(f"x{n}", f"x{n}") for n in range(9)]
    counts = [Count(1, name, f"shape={name}", *rate) for name, rate in rates.items()]
    config = CurriculumConfig(size=4, floor=0.25, decay=1.0)
    taken = Counter(p.id for seed in range(400) for p in chosen(problems, counts, 2, config, seed))
    assert taken["p01"] > 300
    for hopeless in ("p00", "p02"):  # only by lot: one place in nine
        assert 15 < taken[hopeless] < 90
    by_lot = Counter(
        p.id for seed in range(400) for p in chosen(problems, counts, 2, CurriculumConfig(size=4, floor=1), seed)
    )
    assert all(90 < taken < 180 for taken in by_lot.values())  # 400 x 4 / 12

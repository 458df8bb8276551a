"""The analyses, worked by hand."""

import random
import time
from math import nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_select import attempt, canonical

from actors.memory import Memory
from envisions.records import IterationReport, Outcome, Trajectory, Weights
from envs.logic.world import LogicConfig, LogicWorld
from envs.math.programs import canonical as canonical_program
from pool.analysis import analyse, auc, diversity, exploration, overlap, pass_at, pass_at_k, refinement, reward
from pool.select import SelectConfig

RIGHT, WRONG, BROKEN = Outcome.accepted, Outcome.rejected, Outcome.failed


def test_exploration_counts_what_is_new_and_the_share_that_was_kept() -> None:
    attempts = [
        attempt("a", RIGHT, problem="old"),
        attempt("a", WRONG, problem="lost"),
        attempt("a", WRONG, problem="mended"),
        attempt("b", RIGHT, problem="mended", kind="refine"),
        attempt("a", RIGHT, problem="back"),
    ]
    before = [{"back"}, {"old", "lost", "not drawn"}]
    assert exploration(attempts, before) == {"sampled": 2, "solved": 3, "new": 1, "kept": 0.5}
    assert exploration(attempts, []) == {"sampled": 2, "solved": 3, "new": 3}


def test_refinement_is_counted_by_what_the_refined_program_came_to() -> None:
    attempts = [
        attempt("a", RIGHT, slot=0),
        attempt("b", WRONG, slot=0, kind="refine"),
        attempt("a", WRONG, slot=1),
        attempt("b", RIGHT, slot=1, kind="refine"),
        attempt("a", WRONG, slot=2),
        attempt("b", WRONG, slot=2, kind="refine"),
        attempt("a", BROKEN, slot=3),
    ]
    assert refinement(attempts) == {
        "accepted": {"refined": 1, "right": 0},
        "rejected": {"refined": 2, "right": 1},
    }


def test_the_margin_is_taken_within_problems_and_the_auc_over_all_of_them() -> None:
    attempts = [
        attempt("a", RIGHT, problem="p", slot=0, r=-1.0),
        attempt("b", WRONG, problem="p", slot=1, r=-2.0),
        attempt("c", WRONG, problem="p", slot=2, r=-4.0),
        attempt("a", RIGHT, problem="q", slot=0, r=-5.0),
        attempt("b", WRONG, problem="q", slot=1, r=-5.0),
        attempt("b", WRONG, problem="q", slot=2, r=nan),
    ]
    # within p: -1 - -3 = 2, within q: 0; pairs won: 3 by -1, and half of one by -5, out of 2 * 3
    assert reward(attempts) == {"margin": 1.0, "auc": 3.5 / 6}
    assert reward(attempts[:1]) == {}


@given(st.lists(st.integers(0, 4), min_size=1), st.lists(st.integers(0, 4), min_size=1))
def test_the_auc_is_the_share_of_pairs_won(right: list[float], wrong: list[float]) -> None:
    won = sum((r > w) + (r == w) / 2 for r in right for w in wrong)
    assert auc(right, wrong) == pytest.approx(won / (len(right) * len(wrong)))


def test_diversity_counts_canonical_programs_and_the_overlap_of_texts() -> None:
    attempts = [attempt("abcd", slot=0), attempt("ABCD", slot=1), attempt("abcde", slot=2), attempt("x", problem="q")]
    # {abcd}, {ABCD}, {abcd, bcde}: overlaps 0, 1/sqrt(2), 0; two canonical forms of three attempts
    found = diversity(attempts, canonical)
    assert found == {"programs": pytest.approx(2 / 3), "unlike": pytest.approx(1 - 0.5**0.5 / 3)}
    assert diversity([attempt("a")], canonical) == {}


@given(st.frozensets(st.sampled_from("abc")), st.frozensets(st.sampled_from("abc")))
def test_overlap_is_symmetric_and_one_only_for_equals(one: frozenset[str], other: frozenset[str]) -> None:
    assert overlap(one, other) == overlap(other, one)
    assert (overlap(one, other) == pytest.approx(1)) == (one == other)


def test_pass_at_k_is_unbiased() -> None:
    assert pass_at_k(5, 0, 5) == 0
    assert pass_at_k(5, 2, 1) == pytest.approx(2 / 5)
    assert pass_at_k(4, 2, 2) == pytest.approx(1 - 1 / 6)  # of six pairs one has no right sample
    assert pass_at_k(4, 3, 2) == 1
    attempts = [attempt("a", outcome, slot=slot) for slot, outcome in enumerate((RIGHT, WRONG, WRONG, WRONG))]
    assert pass_at([*attempts, attempt("a", RIGHT, problem="q")]) == {"1": (0.25 + 1) / 2, "4": 1.0}


def test_what_is_no_verdict_says_nothing() -> None:
    assert analyse([attempt("a", Outcome.unverifiable)], [], canonical)["exploration"] == {
        "sampled": 0,
        "solved": 0,
        "new": 0,
    }


def many(count: int) -> list[Trajectory]:
    dice = random.Random(0)
    return [
        attempt(
            f"def solution():\n    total = {dice.randint(2, 99)} * {dice.randint(2, 99)} + {index}\n    return total",
            dice.choice((RIGHT, WRONG, BROKEN)),
            problem=f"p{index // 10}",
            slot=index % 10 // 2,
            kind=("explore", "refine")[index % 2],
            r=-dice.random(),
        )
        for index in range(count)
    ]


def test_five_thousand_attempts_take_less_than_two_seconds() -> None:
    attempts = many(5000)
    start = time.process_time()
    found = analyse(attempts, [{"p1", "p2"}], canonical_program)
    assert time.process_time() - start < 2
    assert found.keys() == {"exploration", "refinement", "reward", "diversity", "pass"}


def test_a_committed_report_holds_the_analysis_of_its_iteration(tmp_path: Path) -> None:
    theories = {"name": "theories", "count": 3}
    world = LogicWorld(LogicConfig.model_validate({"train": theories, "test": {"held-out": theories}}))
    memory = Memory(str(tmp_path / "memory.sqlite"), world, SelectConfig())
    weights = Weights(version=0, path="", fingerprint="")
    for iteration, outcomes in ((1, (RIGHT, WRONG)), (2, (RIGHT, RIGHT))):
        for problem, outcome in zip("pq", outcomes, strict=True):
            one = attempt("Facts:", outcome, problem=problem, iteration=iteration)
            memory.add(one.problem, [one])
    report = memory.commit(IterationReport(iteration=2, weights=weights, accuracy={}))
    assert report.analysis["exploration"] == {"sampled": 2, "solved": 2, "new": 1, "kept": 1.0}
    assert memory.reports() == [report]
    assert memory.commit(IterationReport(iteration=3, weights=weights, accuracy={})).analysis == {}
    memory.close()

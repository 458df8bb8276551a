"""Pairs of right and wrong programs."""

from hypothesis import given
from hypothesis import strategies as st

from envisions.records import AttemptKey, Candidate, Feedback, Outcome, Problem, Trajectory
from pool.analysis import grams, overlap
from pool.pairing import PAIRINGS, by_likeness, by_rank


def likeness(one: Trajectory, other: Trajectory) -> float:
    return overlap(grams(one.program), grams(other.program))


programs = st.lists(st.text("ab+12 ", max_size=12), max_size=6)


def attempts(texts: list[str], outcome: Outcome = Outcome.accepted) -> list[Trajectory]:
    problem = Problem(id="p", world="toy", question="?", answer="1", split="train")
    return [
        Trajectory(
            key=AttemptKey("run", 1, "p", slot, "explore"),
            problem=problem,
            candidate=Candidate(text=text, tokens=(), logprob=0.0, weights=0, seed=slot, finish="stop"),
            program=text,
            feedback=Feedback(outcome=outcome),
        )
        for slot, text in enumerate(texts)
    ]


def test_a_right_program_is_paired_with_the_wrong_one_that_differs_least() -> None:
    rights = attempts(["return a + b", "return (a - b) * c"])
    wrongs = attempts(["import os", "return (a - b) / c", "return a - b"], Outcome.rejected)
    told = [(right.program, wrong.program) for right, wrong in by_likeness(rights, wrongs)]
    assert told == [("return a + b", "return a - b"), ("return (a - b) * c", "return (a - b) / c")]
    assert [wrong.program for _, wrong in by_rank(rights, wrongs)] == ["import os", "return (a - b) / c"]


@given(programs, programs)
def test_every_pairing_uses_each_program_once_and_leaves_none_without_need(ones: list[str], others: list[str]) -> None:
    rights, wrongs = attempts(ones), attempts(others, Outcome.rejected)
    for pairing in PAIRINGS.values():
        pairs = pairing(rights, wrongs)
        assert [right for right, _ in pairs] == rights[: min(len(rights), len(wrongs))]
        keys = [wrong.key for _, wrong in pairs]
        assert len(keys) == len(set(keys))
    if rights and wrongs:
        right, wrong = by_likeness(rights, wrongs)[0]
        assert likeness(right, wrong) == max(likeness(right, w) for w in wrongs)

"""Lessons chosen from the candidates are those chosen from all attempts, whatever was tried in whatever order."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_store import attempt, problem_named

from envisions.records import Lesson, Outcome, Trajectory
from pool.candidates import chooses_by_program
from pool.select import REFERENCE_COMPAT, SelectConfig, needs_score, select
from pool.store import Store

OUTCOMES = [Outcome.accepted, Outcome.accepted, Outcome.rejected, Outcome.failed, Outcome.unverifiable]
programs = st.sampled_from(["a", "A", "b", "c", "d", " "])
halves = st.tuples(programs, st.sampled_from([*OUTCOMES, Outcome.infra_failed]))
slots = st.lists(st.tuples(halves, halves | st.none()), min_size=1, max_size=4)
settings_of_choice = st.builds(
    SelectConfig,
    positives=st.integers(0, 2),
    pairs=st.integers(0, 2),
    spare=st.booleans(),
    pairing=st.sampled_from(["rank", "likeness"]),
)
trials = st.lists(st.tuples(st.sampled_from("pq"), st.integers(1, 3), slots), min_size=1, max_size=6)


def canonical(program: str) -> str:
    return program.casefold()


def tried(name: str, iteration: int, slots: list) -> list[Trajectory]:
    """Explored and refined attempts at one problem; a program is right or wrong wherever it is written."""
    problem = problem_named(name)
    return [
        replace(attempt(problem, slot, half[1], iteration=iteration, kind=kind), program=half[0])
        for slot, both in enumerate(slots)
        for kind, half in zip(("explore", "refine"), both, strict=True)
        if half is not None
    ]


def names(lessons: list[Lesson]) -> list[tuple]:
    return [(lesson.right.key, lesson.wrong and lesson.wrong.key) for lesson in lessons]


@settings(deadline=None, max_examples=60)
@given(trials=trials, again=st.booleans(), barred=st.sets(st.integers(1, 30), max_size=4), config=settings_of_choice)
def test_a_selection_from_the_candidates_is_one_from_all_attempts(
    trials: list, again: bool, barred: set[int], config: SelectConfig
) -> None:
    with TemporaryDirectory() as folder, Store(Path(folder) / "m", canonical=canonical) as store:
        for name, iteration, slots in trials:
            attempts = tried(name, iteration, slots)
            store.add(attempts[0].problem, attempts)
            if again:  # what the machine spoiled is tried once more, and goes well
                mended = [replace(t, feedback=replace(t.feedback, outcome=Outcome.accepted)) for t in attempts]
                store.add(attempts[0].problem, mended)
        store.quarantine(dict.fromkeys(barred & store.by_row().keys(), "for the test"))
        everything, few = store.attempts(tokens=False, trusted=True), store.candidates()
        r = {form: -1.0 - sum(map(ord, form)) % 7 for form in ("pa", "pb", "pc", "pd", "qa", "qb", "qc", "qd")}
        scores = {t.key: r.get(t.problem.id + canonical(t.program), 0.0) for t in everything}
        assert names(select(few, scores, config, canonical)) == names(select(everything, scores, config, canonical))
        asked, needed = ({(t.problem.id, canonical(t.program)) for t in needs_score(pool, config, canonical)}
                         for pool in (few, everything))  # fmt: skip
        assert asked == needed
        solved = {t.problem.id for t in everything if t.feedback.outcome is Outcome.accepted}
        assert {t.problem.id for t in few} <= solved


def test_the_candidates_grow_with_what_is_new_only(tmp_path: Path) -> None:
    slots = [(("a", Outcome.accepted), ("b", Outcome.rejected)), (("c", Outcome.failed), ("b", Outcome.rejected))]
    with Store(tmp_path / "m", canonical=canonical) as store:
        for iteration in range(1, 6):
            attempts = tried("p", iteration, slots)
            store.add(attempts[0].problem, attempts)
        assert store.size() == 20
        assert [t.program for t in store.candidates()] == ["a", "b", "c"]
        store.add(problem_named("q"), tried("q", 1, slots[1:]))
        assert {t.problem.id for t in store.candidates()} == {"p"}  # q is not solved


@pytest.mark.parametrize(
    ("config", "same"),
    [(SelectConfig(), True), (REFERENCE_COMPAT, False), (SelectConfig(memory=False), False)],
)
def test_other_ways_to_choose_look_at_all_attempts(config: SelectConfig, same: bool) -> None:
    assert chooses_by_program(config) is same

"""Selection: the paper's table, and what must hold for any attempts whatever."""

import random
import time
from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envisions.records import AttemptKey, Candidate, Feedback, Lesson, Outcome, Problem, Trajectory
from pool.dedupe import by_program, by_text, first_seen, rights_first
from pool.filter import survivors
from pool.select import REFERENCE_COMPAT, SelectConfig, needs_score, select

AGENT_COMPAT = REFERENCE_COMPAT.model_copy(
    update={"positives": 2, "dedupe": "none", "docstring_iterations": 0},
)
LOGIC_COMPAT = REFERENCE_COMPAT.model_copy(update={"docstring_iterations": 0})


def attempt(
    program: str,
    outcome: Outcome = Outcome.accepted,
    *,
    problem: str = "p",
    iteration: int = 1,
    slot: int = 0,
    kind: str = "explore",
    r: float = -1.0,
) -> Trajectory:
    key = AttemptKey("run", iteration, problem, slot, kind)
    return Trajectory(
        key=key,
        problem=Problem(id=problem, world="toy", question=f"question of {problem}", answer="1", split="train"),
        candidate=Candidate(text=program, tokens=(1, 2), logprob=r, weights=iteration, seed=slot, finish="stop"),
        program=program,
        feedback=Feedback(outcome=outcome),
        parent=key._replace(kind="explore") if kind == "refine" else None,
    )


def canonical(program: str) -> str:
    return program.strip().lower()


def sampled(trajectories: list[Trajectory]) -> dict[AttemptKey, float]:
    return {t.key: t.candidate.logprob for t in trajectories}


def chosen(trajectories: list[Trajectory], config: SelectConfig) -> list[Lesson]:
    return select(trajectories, sampled(trajectories), config, canonical)


def pool_of(rights: int, wrongs: int) -> list[Trajectory]:
    """One problem with so many distinct right and wrong programs; the lower the number, the higher its r."""
    outcomes = [(f"right {n}", Outcome.accepted) for n in range(rights)]
    outcomes += [(f"wrong {n}", Outcome.rejected) for n in range(wrongs)]
    numbered = [(text, outcome, -int(text.split()[1])) for text, outcome in outcomes]
    return [attempt(text, outcome, slot=slot, r=float(r)) for slot, (text, outcome, r) in enumerate(numbered)]


def shape(lessons: list[Lesson]) -> tuple[int, int]:
    pairs = sum(lesson.wrong is not None for lesson in lessons)
    return len(lessons) - pairs, pairs


TABLE = [
    (0, 0, 0),
    (1, 1, 0),
    (2, 1, 1),
    (3, 2, 1),
    (4, 3, 1),
    (5, 4, 1),
    (6, 5, 1),
    (11, 10, 1),
    (12, 10, 2),
    (20, 10, 2),
]


@pytest.mark.parametrize("config", [SelectConfig(), LOGIC_COMPAT], ids=["ours", "logic"])
@pytest.mark.parametrize(("rights", "explore", "pairs"), TABLE)
def test_math_and_logic_choose_as_many_as_the_table_of_the_paper_says(
    config: SelectConfig, rights: int, explore: int, pairs: int
) -> None:
    assert shape(chosen(pool_of(rights, 5), config)) == (explore, pairs)


@pytest.mark.parametrize(("rights", "explore", "pairs"), [(1, 1, 0), (2, 1, 1), (3, 2, 1), (4, 2, 1), (5, 2, 0)])
def test_the_agent_with_five_slots_chooses_as_many_as_the_table_of_the_paper_says(
    rights: int, explore: int, pairs: int
) -> None:
    assert shape(chosen(pool_of(rights, 5 - rights), AGENT_COMPAT)) == (explore, pairs)


def test_the_most_likely_wrong_programs_are_paired_with_the_right_ones_after_the_first_cap() -> None:
    lessons = chosen(pool_of(14, 3), SelectConfig())
    programs = [(lesson.right.program, lesson.wrong.program if lesson.wrong else None) for lesson in lessons]
    assert programs[:10] == [(f"right {n}", None) for n in range(10)]
    assert programs[10:] == [("right 10", "wrong 0"), ("right 11", "wrong 1")]


def test_fewer_wrong_programs_than_pairs_give_fewer_pairs() -> None:
    assert shape(chosen(pool_of(14, 1), SelectConfig())) == (10, 1)
    assert shape(chosen(pool_of(14, 0), SelectConfig())) == (10, 0)
    assert shape(chosen(pool_of(14, 5), SelectConfig(pairs=0))) == (10, 0)


def test_a_refinement_takes_the_slot_when_it_alone_is_right_or_both_are_and_it_is_more_likely() -> None:
    right, wrong = Outcome.accepted, Outcome.failed
    cases = [  # explored, refined, which stays
        ((right, -1.0), (right, -0.5), "refined"),
        ((right, -0.5), (right, -1.0), "explored"),
        ((right, -1.0), (right, -1.0), "explored"),
        ((wrong, -0.1), (right, -9.0), "refined"),
        ((right, -9.0), (wrong, -0.1), "explored"),
        ((wrong, -9.0), (wrong, -0.1), "explored"),
    ]
    for (before, r), (after, r_refined), winner in cases:
        explored, refined = attempt("explored", before, r=r), attempt("refined", after, kind="refine", r=r_refined)
        kept = survivors([explored], [refined], sampled([explored, refined]).__getitem__)
        assert [t.program for t in kept] == [winner]


def test_the_filter_asks_for_r_only_where_both_are_right() -> None:
    def never(key: AttemptKey) -> float:
        raise AssertionError(key)

    slots = [attempt("a", slot=0), attempt("b", Outcome.failed, slot=1), attempt("c", slot=2)]
    refined = [attempt("d", Outcome.failed, slot=0, kind="refine"), attempt("e", slot=1, kind="refine")]
    assert [t.program for t in survivors(slots, refined, never)] == ["a", "e", "c"]


def test_a_right_refinement_whose_explored_attempt_is_missing_survives_alone() -> None:
    refined = [attempt("a", kind="refine"), attempt("b", Outcome.failed, slot=1, kind="refine")]
    assert [t.program for t in survivors([], refined, lambda key: 0.0)] == ["a"]


def test_two_spellings_of_a_program_count_once_and_the_first_seen_stands_for_both() -> None:
    later, first = attempt("SAME ", iteration=2), attempt("same", iteration=1)
    assert [lesson.right for lesson in chosen([later, first], SelectConfig())] == [first]
    assert len(chosen([later, first, attempt("other", slot=1)], SelectConfig())) == 1  # two programs, no wrong one


def test_ours_keeps_a_program_that_is_right_for_two_problems_and_the_reference_does_not() -> None:
    twice = [attempt("same", problem="p"), attempt("same", problem="q")]
    assert [lesson.right.problem.id for lesson in chosen(twice, SelectConfig())] == ["p", "q"]
    assert [lesson.right.problem.id for lesson in chosen(twice, LOGIC_COMPAT)] == ["p"]
    assert [lesson.right.problem.id for lesson in chosen(twice, AGENT_COMPAT)] == ["p", "q"]


def test_a_program_once_right_is_never_a_wrong_half_though_it_timed_out_first() -> None:
    slow = attempt("same", Outcome.timed_out, iteration=1)
    lessons = chosen([slow, attempt("same", iteration=2), attempt("other", iteration=2, slot=1)], SelectConfig())
    assert [(lesson.right.program, lesson.wrong) for lesson in lessons] == [("same", None)]


def test_a_wrong_refinement_serves_as_a_wrong_half_unless_the_setting_says_no() -> None:
    tried = [attempt("a"), attempt("b", slot=1), attempt("worse", Outcome.failed, kind="refine")]
    assert [lesson.wrong.program for lesson in chosen(tried, SelectConfig()) if lesson.wrong] == ["worse"]
    assert shape(chosen(tried, SelectConfig(wrong_refinements=False))) == (1, 0)


def test_the_reference_calls_early_programs_without_their_question_wrong_and_ours_never_does() -> None:
    quoting = [attempt(f"{n} # question of p", slot=n) for n in range(3)]
    bare = attempt("bare", slot=3, r=-0.1)
    lessons = chosen([*quoting, bare], REFERENCE_COMPAT)
    assert [lesson.wrong for lesson in lessons if lesson.wrong] == [bare]
    assert all(lesson.wrong is None for lesson in chosen([*quoting, bare], SelectConfig()))
    late = [replace(t, key=t.key._replace(iteration=4)) for t in [*quoting, bare]]
    early = [attempt(f"early {n}", Outcome.failed, iteration=n, slot=4) for n in (1, 2, 3)]
    assert shape(chosen([*early, *late], REFERENCE_COMPAT)) == (3, 1)


def test_without_memory_only_the_newest_iteration_teaches() -> None:
    tried = [attempt("old", iteration=1), attempt("new", iteration=2), attempt("new", iteration=2, kind="evaluate")]
    assert [lesson.right.program for lesson in chosen(tried, SelectConfig(memory=False))] == ["new"]


def test_differences_in_the_last_bits_of_r_do_not_change_the_order() -> None:
    tried = [attempt(f"{n}", slot=n, r=-1.0 + n * 1e-9) for n in range(3)]
    assert [lesson.right.program for lesson in chosen(tried, SelectConfig())] == ["0", "1"]


def test_one_right_program_needs_no_score_and_a_missing_score_is_an_error() -> None:
    only = [attempt("same"), attempt("Same", slot=1), attempt("x", Outcome.failed, slot=2)]
    assert needs_score(only, SelectConfig(), canonical) == []
    assert shape(select(only, {}, SelectConfig(), canonical)) == (1, 0)
    two = [*only, attempt("other", slot=3)]
    assert [t.program for t in needs_score(two, SelectConfig(), canonical)] == ["same", "other"]  # one wrong: no choice
    assert needs_score(two, REFERENCE_COMPAT, canonical) == []
    with pytest.raises(ValueError, match="there is no score for run/1/p/0/explore"):
        select(two, {}, SelectConfig(), canonical)


def test_one_score_counts_for_all_spellings_of_a_program() -> None:
    tried = [attempt("a", r=0.0), attempt("A ", slot=1, r=0.0), attempt("b", slot=2, r=0.0)]
    scores = {tried[0].key: -5.0, tried[1].key: -0.1, tried[2].key: -1.0}
    assert [lesson.right.program for lesson in select(tried, scores, SelectConfig(), canonical)] == ["b"]


def test_dedupe_keeps_the_first_of_each_identity() -> None:
    tried = [attempt("A"), attempt("a", slot=1), attempt("a", problem="q")]
    assert first_seen(tried, by_program(canonical)) == [tried[0], tried[2]]
    assert first_seen(tried, by_text) == tried[:2]
    assert rights_first([], tried, by_program(canonical)) == ([], [])


def test_the_first_loss_can_take_all_right_solutions_and_pairs_start_from_the_top_again() -> None:
    config = SelectConfig(positives=1000, pairs=1000, spare=False)
    lessons = chosen(pool_of(4, 2), config)
    programs = [(lesson.right.program, lesson.wrong.program if lesson.wrong else None) for lesson in lessons]
    assert programs == [
        *[(f"right {n}", None) for n in range(4)],
        ("right 0", "wrong 0"),
        ("right 1", "wrong 1"),
    ]
    assert shape(chosen(pool_of(1, 3), config)) == (1, 1)
    assert shape(chosen(pool_of(3, 3), SelectConfig(positives=0, pairs=1))) == (0, 1)


def test_without_the_environment_the_best_program_by_r_stands_against_the_worst() -> None:
    config = SelectConfig(label="self", positives=0, pairs=1, spare=False, rank="rubric")
    tried = [
        attempt("best", Outcome.rejected, r=5.0),
        attempt("middle", Outcome.accepted, slot=1, r=3.0),
        attempt("worst", Outcome.accepted, slot=2, r=0.0),
        attempt("ungraded", Outcome.accepted, slot=3, r=float("nan")),
        *[attempt(text, slot=slot, problem="q", r=2.0) for slot, text in enumerate(("as good", "as that"))],
        attempt("alone", problem="s", r=2.0),
    ]
    (lesson,) = chosen(tried, config)
    assert (lesson.right.program, lesson.wrong and lesson.wrong.program) == ("best", "worst")
    assert {t.problem.id for t in needs_score(tried, config, canonical)} == {"p", "q"}


def test_a_lot_orders_attempts_the_same_way_each_time_and_another_seed_orders_them_otherwise() -> None:
    def order(seed: int) -> list[str]:
        tried = [attempt(f"{n}", slot=n, r=-n) for n in range(12)]
        tried = [replace(t, candidate=replace(t.candidate, seed=t.key.seed(seed))) for t in tried]
        config = SelectConfig(rank="random", positives=11, pairs=0)
        assert needs_score(tried, config, canonical) == []
        return [lesson.right.program for lesson in chosen(tried, config)]

    assert order(1) == order(1) != order(2)
    assert order(1) != [f"{n}" for n in range(11)]


# What must hold for any attempts

PROGRAMS = ["a", "A", "b", "c", "d", "e # question of p", "e", "f", "g", "h", "i", "j", "k", "l", "m", "", " "]


@st.composite
def any_attempts(draw: st.DrawFn) -> list[Trajectory]:
    """A few problems and iterations; programs that recur within and across them; all outcomes."""
    count = draw(st.integers(0, 45))
    chance = random.Random(draw(st.integers(0, 2**32)))
    outcomes = [Outcome.accepted] * chance.choice([1, 6, 20]) + list(Outcome)
    programs = PROGRAMS[: chance.choice([4, len(PROGRAMS)])]
    tried = [
        attempt(
            chance.choice(programs),
            chance.choice(outcomes),
            problem=chance.choice("pq"),
            iteration=chance.choice((1, 2, 5)),
            slot=chance.randrange(5),
            kind=chance.choice(("explore", "refine", "refine", "evaluate")),
            r=chance.choice((-1.0, -2.0, chance.uniform(-3, 0))),
        )
        for _ in range(count)
    ]
    return list({t.key: t for t in tried}.values())


any_config = st.builds(
    SelectConfig,
    rank=st.sampled_from(["current", "sampled", "random", "rubric"]),
    positives=st.integers(0, 10),
    pairs=st.integers(0, 3),
    label=st.sampled_from(["environment", "environment", "self"]),
    spare=st.booleans(),
    pairing=st.sampled_from(["rank", "likeness"]),
    dedupe=st.sampled_from(["program", "text-global", "none"]),
    wrong_refinements=st.booleans(),
    docstring_iterations=st.integers(0, 3),
    memory=st.booleans(),
)


@given(tried=any_attempts(), config=any_config, order=st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_change_the_lessons(
    tried: list[Trajectory], config: SelectConfig, order: random.Random
) -> None:
    shuffled = tried[:]
    order.shuffle(shuffled)
    assert chosen(shuffled, config) == chosen(tried, config)
    assert needs_score(shuffled, config, canonical) == needs_score(tried, config, canonical)


@given(tried=any_attempts(), config=any_config)
def test_the_scores_asked_for_are_enough(tried: list[Trajectory], config: SelectConfig) -> None:
    everything = sampled(tried)
    asked = {t.key: everything[t.key] for t in needs_score(tried, config, canonical)}
    assert select(tried, asked, config, canonical) == select(tried, everything, config, canonical)


@given(tried=any_attempts(), config=any_config)
def test_lessons_hold_verdicts_only_and_no_right_solution_serves_a_loss_twice(
    tried: list[Trajectory], config: SelectConfig
) -> None:
    lessons = chosen(tried, config)
    for lesson in lessons:
        assert lesson.right.feedback.outcome is Outcome.accepted or config.label == "self"
        assert lesson.right.key.kind in ("explore", "refine")
        if lesson.wrong:
            told = config.label == "self" or config.docstring_iterations
            assert lesson.wrong.feedback.outcome.is_wrong or (told and lesson.wrong.feedback.outcome.is_verdict)
            assert lesson.wrong.problem == lesson.right.problem
    for of_one_loss in ([le for le in lessons if le.wrong is None], [le for le in lessons if le.wrong], lessons):
        keys = [lesson.right.key for lesson in of_one_loss]
        assert len(keys) == len(set(keys)) or (of_one_loss is lessons and not config.spare)
    problems = [lesson.right.problem.id for lesson in lessons]
    assert problems == sorted(problems)
    if config.dedupe == "program" and config.spare:
        rights = [(lesson.right.problem.id, canonical(lesson.right.program)) for lesson in lessons]
        assert len(rights) == len(set(rights))
    for _, of_problem in groupby(lessons, lambda lesson: lesson.right.problem.id):
        explore, pairs = shape(list(of_problem))
        assert explore <= config.positives
        assert explore or pairs
        assert pairs <= config.pairs


@given(tried=any_attempts())
def test_a_problem_that_was_solved_gives_a_lesson_and_no_other_does(tried: list[Trajectory]) -> None:
    training = [t for t in tried if t.key.kind != "evaluate" and t.program.strip()]
    solved = {t.problem.id for t in training if t.feedback.outcome is Outcome.accepted}
    assert {lesson.right.problem.id for lesson in chosen(tried, SelectConfig())} == solved


def test_a_hundred_thousand_attempts_are_selected_within_seconds() -> None:
    chance = random.Random(0)
    tried = [
        attempt(
            f"program {chance.randrange(60)} of {problem}",
            chance.choice((Outcome.accepted, Outcome.rejected)),
            problem=f"{problem}",
            iteration=iteration,
            slot=slot,
            kind=kind,
            r=chance.uniform(-3, 0),
        )
        for iteration in range(1, 6)
        for problem in range(2000)
        for slot in range(5)
        for kind in ("explore", "refine")
    ]
    for config in (SelectConfig(), REFERENCE_COMPAT):
        started = time.perf_counter()
        scores = sampled(needs_score(tried, config, canonical))
        lessons = select(tried, scores, config, canonical)
        seconds = time.perf_counter() - started
        print(f"{len(tried)} attempts, {len(scores)} scored, {len(lessons)} lessons in {seconds:.1f} s")
        assert seconds < 20  # 3 s on a free core

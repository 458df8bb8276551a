"""One problem with all its attempts, read from a real memory."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from reports import base_report, trained_report
from rich.console import Console

from envisions.records import AttemptKey, Candidate, Feedback, Lesson, Outcome, Problem, Trajectory
from envisions.show import UnknownProblem, show, some_solved
from pool.rows import lesson_id
from pool.store import Store

RIGHT, WRONG = "def solution():\n    return 2 + 3", "def solution():\n    return 2 * 3"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "memory.sqlite") as store:
        yield store


def story(name: str, split: str = "train") -> Problem:
    question = "Ann has 2 apples and buys 3. How many has she?"
    return Problem(id=name, world="math", question=question, answer="5", split=split)


def attempt(
    problem: Problem, iteration: int, slot: int, program: str, *, refines: Trajectory | None = None, error: str = ""
) -> Trajectory:
    outcome = Outcome.failed if error else Outcome.accepted if program == RIGHT else Outcome.rejected
    output = None if error else "5" if program == RIGHT else "6"
    return Trajectory(
        key=AttemptKey("run", iteration, problem.id, slot, "refine" if refines else "explore"),
        problem=problem,
        candidate=Candidate(text=program, tokens=(1,), logprob=-0.125, weights=iteration - 1, seed=slot, finish="stop"),
        program=program if program.startswith("def") else "",
        feedback=Feedback(outcome=outcome, output=output, error=error),
        parent=refines.key if refines else None,
    )


def mended(store: Store, name: str = "story-1") -> tuple[Trajectory, Trajectory]:
    """A problem whose wrong program a refinement put right in iteration 1."""
    problem = story(name)
    wrong = attempt(problem, 1, 0, WRONG)
    right = attempt(problem, 1, 0, RIGHT, refines=wrong)
    store.add(problem, [wrong, right])
    return wrong, right


def printed(store: Store, problem: str, terminal: bool = False) -> str:
    file = io.StringIO()
    Console(file=file, width=100, force_terminal=terminal, color_system="standard" if terminal else None).print(
        show(store, problem)
    )
    return file.getvalue()


def test_question_answer_and_each_attempt_are_shown(store: Store) -> None:
    mended(store)
    text = printed(store, "story-1")
    for part in (
        "Ann has 2 apples",
        "answer  5",
        "iteration 1",
        "slot 0  rejected  r -0.125  weights 0",
        "return 2 * 3",
    ):
        assert part in text
    assert "answered 6" in text


def test_a_refinement_stands_indented_under_what_it_refines(store: Store) -> None:
    mended(store)
    lines = printed(store, "story-1").splitlines()
    refined = next(line for line in lines if "refined" in line)
    assert refined.startswith("    ↳ refined  accepted")
    assert lines.index(refined) > next(n for n, line in enumerate(lines) if line.startswith("slot 0"))


def test_lessons_are_named_with_the_steps_that_used_them(store: Store) -> None:
    wrong, right = mended(store)
    pair, alone = Lesson(right=right, wrong=wrong), Lesson(right=right)
    for report in (base_report(), trained_report(1, 5)):
        store.commit(report)
    store.save_steps(1, [(3, lesson_id(alone)), (7, lesson_id(alone)), (7, lesson_id(pair))])
    text = printed(store, "story-1")
    assert "lesson of iteration 1, steps 3, 7: a right solution" in text
    assert "lesson of iteration 1, step 7: the right half of a pair" in text
    assert "lesson of iteration 1, step 7: the wrong half of a pair" in text


def test_a_program_seen_before_is_named_instead_of_repeated(store: Store) -> None:
    problem = story("story-1")
    store.add(problem, [attempt(problem, 1, slot, RIGHT) for slot in range(2)])
    text = printed(store, "story-1")
    assert text.count("return 2 + 3") == 1
    assert "the same program as the attempt of slot 0 in iteration 1" in text


def test_errors_and_texts_without_a_program_are_shown_as_they_are(store: Store) -> None:
    problem = story("story-1")
    store.add(problem, [attempt(problem, 1, 0, "I do not know", error="no program [was] found")])
    text = printed(store, "story-1")
    assert "error: no program [was] found" in text
    assert "no program in: I do not know" in text


def test_what_a_model_wrote_cannot_steer_the_terminal(store: Store) -> None:
    problem = story("story-1")
    nasty = attempt(problem, 1, 0, "def solution():\n    return '\x1b[2J\udc80'", error="\x1b]0;title\x07")
    store.add(problem, [nasty])
    text = printed(store, "story-1")
    assert "\x1b" not in text
    assert "\\x1b[2J\\udc80" in text
    assert "\x1b[2J" not in printed(store, "story-1", terminal=True)


def test_an_unknown_problem_is_one_line_with_ids_that_look_like_it(store: Store) -> None:
    store.commit(base_report())
    mended(store, "story-17")
    with pytest.raises(UnknownProblem, match=r"^problem 'stroy-17' was not attempted; did you mean story-17\?$"):
        show(store, "stroy-17")


def test_an_unknown_problem_of_an_empty_memory_says_so(store: Store) -> None:
    with pytest.raises(UnknownProblem, match="memory is empty as yet"):
        show(store, "story-1")


def test_the_example_is_a_problem_that_was_wrong_first_and_right_later(store: Store) -> None:
    assert some_solved(store) is None
    store.commit(base_report())
    easy, hard, test = story("a-easy"), story("b-unsolved"), story("c-test", split="stories")
    store.add(easy, [attempt(easy, 1, 0, RIGHT)])
    store.add(hard, [attempt(hard, 1, 0, WRONG)])
    store.add(test, [attempt(test, 1, 0, RIGHT)])
    assert some_solved(store) == "a-easy"
    mended(store, "d-mended")
    assert some_solved(store) == "d-mended"
    store.commit(trained_report(1, 5))
    late = story("e-late")
    store.add(late, [attempt(late, 1, 0, WRONG)])
    store.add(late, [attempt(late, 2, 0, RIGHT)])
    assert some_solved(store) == "e-late"

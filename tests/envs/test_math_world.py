import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from envisions.records import Feedback, Outcome, Problem
from envs.base import World
from envs.math.world import MathConfig, MathWorld, frame, result
from envs.near_copies import NearCopiesError
from envs.problems import draw

SHARED = Path(__file__).parents[3] / "shared" / "data" / "math"
PROGRAM = "def solution():\n    cows = 3 * 4\n    return cows"
STORIES = {"train": {"name": "stories", "count": 60}, "test": {"unseen": {"name": "stories", "count": 20}}}


def world(seed: int = 0, **settings: object) -> MathWorld:
    return MathWorld(MathConfig.model_validate(STORIES | settings), seed)


def problem(question: str = "How many cows?", **inputs: float) -> Problem:
    return Problem(
        id="p", world="math", question=question, answer="777", split="train", setup={"inputs": inputs} if inputs else {}
    )


def test_the_prompt_is_the_question_an_opened_fence_and_the_head_of_the_function() -> None:
    assert world().prompt(problem()) == "How many cows?\n```python\ndef solution():"
    slots = problem("number0 cows and number1 ?", number0=2, number1=3)
    assert world().prompt(slots).endswith("\ndef solution(number0, number1):")


@settings(deadline=None)
@given(st.text(min_size=1), st.text())
def test_questions_and_programs_stand_in_the_prompts_as_they_are(question: str, program: str) -> None:
    one = world()
    assert one.prompt(problem(question)).startswith(f"{question}\n")
    assert program in one.refine_prompt(problem(question), program, Feedback(outcome=Outcome.failed, error="$x {y}"))


FEEDBACK = {
    Outcome.accepted: (Feedback(outcome=Outcome.accepted, output="12"), "returned 12, which is right"),
    Outcome.rejected: (Feedback(outcome=Outcome.rejected, output="12"), "returned 12, which is not right"),
    Outcome.failed: (Feedback(outcome=Outcome.failed, error="NameError: x\n!"), "failed with NameError: x !"),
    Outcome.timed_out: (Feedback(outcome=Outcome.timed_out), "ran out of time"),
    Outcome.unverifiable: (Feedback(outcome=Outcome.unverifiable), "could not be checked"),
}


@pytest.mark.parametrize("outcome", FEEDBACK)
def test_the_refine_prompt_says_in_one_line_what_happened_and_not_the_answer(outcome: Outcome) -> None:
    feedback, said = FEEDBACK[outcome]
    prompt = world().refine_prompt(problem(), PROGRAM, feedback)
    assert f"```python\n{PROGRAM}\n```\nIt {said}." in prompt
    assert prompt.endswith("\n```python\ndef solution():")
    assert "777" not in prompt


def test_a_long_output_is_cut_short() -> None:
    assert len(result(Feedback(outcome=Outcome.rejected, output="9" * 10_000))) < 160


def test_the_paper_form_shows_the_program_only() -> None:
    bare = world(show_feedback=False)
    prompts = {bare.refine_prompt(problem(), PROGRAM, feedback) for feedback, _ in FEEDBACK.values()}
    assert len(prompts) == 1
    assert PROGRAM in prompts.pop()


BODY = PROGRAM.removeprefix("def solution():")


@pytest.mark.parametrize(
    "text",
    [
        f"{BODY}\n```",
        f"{BODY}\n```\nThis multiplies the rows.",
        f"{BODY}\n",
        f"{BODY}\n```\n```python\ndef solution():\n    return 0\n```",
        f"{PROGRAM}\n```",
        f"{PROGRAM}\n```\nThis multiplies the rows.",
        f"{PROGRAM}\n",
        f"Here it is:\n```python\n{PROGRAM}\n```\nDone.",
        f"```\n{PROGRAM}\n```",
        f"{PROGRAM}\n```\n```python\ndef solution():\n    return 0\n```",
    ],
)
def test_a_program_is_found_below_the_head_in_the_prompt_and_in_a_fence_of_its_own(text: str) -> None:
    assert world().program(problem(), text) == PROGRAM


def test_imports_above_the_function_are_kept() -> None:
    program = "import math\n\ndef solution():\n    return math.sqrt(16)"
    assert world().program(problem(), f"{program}\n```") == program


@pytest.mark.parametrize(
    "program",
    [
        "import math\n\ndef solution(number0):\n    return math.sqrt(number0)",
        "def solution(number0: int, number1=2) -> float:\n    return number0 / number1",
        "HALF = 2\n\ndef solution(number0):\n    return number0 / HALF",
    ],
)
def test_a_program_with_a_head_of_its_own_is_learnt_as_a_body_that_does_the_same(program: str) -> None:
    one, posed = world(), problem(number0=16)
    learnt = one.program(posed, one.completion(posed, program))
    assert learnt.startswith("def solution(number0):")
    values = []
    for text in (program, learnt):
        space: dict[str, Any] = {}
        exec(text, space)
        values.append(space["solution"](number0=16))
    assert values[0] == values[1]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["a = 1", "b = a * 2", "'''it is ``` here'''", "# why", "c = [1,\n        2]"]), min_size=1
    )
)
def test_a_completion_reads_back_as_its_program(lines: list[str]) -> None:
    program = "\n    ".join(["def solution(number0):", *lines, "return number0"])
    one, posed = world(), problem(number0=3)
    assert one.program(posed, one.completion(posed, program)) == program


def test_text_without_a_program_gives_none() -> None:
    for text in ("", "I do not know.\n```", " I do not know.", "\n\n", "\n```"):
        assert world().program(problem(), text) == ""


def test_worked_examples_come_first_and_fit_the_kind_of_problem() -> None:
    one = world(shots=2)
    plain, slots = problem(), problem("number0 cows ?", number0=3)
    assert one.first_prompt(plain).endswith(one.prompt(plain))
    assert one.first_prompt(plain).count("```python\n") == 3
    assert "def solution(number0" not in one.first_prompt(plain)
    assert one.first_prompt(slots).count("def solution(number0, number1):\n") == 1
    assert world().first_prompt(plain) == world().prompt(plain)


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 12), st.integers(0, 3))
def test_slices_repeat_nothing_before_everything_was_drawn(total: int, size: int, last: int, seed: int) -> None:
    everything = [problem(str(index)) for index in range(total)]
    drawn: list[str] = []
    for iteration in range(1, last + 2):
        part = [one.question for one in draw(everything, size, iteration, seed)]
        assert part == [one.question for one in draw(everything, size, iteration, seed)]
        assert len(set(part)) == len(part) == min(size, total)
        drawn += part
        counts = [drawn.count(one.question) for one in everything]
        assert max(counts) - min(counts) <= 1
        if size * iteration <= total:
            assert len(set(drawn)) == size * iteration


def test_the_seed_draws_the_slices_and_zero_takes_all() -> None:
    one, other = (world(seed, problems=10).problems("train", 1) for seed in (1, 2))
    assert one != other
    assert len(world().problems("train", 3)) == 60
    assert world(1, problems=10).problems("train", 1) == one


def test_an_unknown_set_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'seen' is no set of problems; it must be one of train, unseen"):
        world().problems("seen", 0)


def test_train_and_test_stories_share_no_frame() -> None:
    one = world()
    train, tests = one.problems("train", 1), one.problems("unseen", 0)
    assert len(tests) == 20
    assert {frame(p) for p in train} & {frame(p) for p in tests} == set()
    assert one.removed.counts == {}
    masked = frame(
        Problem(id="s", world="math", question="Ada has 3 keys.", answer="3", split="s", setup={"shape": "sum"})
    )
    assert masked == ("sum", "@ has # @.")


def test_what_a_test_set_holds_is_not_trained_on(tmp_path: Path) -> None:
    rows = [{"id": n, "question": f"What is {n} + 1?", "answer": n + 1} for n in range(6)]
    for name, part in (("train", rows), ("test", rows[4:])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, part)))
    files = {name: {"name": "file", "path": tmp_path / f"{name}.jsonl"} for name in ("train", "test")}
    one = world(train=files["train"], test={"held": files["test"]})
    assert [p.answer for p in one.problems("train", 1)] == ["1", "2", "3", "4"]
    assert one.removed.counts == {"held": 2}


NEAR = {"train": "Ann has 3 red apples and eats 2.", "test": "Tom has 3 red apples and eats 2."}


def near(tmp_path: Path, policy: str) -> MathWorld:
    for name, question in NEAR.items():
        rows = [{"id": 1, "question": question, "answer": 1}, {"id": 2, "question": f"What is {name}?", "answer": 7}]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    files = {name: {"name": "file", "path": tmp_path / f"{name}.jsonl"} for name in NEAR}
    return world(train=files["train"], test={"held": files["test"]}, near_copies=policy)


def test_a_run_with_near_copies_is_refused_unless_its_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NearCopiesError, match=r"1 of 2 train problems .* set world.near_copies"):
        near(tmp_path, "refuse").problems("train", 1)
    without = near(tmp_path, "remove")
    assert [p.question for p in without.problems("train", 1)] == ["What is train?"]
    assert without.removed.counts == {"held in other words": 1}
    kept = near(tmp_path, "keep: the split is the benchmark's own")
    assert len(kept.problems("train", 1)) == 2
    said = "kept in train: 1 near-copies of test problems, because the split is the benchmark's own"
    assert str(kept.removed) == said


def test_the_world_is_a_world() -> None:
    one: World = world()
    assert one.canonical(PROGRAM) == one.canonical(PROGRAM.replace("cows", "n") + "  # why")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"test": {}}, "at least 1"),
        ({"test": {"train": STORIES["train"]}}, "another name"),
        ({"shots": 4}, "less than or"),
        ({"near_copies": "keep"}, "why they stay"),
    ],
)
def test_a_wrong_configuration_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        world(**settings)


@pytest.mark.skipif(not (SHARED / "mwp_train.jsonl").exists(), reason="the shared data files are not at hand")
def test_the_shared_word_problems_are_trained_on_without_their_folds() -> None:
    folds = ("mwp_asdiv_a_fold0_dev", "mwp_mawps_fold0_dev")
    one = world(
        train={"name": "mwp", "path": SHARED / "mwp_train.jsonl"},
        test={name: {"name": "mwp", "path": SHARED / f"{name}.jsonl"} for name in folds},
        near_copies="remove",
    )
    assert [len(one.problems(name, 0)) for name in folds] == [238, 384]
    assert len(one.problems("train", 1)) + sum(one.removed.counts.values()) == 3138
    assert set(one.removed.counts) == {*folds, *(f"{fold} in other words" for fold in folds), "duplicates"}

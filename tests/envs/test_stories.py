"""The generated stories: their templates, their numbers, and that a seed always tells the same ones."""

import ast
import re
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.math.shapes import SPLITS, Shape, StoryError, load_shapes, load_words, steps
from envs.math.stories import generate, solution

SHAPES = load_shapes()
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
seeds = st.integers(0, 10**9)
splits = st.sampled_from(SPLITS)


def first_wording(template: str) -> list[str]:
    """The words of a template with the first of all alternatives; slots of one kind look alike."""
    chosen = re.sub(r"\[([^|\]]*)[^\]]*\]", r"\1", template)
    return re.sub(r"\{[a-d]\}", "#", chosen).lower().split()


def folder_with(tmp_path: Path, text: str) -> Path:
    (tmp_path / "sum.txt").write_text(text, encoding="utf-8")
    return tmp_path


@every_shape
def test_a_shape_has_at_least_thirty_train_templates_and_some_for_the_test(shape: Shape) -> None:
    assert len(set(shape.train)) >= 30
    assert len(set(shape.test)) >= 10


@every_shape
def test_every_template_names_each_letter_of_its_program_exactly_once_and_ends_in_a_question(shape: Shape) -> None:
    for template in (*shape.train, *shape.test):
        assert sorted(re.findall(r"\{([a-d])\}", template)) == list(shape.letters), template
        assert template.endswith("?"), template
        assert template.count("?") == 1, template


@every_shape
def test_the_numbers_do_not_always_stand_in_the_order_of_the_program(shape: Shape) -> None:
    orders = Counter("".join(re.findall(r"\{([a-d])\}", template)) for template in shape.train)
    assert len(orders) > 1


@every_shape
def test_test_frames_are_no_edits_of_train_frames(shape: Shape) -> None:
    trains = [first_wording(template) for template in shape.train]
    for test in map(first_wording, shape.test):
        matcher = SequenceMatcher(None, b=test, autojunk=False)
        for train in trains:
            matcher.set_seq1(train)
            # The quick ratio bounds the ratio from above, and costs a tenth.
            assert matcher.quick_ratio() < 0.85 or matcher.ratio() < 0.85, " ".join(test)


def test_train_and_test_share_no_name_no_thing_no_place_and_no_distractor() -> None:
    train, test = load_words("train"), load_words("test")
    for kind in ("names", "things", "places", "distractors"):
        seen, unseen = getattr(train, kind), getattr(test, kind)
        assert not set(seen) & set(unseen)
        assert len(set(seen)) == len(seen)
        assert len(set(unseen)) == len(unseen)


@given(seeds, splits, st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_the_same_call_tells_the_same_stories(seed: int, split: str, distractors: float) -> None:
    problems = generate(split, 40, seed, distractors)
    assert problems == generate(split, 40, seed, distractors)
    assert problems[:15] == generate(split, 15, seed, distractors)


@given(seeds, splits)
@settings(max_examples=25, deadline=None)
def test_answers_and_all_values_on_the_way_are_positive_whole_numbers(seed: int, split: str) -> None:
    for problem in generate(split, 65, seed):
        values = steps(solution(problem), {})
        assert all(value.denominator == 1 and 2 <= value <= 999 for value in values), problem
        assert problem.answer == str(values[-1])


@given(seeds, splits)
@settings(max_examples=25, deadline=None)
def test_a_story_holds_the_numbers_of_its_program_and_at_most_one_more(seed: int, split: str) -> None:
    for problem in generate(split, 65, seed, distractors=0.5):
        assert set(problem.setup) == {"shape", "numbers"}
        told, used = Counter(problem.setup["numbers"]), Counter(map(int, re.findall(r"\d+", solution(problem))))
        assert used <= told
        assert (told - used).total() <= 1
        assert all(2 <= number <= 99 for number in told)


@pytest.mark.parametrize("split", SPLITS)
def test_stories_are_clean_text_and_differ_from_each_other(split: str) -> None:
    problems = generate(split, 3000, seed=5, distractors=0.5)
    assert len({problem.question for problem in problems}) == len(problems) == 3000
    assert len({problem.id for problem in problems}) == 3000
    for problem in problems:
        assert not re.search(r"[\[\]{}|]|  | [.,?]", problem.question), problem.question
        assert all(re.match(r"[A-Z\d]", part) for part in re.split(r"[.?] ", problem.question)), problem.question
        assert 8 <= len(problem.question.split()) <= 70, problem.question


def test_shapes_come_in_equal_share() -> None:
    told = Counter(problem.setup["shape"] for problem in generate("train", 10 * len(SHAPES), seed=1))
    assert told == {shape.name: 10 for shape in SHAPES}


def test_seeds_and_splits_tell_different_stories() -> None:
    lists = [generate(split, 500, seed) for split in SPLITS for seed in (1, 2)]
    assert len({problem.question for problems in lists for problem in problems}) == 2000
    assert [problems[42].id for problems in lists[:2]] == ["stories-train-1-00042", "stories-train-2-00042"]


def test_the_share_of_stories_with_a_distractor_is_the_one_asked_for() -> None:
    def share(distractors: float) -> float:
        problems = generate("train", 1000, 3, distractors)
        extra = [len(problem.setup["numbers"]) - len(re.findall(r"\d+", solution(problem))) for problem in problems]
        return sum(extra) / len(extra)

    assert share(0) == 0
    assert share(0.25) == pytest.approx(0.25, abs=0.06)
    assert share(1) == 1


@every_shape
def test_the_gold_program_has_the_form_of_its_shape(shape: Shape) -> None:
    for problem in generate("train", 5 * len(SHAPES), seed=9):
        if problem.setup["shape"] == shape.name:
            letters = iter(re.findall("[a-z]", shape.program))
            form = re.sub(r"\d+", lambda _, letters=letters: next(letters), solution(problem))  # type: ignore[misc]
            assert ast.dump(ast.parse(form)) == ast.dump(ast.parse(shape.program))


def test_an_unknown_split_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="'dev' is no split of the stories; it must be 'train' or 'test'"):
        generate("dev", 1, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("program: a + b\n[train]\nOnly {a} pens?\n", r"sum.txt line 3: \{b\} stands 0 times; name each of a, b"),
        ("program: a + b\n[train]\n{a} {b} {a}?\n", r"sum.txt line 3: \{a\} stands 2 times"),
        ("program: a + b\n\n{a} and {b}?\n", r"sum.txt line 3: .* put \[train\] above it"),
        ("program: a + b\n[train]\n{a} {b} {pet}?\n", r"sum.txt line 3: nothing fills \{pet\}; use only \{a\}"),
        ("program: a + b\n[train]\n{a} [or {b}?\n", r"sum.txt line 3: a bracket, brace or bar is left alone"),
        ("program: a + b\n[train]\n{a} and {b} and 5?\n", r"sum.txt line 3: a digit stands in the text"),
        ("program: a + b\n[train]\n{a} and {b}?\n", r"sum.txt: section \[test\] has no line"),
        ("a + b\n[train]\n{a} and {b}?\n", r"sum.txt line 1: 'a \+ b' is no program"),
        ("program: a ** b\n", r"sum.txt line 1: .* write for example `program: a \+ b - c`"),
        ("program: a + a\n", r"sum.txt line 1: .* different letters"),
    ],
)
def test_a_broken_file_is_named_with_line_rule_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(StoryError, match=message):
        load_shapes(folder_with(tmp_path, text))


def test_slots_stand_for_the_numbers_and_are_the_inputs_of_the_program() -> None:
    plain = generate("train", 60, 4)
    slotted = generate("train", 60, 4, slots=True)
    for with_numbers, with_slots in zip(plain, slotted, strict=True):
        text, program = with_slots.question, solution(with_slots)
        for slot, number in with_slots.setup["inputs"].items():
            text, program = text.replace(slot, str(number)), program.replace(slot, str(number))
        assert text == with_numbers.question
        assert program == solution(with_numbers)
        assert with_slots.answer == with_numbers.answer

"""Short arithmetic stories by lot: a template of a shape, words in its slots, numbers that come out whole."""

import ast
import random
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import count as count_from

from envisions.records import Problem
from envs.math.shapes import CHOICE, FILLED, SPLITS, Shape, Words, load_shapes, load_words, parse, steps

LARGEST = 999
BACKWARDS = re.compile(r"\b(it|its|one|ones|they|them|that|these|both)\b")


def generate(split: str, count: int, seed: int, distractors: float = 0.25, slots: bool = False) -> list[Problem]:
    """`count` different stories, the shapes in turn; a longer list begins with the shorter one.

    A share of `distractors` holds a sentence with a number nobody needs. `setup` has the name of the shape and the
    numbers in the order of the text. With `slots` the text says number0, number1 ... instead, and the numbers are the
    inputs of its program. Raises ValueError on a split other than "train" and "test".
    """
    if split not in SPLITS:
        raise ValueError(f"{split!r} is no split of the stories; it must be 'train' or 'test'")
    dice = random.Random(f"{seed}/{split}")
    shapes, words = load_shapes(), load_words(split)
    problems: dict[str, Problem] = {}
    while (index := len(problems)) < count:
        shape = shapes[index % len(shapes)]
        template = dice.choice(shape.train if split == "train" else shape.test)
        numbers = draw_numbers(shape, dice)
        question = tell(template, numbers, words, dice.random() < distractors, dice)
        told = [int(digits) for digits in re.findall(r"\d+", question)]
        setup: dict[str, object] = {"shape": shape.name, "numbers": told}
        if slots:
            setup["inputs"] = {f"number{place}": number for place, number in enumerate(told)}
        problem = Problem(
            id=f"stories-{split}-{seed}-{index:05}",
            world="math",
            question=slotted(question) if slots else question,
            answer=str(steps(shape.program, numbers)[-1]),
            split=split,
            setup=setup,
        )
        problems.setdefault(question, problem)
    return list(problems.values())


def slotted(question: str) -> str:
    """The question with number0, number1 ... for its numbers."""
    places = count_from(0)
    return re.sub(r"\d+", lambda digits: f"number{next(places)}", question)


def draw_numbers(shape: Shape, dice: random.Random) -> dict[str, int]:
    """Numbers of 2..99 for the letters of a shape, with every step a whole number of 2..999.

    A divisor and one factor of every product stay within 2..12.
    """
    # Drawn once, not again with the rest: otherwise the divisors that divide most numbers would win.
    small = {letter: dice.randint(2, 12) for letter in _small(shape.program, dice)}
    while True:
        numbers = {letter: dice.randint(2, 99) for letter in shape.letters} | small
        if all(step.denominator == 1 and 2 <= step <= LARGEST for step in steps(shape.program, numbers)):
            return numbers


def tell(template: str, numbers: Mapping[str, int], words: Words, distract: bool, dice: random.Random) -> str:
    """The story: one of every bracket's alternatives, words and numbers in the slots, perhaps a distractor."""
    name, other, stranger = dice.sample(words.names, 3)
    thing, other_thing = dice.sample(words.things, 2)
    place, other_place = dice.sample(words.places, 2)
    story = _choose(template, dice).format(name=name, other=other, thing=thing, place=place, **numbers)
    if not distract:
        return story
    # Where a story tells ages, one more age of the same person would contradict it.
    subject = stranger if "year" in story else name
    number = dice.randint(2, 99)
    aside = _choose(dice.choice(words.distractors), dice)
    aside = aside.format(x=number, name=subject, other=stranger, thing=other_thing, place=other_place)
    facts, question = _parts(story)
    # A question that points back ("how many of them") must follow what it points to.
    if not facts or BACKWARDS.search(question) or dice.random() < 0.5:
        return f"{aside} {story}"
    return f"{facts} {aside} {question}"


def solution(problem: Problem) -> str:
    """The program of a generated story with its numbers (or slots), such as `23 - 5 * 3`; for tests and controls.

    Read off the text by matching it with the templates of its shape, so that a Problem need not carry it.
    Raises ValueError for a text that no template tells.
    """
    shape = next(shape for shape in load_shapes() if shape.name == problem.setup["shape"])
    for pattern in _patterns(shape):
        if found := pattern.fullmatch(problem.question):
            return re.sub("[a-z]", lambda letter: found[letter[0]], shape.program)
    raise ValueError(f"{problem.id}: no template of {shape.name} tells this story; take one that `generate` made")


def _small(program: str, dice: random.Random) -> Iterator[str]:
    """The letters to keep small: the divisors, and one letter of every product."""
    for node in ast.walk(parse(program)):
        match node:
            case ast.BinOp(op=ast.Div(), right=ast.Name(id=letter)):
                yield letter
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                yield dice.choice([factor.id for factor in (left, right) if isinstance(factor, ast.Name)])


def _choose(template: str, dice: random.Random) -> str:
    return CHOICE.sub(lambda found: dice.choice(found[1].split("|")), template)


def _parts(story: str) -> tuple[str, str]:
    """The facts and the question, which is the last sentence; no facts where the question tells all."""
    facts, _, question = story.rpartition(". ")
    return (f"{facts}.", question) if facts else ("", question)


@cache
def _patterns(shape: Shape) -> tuple[re.Pattern[str], ...]:
    """What matches the stories of each template, the letters as groups, with room for a distractor in both places."""
    aside = r"(?:[^.?]+\. )?"
    halves = (_parts(template) for template in (*shape.train, *shape.test))
    return tuple(
        re.compile(aside + (f"{_pattern(facts)} {aside}" if facts else "") + _pattern(question))
        for facts, question in halves
    )


def _pattern(text: str) -> str:
    """A regular expression for what a template may turn into."""
    text = re.escape(text).replace(r"\[", "(?:").replace(r"\]", ")").replace(r"\|", "|")
    return re.sub(
        r"\\\{(\w+)\\\}", lambda slot: r"[^.?\d]+?" if slot[1] in FILLED else rf"(?P<{slot[1]}>(?:number)?\d+)", text
    )

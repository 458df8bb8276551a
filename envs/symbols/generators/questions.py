"""Questions about CLEVR scenes with their programs, of the kinds that CLEVR asks."""

import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from envisions.records import Problem
from envs.languages.base import ExecutionError
from envs.languages.clevr import Clevr
from envs.languages.clevr_scenes import ATTRIBUTES, VALUES, Scene, random_scene
from envs.languages.terms import Term
from envs.symbols.generators.parts import part_of
from envs.symbols.names import Part
from envs.symbols.pairs import pair

SIDES = {"left": "left of", "right": "right of", "behind": "behind", "front": "in front of"}
SCENES = 30  # tried for one question, before it is given up


class Phrase(NamedTuple):
    """A set of objects: its program, and words for one of it and for all of it."""

    term: Term
    one: str
    all: str


def questions(part: Part, seed: int) -> Iterator[Problem]:
    """Pairs of one part, each with a scene in which its program has an answer. Gold is the program."""
    language, dice = Clevr(), random.Random(f"{seed}/clevr/{part}")
    seen: set[str] = set()
    while True:
        question, term = draw(dice)
        if question in seen or part_of(question) != part:
            continue
        scene = asked_in(language, term, dice)
        if scene is None:
            continue
        seen.add(question)
        yield pair(
            id=f"clevr-{part}-{seed}-{len(seen):06}",
            task="clevr",
            language=language,
            question=question,
            gold=language.print(term),
            split=part,
            scene=scene,
            result=language.execute(term, scene),
        )


def asked_in(language: Clevr, term: Term, dice: random.Random) -> Scene | None:
    """A scene in which the program has an answer; None where there is hardly one."""
    for _ in range(SCENES):
        scene = random_scene(dice)
        try:
            language.execute(term, scene)
        except ExecutionError:
            continue
        return scene
    return None


def draw(dice: random.Random) -> tuple[str, Term]:
    """A question by lot, and its program."""
    kind = dice.choice(("count", "exist", "query", "compare", "same"))
    if kind == "count":
        found = _some(dice)
        return f"How many {found.all} are there?", Term("count", (found.term,))
    if kind == "exist":
        found = _some(dice)
        return f"Are there any {found.all}?", Term("exist", (found.term,))
    if kind == "query":
        attribute = dice.choice(ATTRIBUTES)
        found = _object(dice, without=attribute)
        return f"What {attribute} is the {found.one}?", Term(f"query_{attribute}", (_the(found),))
    if kind == "same":
        attribute = dice.choice(ATTRIBUTES)
        one, other = _object(dice, without=attribute), _object(dice, without=attribute)
        asked = f"Does the {one.one} have the same {attribute} as the {other.one}?"
        return asked, Term(f"equal_{attribute}", tuple(Term(f"query_{attribute}", (_the(p),)) for p in (one, other)))
    one, other = _some(dice, deep=False), _some(dice, deep=False)
    counts = tuple(Term("count", (phrase.term,)) for phrase in (one, other))
    name, words = dice.choice((("greater_than", "more {} than {}"), ("less_than", "fewer {} than {}")))
    if dice.random() < 1 / 3:
        name, words = "equal_integer", "as many {} as {}"
    return f"Are there {words.format(one.all, other.all)}?", Term(name, counts)


def _some(dice: random.Random, deep: bool = True) -> Phrase:
    """A set of objects: filtered, near another object, alike another object, in both of two sets or in one of them."""
    kind = dice.choice(("plain", "near", "alike", "both", "either")) if deep else "plain"
    if kind == "near":
        return _near(dice, _object(dice))
    if kind == "alike":
        attribute, other = dice.choice(ATTRIBUTES), _object(dice)
        found = Term(f"same_{attribute}", (_the(other),))
        chosen = _values(dice, dice.randint(0, 2), without=attribute)
        return _filtered(found, chosen, f" that have the same {attribute} as the {other.one}", "other ")
    if kind == "both":
        one, other = (_near(dice, _object(dice), {}) for _ in range(2))
        words = (one.all.removeprefix("things "), other.all.removeprefix("things "))
        return _filtered(Term("intersect", (one.term, other.term)), _values(dice, 1), f" {words[0]} and {words[1]}")
    if kind == "either":
        one, other = _object(dice), _object(dice)
        return Phrase(Term("union", (one.term, other.term)), "", f"things that are either {one.all} or {other.all}")
    return _object(dice)


def _near(dice: random.Random, other: Phrase, chosen: Mapping[str, str] | None = None) -> Phrase:
    side = dice.choice(tuple(SIDES))
    chosen = _values(dice, dice.randint(0, 2)) if chosen is None else chosen
    return _filtered(Term("relate", (_the(other), Term(side))), chosen, f" {SIDES[side]} the {other.one}")


def _object(dice: random.Random, without: str = "") -> Phrase:
    return _filtered(Term("scene"), _values(dice, dice.randint(1, 3), without), "")


def _values(dice: random.Random, count: int, without: str = "") -> dict[str, str]:
    chosen = dice.sample([name for name in ATTRIBUTES if name != without], count)
    return {name: dice.choice(VALUES[name]) for name in ATTRIBUTES if name in chosen}


def _filtered(base: Term, chosen: Mapping[str, str], behind: str, before: str = "") -> Phrase:
    for name, value in chosen.items():
        base = Term(f"filter_{name}", (base, Term(value)))
    words = "".join(f"{value} " for name, value in chosen.items() if name != "shape")
    noun = chosen.get("shape", "thing")
    return Phrase(base, f"{before}{words}{noun}{behind}", f"{before}{words}{noun}s{behind}")


def _the(found: Phrase) -> Term:
    return Term("unique", (found.term,))

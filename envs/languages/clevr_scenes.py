"""CLEVR scenes and well-typed programs by lot: what equality is tried on, and data without the data set."""

from collections.abc import Mapping
from random import Random
from typing import Any

from envs.languages.terms import Term

VALUES: Mapping[str, tuple[str, ...]] = {
    "color": ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow"),
    "shape": ("cube", "sphere", "cylinder"),
    "size": ("small", "large"),
    "material": ("rubber", "metal"),
    "relation": ("left", "right", "behind", "front"),
}
ATTRIBUTES = ("size", "color", "material", "shape")
FEWEST, MOST, WIDTH = 3, 10, 3.0  # objects of a scene, and how far it reaches

Scene = Mapping[str, Any]


def random_scene(dice: Random) -> Scene:
    """Objects at random places, and for each relation and object those that stand so to it, as in the data set."""
    objects = [
        {name: dice.choice(VALUES[name]) for name in ATTRIBUTES}
        | {"3d_coords": [dice.uniform(-WIDTH, WIDTH), dice.uniform(-WIDTH, WIDTH)]}
        for _ in range(dice.randint(FEWEST, MOST))
    ]
    return {"objects": objects, "relationships": {name: _related(objects, name) for name in VALUES["relation"]}}


def _related(objects: list[dict[str, Any]], relation: str) -> list[list[int]]:
    axis, sign = {"left": (0, -1), "right": (0, 1), "behind": (1, 1), "front": (1, -1)}[relation]
    places = [sign * thing["3d_coords"][axis] for thing in objects]
    return [[other for other, place in enumerate(places) if place > own] for own in places]


def random_program(dice: Random, depth: int = 3) -> Term:
    """A question about a scene, of a kind that CLEVR asks: counting, existence, comparison, or an attribute."""
    kind = dice.choice(("count", "exist", "query", "compare", "same"))
    if kind in ("count", "exist"):
        return Term(kind, (random_set(dice, depth),))
    if kind == "compare":
        name = dice.choice(("equal_integer", "less_than", "greater_than"))
        return Term(name, tuple(Term("count", (random_set(dice, depth - 1),)) for _ in range(2)))
    attribute = dice.choice(ATTRIBUTES)
    asked = [Term(f"query_{attribute}", (random_object(dice, depth),)) for _ in range(2)]
    return asked[0] if kind == "query" else Term(f"equal_{attribute}", tuple(asked))


def random_set(dice: Random, depth: int) -> Term:
    """A set of objects, by filters, relations, same attributes, unions and intersections."""
    if depth <= 0:
        return Term("scene")
    kind = dice.choice(("filter", "filter", "filter", "relate", "same", "union", "intersect"))
    if kind == "filter":
        name = dice.choice(ATTRIBUTES)
        return Term(f"filter_{name}", (random_set(dice, depth - 1), Term(dice.choice(VALUES[name]))))
    if kind == "relate":
        return Term("relate", (random_object(dice, depth - 1), Term(dice.choice(VALUES["relation"]))))
    if kind == "same":
        return Term(f"same_{dice.choice(ATTRIBUTES)}", (random_object(dice, depth - 1),))
    return Term(kind, (random_set(dice, depth - 1), random_set(dice, depth - 1)))


def random_object(dice: Random, depth: int) -> Term:
    """One object: the only one of a filtered set."""
    found = random_set(dice, depth - 1)
    for name in dice.sample(ATTRIBUTES, dice.randint(1, 3)):
        found = Term(f"filter_{name}", (found, Term(dice.choice(VALUES[name]))))
    return Term("unique", (found,))

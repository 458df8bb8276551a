"""Geometry3K literals: `Equals(LengthOf(Line(A, B)), 10)`, one a line, with a `Find(...)` for what is asked."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from envs.languages.base import Executable, ExecutionError, Malformed, Names, Symbols, words
from envs.languages.measures import HOLDS, measure, placed, shape, solved
from envs.languages.terms import Term, first_term, mapped, subterms

Points = Mapping[str, tuple[float, float]]
Tree = tuple[Term, ...]

SHAPES = words(
    "Line Angle Triangle Quadrilateral Parallelogram Square Rectangle Rhombus Trapezoid Kite Polygon Pentagon Hexagon "
    "Circle Arc"
)
MEASURES = words("LengthOf MeasureOf AreaOf PerimeterOf RadiusOf DiameterOf CircumferenceOf")
NUMBERS = words("Add Sub Mul Div Pow SquareOf SqrtOf SinOf CosOf TanOf HalfOf SumOf RatioOf")
FACTS = words(
    "Equals Find Perpendicular Parallel PointLiesOnLine PointLiesOnCircle IsMidpointOf IsAltitudeOf IsMedianOf "
    "IsCenterOf BisectsAngle Congruent Similar Tangent Secant IsRadiusOf IsDiameterOf IsChordOf IsHypotenuseOf "
    "Isosceles Equilateral Regular Right"
)
POINT = re.compile(r"[A-Z]\w*")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
SWAPPED = ("Equals", "Perpendicular", "Parallel", "Congruent", "Similar", "Add", "Mul", "SumOf", "Line")


class Geometry(Executable[Tree]):
    """Sets of literals. Points (capital) and unknowns (small) are symbols; predicates are keywords."""

    name = "geometry"
    reserved = SHAPES | MEASURES | NUMBERS | FACTS

    def _parse(self, text: str) -> Tree:
        literals, at = [], 0
        for line in text.split("\n"):
            if line.strip():
                literal, end = first_term(text[: at + len(line)], at)
                if text[end : at + len(line)].strip():
                    raise Malformed("a line holds one literal", end)
                _require(literal)
                literals.append(literal)
            at += len(line) + 1
        if not literals:
            raise Malformed("there is no literal", len(text))
        return tuple(literals)

    def print(self, tree: Tree) -> str:
        return "\n".join(map(str, tree))

    def equal(self, gold: Tree, tree: Tree) -> bool:
        """The same set, with symmetric arguments and the corners of shapes in any order that means the same."""
        return _normal(gold) == _normal(tree)

    def score(self, gold: Tree, tree: Tree) -> float:
        """F1 over the literals."""
        wanted, given = _normal(gold), _normal(tree)
        return 2 * len(wanted & given) / (len(wanted) + len(given))

    def spells(self, kind: str, name: str) -> bool:
        return super().spells(kind, name) and (POINT.fullmatch(name) is not None) == (kind == "point")

    def symbols(self, tree: Tree) -> Symbols:
        leaves = {term.head for literal in tree for term in subterms(literal) if not term.arguments}
        named = {name for name in leaves if not NUMBER.fullmatch(name)}
        points = {name for name in named if POINT.fullmatch(name)}
        return {"point": frozenset(points), "unknown": frozenset(named - points)}

    def _rename(self, tree: Tree, names: Names) -> Tree:
        new = {**names["point"], **names["unknown"]}
        return tuple(
            mapped(one, lambda term: term if term.arguments else replace(term, head=new.get(term.head, term.head)))
            for one in tree
        )

    def execute(self, tree: Tree, world: Points) -> Any:
        """What Find asks, as a number, with every point in its place. Raises ExecutionError where a literal is false.

        Without a Find: the unknowns, each with its value.
        """
        known, equations = placed(world), []
        for literal in tree:
            if literal.head == "Equals":
                equations.append(measure(literal.arguments[0], known) - measure(literal.arguments[1], known))
            elif literal.head in HOLDS:
                if not HOLDS[literal.head](*(shape(one, known) for one in literal.arguments)):
                    raise ExecutionError(f"{literal} does not hold of these points")
            elif literal.head != "Find":
                raise ExecutionError(f"{literal.head} cannot be checked on points")
        values = solved(equations)
        asked = [literal.arguments[0] for literal in tree if literal.head == "Find"]
        if not asked:
            return {str(name): float(value) for name, value in values.items()}
        found = measure(asked[0], known).subs(values)
        if found.free_symbols:
            raise ExecutionError(f"{asked[0]} is not determined")
        return float(found)


def _require(literal: Term) -> None:
    if literal.head not in FACTS or not literal.arguments:
        raise Malformed(f"{literal.head!r:.40} is no predicate; it must be one such as Equals or Find", literal.at)
    for term in subterms(literal):
        if term.arguments and term.head not in Geometry.reserved:
            raise Malformed(f"{term.head!r:.40} is no function of geometry", term.at)
        if not term.arguments and not (NUMBER.fullmatch(term.head) or Geometry.NAME.fullmatch(term.head)):
            raise Malformed(f"{term.head!r:.40} is no point, unknown or number", term.at)


def _normal(tree: Tree) -> frozenset[str]:
    return frozenset(str(mapped(literal, _ordered)) for literal in tree)


def _ordered(term: Term) -> Term:
    """One order for what may stand in several."""
    parts = term.arguments
    if term.head in SWAPPED or term.head == "Triangle":
        parts = tuple(sorted(parts, key=str))
    elif term.head == "Angle":
        parts = min(parts, parts[::-1], key=str)
    elif term.head in SHAPES and len(parts) > 3:
        turns = [parts[place:] + parts[:place] for place in range(len(parts))]
        parts = min((way for turn in turns for way in (turn, turn[::-1])), key=str)
    return replace(term, arguments=parts)

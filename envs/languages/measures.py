"""Geometry in numbers: lengths, angles and areas of points in their places, and equations in unknowns (sympy)."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import sympy

from envs.languages.base import ExecutionError
from envs.languages.terms import Term

NEAR = 1e-6
Places = Mapping[str, Any]  # name of a point -> sympy.Point


def placed(points: Mapping[str, tuple[float, float]]) -> Places:
    """The points, in exact numbers."""
    return {name: sympy.Point(*(sympy.Rational(str(one)) for one in place)) for name, place in points.items()}


def solved(equations: list[Any]) -> dict[Any, Any]:
    """The one real, where need be positive, solution; empty when the equations hold without unknowns."""
    unknown = sorted({name for one in equations for name in one.free_symbols}, key=str)
    for one in equations:
        if not one.free_symbols and abs(float(one)) > NEAR:
            raise ExecutionError("an equation does not hold of these points")
    if not unknown:
        return {}
    found = sympy.solve([one for one in equations if one.free_symbols], unknown, dict=True)
    solutions = [one for one in found if all(value.is_real for value in one.values())]
    positive = [one for one in solutions if all(value > 0 for value in one.values())]
    solutions = positive or solutions
    if len(solutions) != 1:
        raise ExecutionError(f"the equations have {len(solutions)} solutions; they need exactly one")
    return dict(solutions[0])


def shape(term: Term, known: Places) -> Any:
    """A point, line, angle (three points) or polygon in its place."""
    if not term.arguments:
        if term.head not in known:
            raise ExecutionError(f"{term.head} has no place")
        return known[term.head]
    corners = [shape(one, known) for one in term.arguments]
    try:
        return sympy.Line(*corners) if term.head == "Line" else corners
    except (ValueError, TypeError) as fault:
        raise ExecutionError(f"{term} is no {term.head}: {fault}") from None


def measure(term: Term, known: Places) -> Any:
    """A number or an expression in the unknowns. Angles are in degrees."""
    if not term.arguments and term.head.lstrip("-")[:1].isdecimal():
        return sympy.Rational(term.head)
    if not term.arguments:
        return sympy.Symbol(term.head, real=True)
    if term.head in ("LengthOf", "MeasureOf", "AreaOf", "PerimeterOf"):
        if not term.arguments[0].arguments:
            raise ExecutionError(f"{term} measures no shape")
        corners = [shape(one, known) for one in term.arguments[0].arguments]
        return MEASURED[term.head](corners)
    if term.head not in NUMERIC:
        raise ExecutionError(f"{term.head} is no number on points")
    try:
        return NUMERIC[term.head](*(measure(one, known) for one in term.arguments))
    except TypeError:
        raise ExecutionError(f"{term.head} takes another number of arguments than {len(term.arguments)}") from None


def _length(corners: list[Any]) -> Any:
    if len(corners) != 2:
        raise ExecutionError(f"a line has 2 points, and not {len(corners)}")
    return corners[0].distance(corners[1])


def _angle(corners: list[Any]) -> Any:
    if len(corners) != 3 or len(set(corners)) < 3:
        raise ExecutionError("an angle needs 3 different points")
    one, two = corners[0] - corners[1], corners[2] - corners[1]
    cosine = one.dot(two) / sympy.sqrt(one.dot(one) * two.dot(two))
    return sympy.Float(sympy.acos(cosine).evalf() * 180 / sympy.pi.evalf())


def _area(corners: list[Any]) -> Any:
    """The shoelace formula."""
    if len(corners) < 3:
        raise ExecutionError("an area needs at least 3 points")
    return abs(sum(a.x * b.y - b.x * a.y for a, b in pairwise([*corners, corners[0]]))) / 2


def _perimeter(corners: list[Any]) -> Any:
    return sum(a.distance(b) for a, b in pairwise([*corners, corners[0]]))


MEASURED: Mapping[str, Callable[[list[Any]], Any]] = {
    "LengthOf": _length,
    "MeasureOf": _angle,
    "AreaOf": _area,
    "PerimeterOf": _perimeter,
}
NUMERIC: Mapping[str, Callable[..., Any]] = {
    "Add": lambda *terms: sum(terms),
    "SumOf": lambda *terms: sum(terms),
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Div": lambda a, b: a / b,
    "RatioOf": lambda a, b: a / b,
    "Pow": lambda a, b: a**b,
    "SquareOf": lambda a: a**2,
    "SqrtOf": sympy.sqrt,
    "HalfOf": lambda a: a / 2,
}
HOLDS: Mapping[str, Callable[..., Any]] = {
    "Perpendicular": lambda a, b: a.is_perpendicular(b),
    "Parallel": lambda a, b: a.is_parallel(b),
    "PointLiesOnLine": lambda point, line: line.contains(point),
    "IsMidpointOf": lambda point, line: point == line.p1.midpoint(line.p2),
    "Triangle": lambda *corners: True,
}

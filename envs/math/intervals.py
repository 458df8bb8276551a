"""Intervals, and inequalities of one variable as the intervals that they stand for."""

import sympy

from envs.math.values import Compound, Value

UNIONS = frozenset(("()", "(]", "[)", "[]", "union", "set"))


def interval(kind: str, low: Value, high: Value) -> Compound:
    """The interval from low to high; an infinite end is open, whatever is written."""
    opening = "(" if low == -sympy.oo else kind[0]
    return Compound(opening + (")" if high == sympy.oo else kind[1]), (low, high))


def solved(relation: Compound) -> Value:
    """`-2 < x <= 7` as `(-2, 7]`, `x >= 3`, `x != 0` likewise; what does not bound one variable stays as it is."""
    bounds = [item for item in relation.items if not isinstance(item, sympy.Symbol)]
    if len(bounds) != len(relation.items) - 1 or any(getattr(bound, "free_symbols", True) for bound in bounds):
        return relation
    match relation.kind, relation.items:
        case "!=", _:
            return Compound("union", (interval("()", -sympy.oo, bounds[0]), interval("()", bounds[0], sympy.oo)))
        case "<" | "<=", (sympy.Symbol(), high):
            return interval("(" + closing(relation.kind), -sympy.oo, high)
        case "<" | "<=", (low, _):
            return interval(opening(relation.kind) + ")", low, sympy.oo)
        case "<<" | "<<=" | "<=<" | "<=<=", (low, sympy.Symbol(), high):
            first, last = (
                "<=" if sign else "<" for sign in (relation.kind.startswith("<="), relation.kind.endswith("="))
            )
            return interval(opening(first) + closing(last), low, high)
    return relation


def opening(sign: str) -> str:
    return "[" if sign == "<=" else "("


def closing(sign: str) -> str:
    return "]" if sign == "<=" else ")"

"""What answers are made of: sympy expressions and small trees of them. No number here grows beyond reason."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import sympy

HIGHEST = 10_000  # exponent of a number
HIGHEST_FACTORIAL = 3_000
MOST_BITS = 200_000  # of a power
PLUS_MINUS = sympy.Symbol("\\pm")


class ReadError(ValueError):
    """The text is no answer that this reader knows."""


@dataclass(frozen=True)
class Compound:
    """Several values. kind: tuple "()", interval "[)" "(]" "[]", "set", "list", "union", "matrix", "words",
    a relation such as "=" or "<<=", or "any" for a sequence whose brackets nobody wrote."""

    kind: str
    items: tuple[Any, ...]


Value: TypeAlias = sympy.Expr | Compound


def single(value: Value) -> sympy.Expr:
    if isinstance(value, Compound):
        raise ReadError("several values where one was expected")
    return value


def times(left: Value, right: Value) -> Value:
    """The product; of a number and a matrix too."""
    if isinstance(left, Compound) and left.kind == "matrix":
        left, right = right, left
    if isinstance(right, Compound) and right.kind == "matrix":
        rows = ([times(left, entry) for entry in row.items] for row in right.items)
        return Compound("matrix", tuple(Compound("any", tuple(row)) for row in rows))
    return single(left) * single(right)


def signed(sign: str, value: Value) -> sympy.Expr:
    return single(value) * {"+": 1, "-": -1, "\\pm": PLUS_MINUS}[sign]


def both(value: Value) -> list[Value]:
    """`a \\pm b` as its two values."""
    if isinstance(value, Compound) or PLUS_MINUS not in value.free_symbols:
        return [value]
    return [value.subs(PLUS_MINUS, 1), value.subs(PLUS_MINUS, -1)]


def nonzero(value: sympy.Expr) -> sympy.Expr:
    if value == 0:
        raise ReadError("division by zero")
    return value


def power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    if base.is_number and exponent.is_Rational:
        bits = max(abs(base.p), base.q).bit_length() if base.is_Rational else 1
        if abs(exponent) > HIGHEST or bits * abs(exponent) > MOST_BITS:
            raise ReadError("too large")
    return base**exponent


def factorial(value: Value) -> sympy.Expr:
    if isinstance(value, sympy.Integer) and value > HIGHEST_FACTORIAL:
        raise ReadError("too large")
    return sympy.factorial(single(value))


def binomial(above: Value, below: Value) -> sympy.Expr:
    if isinstance(above, sympy.Integer) and abs(above) > HIGHEST:
        raise ReadError("too large")
    return sympy.binomial(single(above), single(below))


def subscript(base: sympy.Expr, mark: Value) -> sympy.Expr:
    """`x_1` is a variable of its own; a number in base 8 is marked as one."""
    if base.is_number:
        return sympy.Function("base")(base, single(mark))
    return sympy.Symbol(f"{base}_{mark}")

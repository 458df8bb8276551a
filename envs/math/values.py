"""What answers are made of: sympy expressions and small trees of them. No number here grows beyond reason."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import sympy

HIGHEST = 10_000  # exponent of a number
HIGHEST_FACTORIAL = 3_000
MOST_BITS = 200_000  # of a power


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


def subscript(base: sympy.Expr, mark: Value) -> sympy.Expr:
    """`x_1` is a variable of its own; a number in base 8 is marked as one."""
    if base.is_number:
        return sympy.Function("base")(base, single(mark))
    return sympy.Symbol(f"{base}_{mark}")

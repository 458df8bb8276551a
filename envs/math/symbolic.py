"""Whether two answers mean the same, by sympy. Runs inside the sandbox, imported there before any text arrives."""

import re
from itertools import permutations
from typing import Any

import sympy

from envs.math.intervals import UNIONS, solved
from envs.math.reader import read
from envs.math.values import Compound, ReadError, Value
from envs.math.vocabulary import said

ABSOLUTE, RELATIVE = 1e-4, 1e-6
ROUNDING = 1e-12
POINTS = (0.7310585, 1.3247179, -0.5671432, 2.2360679, -1.6180339)
SEQUENCES = frozenset(("any", "()", "[]", "list"))
LISTS = frozenset(("any", "set", "list"))
UNORDERED = frozenset(("set", "list", "union"))
HOUR = re.compile(r"(\d{1,2}) [ap]m")
UNREAD = "unread"


def compare(output: Any, gold: str) -> bool | str | None:
    """True, False, UNREAD when the output cannot be read, None when the gold answer cannot or equality is open."""
    try:
        right = read(gold)
    except ReadError:
        return None
    try:
        if isinstance(right, Compound) and right.kind == "words" and isinstance(output, str):
            return said(output) == right.items[0]
        return equal(value(output), right)
    except ReadError:
        return UNREAD


def value(output: Any) -> Value:
    """A program's answer (JSON) as the reader would have read it."""
    if isinstance(output, str):
        return read(output)
    if isinstance(output, dict) and isinstance(output.get("repr"), str):
        text = output["repr"].replace("j", "i") if output.get("type") == "complex" else output["repr"]
        return read(text)
    if isinstance(output, list):
        return Compound("any", tuple(value(item) for item in output))
    if isinstance(output, int | float) and not isinstance(output, bool):
        return sympy.Rational(str(output))
    raise ReadError("no value")


def equal(left: Value, right: Value) -> bool | None:
    left, right = bare(left, right), bare(right, left)
    if not isinstance(left, Compound) and not isinstance(right, Compound):
        return same_value(left, right)
    if not isinstance(left, Compound) or not isinstance(right, Compound):
        return False
    kinds = {left.kind, right.kind}
    if kinds == {"words"}:
        return left.items == right.items
    if left.kind[0] in "=<!" or right.kind[0] in "=<!":
        left, right = (solved(side) if other.kind in UNIONS else side for side, other in ((left, right), (right, left)))
        kinds = {left.kind, right.kind}
    if left.kind[0] in "=<!" or right.kind[0] in "=<!":
        return same_relation(left, right)
    if "matrix" in kinds:
        return same_items(rows(left), rows(right))
    if len(kinds) > 1 and not any(kinds <= alike for alike in (SEQUENCES, LISTS)):
        return False
    if kinds == {"()", "[]"}:
        return False
    if kinds & UNORDERED:
        return same_in_some_order(left.items, right.items)
    return same_items(left.items, right.items)


def bare(one: Value, other: Value) -> Value:
    """`x = 5` is 5 where the other side names no variable, and a collection of one is its member beside one value."""
    if isinstance(one, Compound) and not (isinstance(other, Compound) and other.kind == one.kind):
        if one.kind == "=" and getattr(one.items[0], "is_Symbol", False):
            return one.items[1]
        if one.kind in ("any", "list", "set") and len(one.items) == 1 and not isinstance(other, Compound):
            return one.items[0]
        if one.kind == "words" and (hour := HOUR.fullmatch(one.items[0])):
            return sympy.Integer(hour[1])
    return one


def rows(value: Compound) -> tuple[Value, ...]:
    """A matrix as its rows; a column or row vector as its entries."""
    items = value.items
    if value.kind in ("matrix", "any", "[]") and all(isinstance(item, Compound) for item in items):
        if len(items) == 1:
            return items[0].items
        if all(len(item.items) == 1 for item in items):
            return tuple(item.items[0] for item in items)
        return tuple(Compound("any", item.items) for item in items)
    return items


def same_items(left: tuple[Value, ...], right: tuple[Value, ...]) -> bool | None:
    if len(left) != len(right):
        return False
    verdicts = [equal(a, b) for a, b in zip(left, right, strict=True)]
    return False if False in verdicts else None if None in verdicts else True


def same_in_some_order(left: tuple[Value, ...], right: tuple[Value, ...]) -> bool | None:
    if len(left) != len(right):
        return False
    if len(left) <= 4:
        verdicts = [same_items(order, right) for order in permutations(left)]
        return True if True in verdicts else None if None in verdicts else False
    rest = list(right)
    for item in left:  # many: take the first that fits
        match = next((other for other in rest if equal(item, other)), None)
        if match is None:
            return False
        rest.remove(match)
    return True


def same_relation(left: Compound, right: Compound) -> bool | None:
    if left.kind != right.kind:
        return False
    if same_items(left.items, right.items) or (left.kind == "=" and same_items(left.items[::-1], right.items)):
        return True
    if len(left.items) != 2 or any(isinstance(item, Compound) for item in left.items + right.items):
        return False
    # Two equations say the same when one is a multiple of the other; inequalities, when it is a positive one.
    one, other = left.items[0] - left.items[1], right.items[0] - right.items[1]
    if one.free_symbols != other.free_symbols:
        return False
    ratio = sympy.simplify(one / other)
    return bool(ratio.is_positive or (ratio.is_number and ratio.is_nonzero and left.kind in ("=", "!=")))


def same_value(left: sympy.Expr, right: sympy.Expr) -> bool | None:
    """Equal within the tolerance, at several points where there are variables."""
    base = sympy.Function("base")
    if left.func == base and right.func == base and left.args[1] != right.args[1]:
        return False
    if base in (left.func, right.func):  # digits, not a number: there is no tolerance
        return bool((left.args[0] if left.func == base else left) == (right.args[0] if right.func == base else right))
    if left == right:
        return True
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    if not symbols:
        return near(left, right, ABSOLUTE)
    verdicts = []
    for turn in range(len(POINTS)):
        point = {symbol: POINTS[(turn + i) % len(POINTS)] + i // len(POINTS) for i, symbol in enumerate(symbols)}
        verdicts.append(near(left.subs(point), right.subs(point), RELATIVE))
    return False if False in verdicts else True if True in verdicts else None


def near(left: sympy.Expr, right: sympy.Expr, absolute: float) -> bool | None:
    a, b = sympy.N(left, 20), sympy.N(right, 20)
    if not (a.is_number and b.is_number) or a.has(sympy.nan) or b.has(sympy.nan):
        return None
    if a.is_infinite or b.is_infinite:
        return bool(a == b)
    if b != 0 and (right.is_Rational or abs(b) > ROUNDING):  # as in answers.close
        absolute = min(absolute, abs(b) / 100)
    return bool(abs(a - b) <= max(absolute, RELATIVE * abs(b)))


# Every fork inherits what sympy has cached by now.
for _text in (r"\frac{\sqrt{2}}{2} + \pi", r"x^2 + \sin x", r"(1, 2] \cup [3, \infty)", "y = 2x + 1", "{1, 2}"):
    compare(_text + " ", _text)
    compare("sqrt(2)/2 + 3*x", _text)

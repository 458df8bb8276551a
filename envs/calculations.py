"""What a reference solution really computes, whatever its names, the order of its steps and how they are cut."""

import ast
import operator
import re
from collections.abc import Callable, Iterable
from contextlib import suppress

Calculation = tuple[str, float, float]

OPERATORS: dict[type[ast.operator], tuple[str, Callable[[float, float], float]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
}
SYMMETRIC = ("+", "*")


def calculations(steps: Iterable[str]) -> frozenset[Calculation]:
    """Every calculation of these expressions: its sign and the values on both sides, by size for + and *.

    `48/2`, `48+24` give the same as `48+48/2`: it does not matter whether a step is written into a later one, in which
    order the steps come, or on which side of a sum a term stands. What is no arithmetic of numbers is left out.
    """
    found: set[Calculation] = set()
    for step in steps:
        written = re.sub(r"\b0+(?=\d)", "", step.replace("%", "/100")).strip()  # 007 is no number in Python
        with suppress(SyntaxError, ValueError, ArithmeticError, RecursionError):
            _value(ast.parse(written, mode="eval").body, found)
    return frozenset(found)


def _value(node: ast.expr, found: set[Calculation]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, found)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            sign, compute = OPERATORS[type(op)]
            one, other = _value(left, found), _value(right, found)
            result = compute(one, other)
            first, second = sorted((one, other)) if sign in SYMMETRIC else (one, other)
            found.add((sign, round(first, 6), round(second, 6)))
            return result
    raise ValueError("no arithmetic of numbers")

"""Programs for a base model to learn from: by lot over a problem's numbers, misread, or right.

By lot they teach what a program looks like and how numbers are copied, but not what a question means. Misread ones,
each operator its opposite, teach what tells questions apart, under the wrong sign.
"""

import ast
import random
import re
from collections.abc import Sequence
from fractions import Fraction

from envisions.records import Feedback, Outcome, Problem
from envs import invented
from envs.math import stories
from envs.math.world import signature

OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
OPPOSITE = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
NAMES = ("first", "second", "third")
WORD = re.compile(r"\b[A-Za-z]+\b")
SIZES, SIZE_WEIGHTS = (2, 3, 4), (5, 4, 3)  # operands of a program, and how often


def operands(problem: Problem) -> list[str]:
    """What a program for this problem can be made of: the names of its inputs, or the numbers in its text."""
    return list(problem.setup.get("inputs", ())) or re.findall(r"\d+(?:\.\d+)?", problem.question)


def expression(available: Sequence[str], dice: random.Random) -> str:
    """A tree of arithmetic, by lot, over some of the operands, each at most once; one operand alone stays alone."""
    size = min(dice.choices(SIZES, SIZE_WEIGHTS)[0], len(available))
    trees = [(name, 9) for name in dice.sample(list(available), size)]
    while len(trees) > 1:
        place = dice.randrange(len(trees) - 1)
        operator = dice.choice("+-*/")
        trees[place : place + 2] = [_joined(trees[place], operator, trees[place + 1])]
    return trees[0][0]


def _joined(left: tuple[str, int], operator: str, right: tuple[str, int]) -> tuple[str, int]:
    """Both sides with the fewest brackets; the second value is how tightly the whole holds together."""
    strength = 1 if operator in "+-" else 2
    a = left[0] if left[1] >= strength else f"({left[0]})"
    b = right[0] if right[1] > strength or (right[1] == strength and operator in "+*") else f"({right[0]})"
    return f"{a} {operator} {b}", strength


def program(problem: Problem, text: str, dice: random.Random, stepwise: float) -> str:
    """The expression as a program: one line, or with a share of `stepwise` a line for each step."""
    tree = ast.parse(text, mode="eval").body
    lines: list[str] = []
    if dice.random() < stepwise:
        text = _spelled(tree, lines, outermost=True)
    return "\n".join([f"def {signature(problem)}:", *(f"    {line}" for line in lines), f"    return {text}"])


def _spelled(node: ast.expr, lines: list[str], outermost: bool = False) -> str:
    if not isinstance(node, ast.BinOp):
        return ast.unparse(node)
    left, right = _spelled(node.left, lines), _spelled(node.right, lines)
    text = f"{left} {OPERATORS[type(node.op)]} {right}"
    if outermost:
        return text
    lines.append(f"{NAMES[len(lines)]} = {text}")
    return NAMES[len(lines) - 1]


def feedback(problem: Problem, text: str) -> Feedback:
    """What running the expression's program would say; computed on the syntax tree, nothing is executed."""
    try:
        value = _value(ast.parse(text, mode="eval").body, problem)
    except ZeroDivisionError:
        return Feedback(outcome=Outcome.failed, error="ZeroDivisionError: division by zero (line 2)")
    right = abs(value - Fraction(problem.answer)) <= Fraction(1, 10_000)
    divided = "/" in text or value.denominator != 1
    output = repr(float(value)) if divided else str(value.numerator)
    return Feedback(outcome=Outcome.accepted if right else Outcome.rejected, output=output)


def _value(node: ast.expr, problem: Problem) -> Fraction:
    match node:
        case ast.Constant(value=value):
            return Fraction(str(value))
        case ast.Name(id=name):
            return Fraction(str(problem.setup["inputs"][name]))
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _value(left, problem), _value(right, problem)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
            return a / b
    raise ValueError(f"{ast.unparse(node)} is no arithmetic")


def smudged(question: str, dice: random.Random, share: float) -> str:
    """The question with a share of its words replaced by invented ones, each wherever it stands; slots stay."""
    told = dict.fromkeys(WORD.findall(question))
    others = {word: _like(word, dice) for word in told if dice.random() < share}
    return WORD.sub(lambda found: others.get(found[0], found[0]), question)


def _like(word: str, dice: random.Random) -> str:
    """An invented word with the capital and the plural of this one."""
    text = invented.word(dice) + "s" * word.endswith("s")
    return text.capitalize() if word[0].isupper() else text


def draft(problem: Problem, dice: random.Random, kept: float, misread: float = 0.0) -> str:
    """An expression by lot; for a generated story, with these chances, the right one or its opposite."""
    lot = dice.random()
    if "shape" not in problem.setup or lot >= kept + misread:
        return expression(operands(problem), dice)
    right = stories.solution(problem)
    return right if lot < kept else _opposite(right)


def _opposite(text: str) -> str:
    """The expression with - for + and / for *, and the other way round: the same numbers in the same places."""
    tree = ast.parse(text, mode="eval").body
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp):
            node.op = OPPOSITE[type(node.op)]()
    return ast.unparse(tree)

"""Whether a right program computes its answer or only states it: its literals are changed, and it is run again."""

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
COMPUTES = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.Subscript, ast.comprehension, ast.JoinedStr)
Run = Callable[[str], Any]  # what a program returns; None where it breaks


def fault(program: str, question: str, run: Run) -> str:
    """Why a program with the right answer earns nothing; empty when it does."""
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""  # whoever ran it knows better
    if not any(isinstance(node, COMPUTES) for node in ast.walk(tree)):
        return "it returns a constant; compute the answer from what is given"
    told = set(map(_number, NUMBER.findall(question)))
    literals = [_value(node) for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    result = run(program)
    if any(_same(run(changed), new) for new, changed in _stated(tree, result, told, question)):
        return "it states its answer; compute it from what is given"
    known = [value for value in literals if isinstance(value, float) and value in told]
    if len(told) > 1 and not known:
        return "it uses none of the numbers in the question"
    if known and all(_same(run(_changed(tree, value, value + 1)), result) for value in dict.fromkeys(known)):
        return "its answer does not depend on the numbers in the question"
    return ""


def _stated(tree: ast.AST, result: Any, told: set[float], question: str) -> Iterator[tuple[Any, str]]:
    """The program with another literal for each that is its very answer and does not stand in the question."""
    answer = _value(ast.Constant(result)) if isinstance(result, str | int | float) else result
    if isinstance(answer, float) and answer not in told:
        yield answer + 1, _changed(tree, answer, answer + 1)
    if isinstance(answer, str) and answer.casefold() not in question.casefold():
        yield f"{answer}q", _changed(tree, answer, f"{answer}q")


def _changed(tree: ast.AST, old: Any, new: Any) -> str:
    class Change(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.Constant:
            if _value(node) != old:
                return node
            if isinstance(node.value, str):
                return ast.Constant(f"{new:g}" if isinstance(new, float) else str(new))
            return ast.Constant(int(new) if isinstance(node.value, int) and new == int(new) else new)

    return ast.unparse(Change().visit(ast.parse(ast.unparse(tree))))


def _value(node: ast.Constant) -> Any:
    """A literal; as a number where it is one or spells one."""
    value = node.value
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        return _number(value)
    return float(value) if isinstance(value, int | float) else value


def _number(text: str) -> float:
    return float(text.strip().replace(",", ""))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= 1e-6 * max(1.0, abs(other))
    return bool(one == other)

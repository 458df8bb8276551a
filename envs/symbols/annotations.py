"""GSM8K's calculator notes as programs: `<<48/2=24>>` becomes a line of `solution()`."""

import ast
import re
from collections.abc import Mapping

NOTE = re.compile(r"<<([^<>=]+)=([^<>=]+)>>")
UNITS = str.maketrans("", "", "$€£,_ ")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
SIGNS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Pow, ast.USub, ast.UAdd)


def program_of(answer: str) -> str:
    """Straight-line code with a line for each note, in which later notes use the results of earlier ones; else empty.

    Nothing is checked here but that it is arithmetic: whether it gives the answer is for an environment to say.
    """
    lines: list[str] = []
    known: dict[float, str] = {}
    for left, right in NOTE.findall(answer):
        expression = _expression(left, known)
        result = _number(right)
        if expression is None or result is None:
            return ""
        name = f"step{len(lines) + 1}"
        lines.append(f"    {name} = {expression}")
        known[result] = name
    if not lines:
        return ""
    return "\n".join(["def solution():", *lines, f"    return step{len(lines)}"])


def _expression(text: str, known: Mapping[float, str]) -> str | None:
    """The left side of a note as Python, with the names of results that are known; None where it is no arithmetic."""
    plain = re.sub(r"(\d+(?:\.\d+)?)%", r"(\1/100)", text.translate(UNITS)).replace("x", "*").replace("÷", "/")
    plain = re.sub(r"(?<![\d.])0+(?=\d)", "", plain)
    named = NUMBER.sub(lambda found: known.get(float(found[0]), found[0]), plain)
    try:
        tree = ast.parse(named, mode="eval")
    except (SyntaxError, ValueError):
        return None
    allowed = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Constant, ast.Name, ast.Load, *SIGNS)
    return ast.unparse(tree) if all(isinstance(node, allowed) for node in ast.walk(tree)) else None


def _number(text: str) -> float | None:
    plain = text.translate(UNITS)
    try:
        return float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)
    except ValueError:
        return None

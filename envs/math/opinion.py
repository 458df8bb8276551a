"""A second opinion on two answers: math-verify's. Runs inside the sandbox only, imported before any text arrives."""

import logging
import re
from typing import Any

from math_verify import LatexExtractionConfig, parse, verify

from envs.math.vocabulary import OF_ANGLES, UNIT

LATEX = (LatexExtractionConfig(),)
UNIT_AFTER = re.compile(rf"(?<=[^\s(])\s*{UNIT}\s*(?:\^\s*(?:\d|\{{\d\}}))?$")
SPELLINGS = {
    r"\*\*": "^",
    rf"(?<![A-Za-z\\])({'|'.join(('pi', *OF_ANGLES))})(?![A-Za-z])": r"\\\1",
    r"(?<![A-Za-z\\])oo(?![A-Za-z])": r"\\infty",
    r"(?<![A-Za-z\\])sqrt\(([^()]*)\)": r"\\sqrt{\1}",
    r"(?<![A-Za-z\\])(?:I|(?<=\d)j)(?![A-Za-z])": "i",
    r"(?<=\d)\*(?=[A-Za-z\\(])": "",
    r"\*": r" \\cdot ",
}

logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its alarm is off: the sandbox has a deadline


def compare(output: Any, gold: str) -> bool | None:
    """True, False, or None when math-verify cannot read one of the two."""
    left, right = spelled(output), UNIT_AFTER.sub("", gold.strip(" $"))
    if left is None:
        return None
    one, other = (parse(f"${side}$", LATEX, "no_fallback", parsing_timeout=None) for side in (right, left))
    return verify(one, other, timeout_seconds=None) if one and other else None


def spelled(output: Any) -> str | None:
    """A program's answer (JSON) in LaTeX, as far as that is a matter of spelling; None when it has none."""
    if isinstance(output, list):
        if output and all(isinstance(row, list) for row in output):
            rows = (" & ".join(str(spelled(item)) for item in row) for row in output)
            return r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"
        items = [spelled(item) for item in output]
        return None if None in items else f"({', '.join(map(str, items))})"
    if isinstance(output, dict):
        output = output.get("repr")
    if isinstance(output, bool) or not isinstance(output, str | int | float):
        return None
    text = UNIT_AFTER.sub("", str(output).strip(" $"))
    for python, latex in SPELLINGS.items():
        text = re.sub(python, latex, text)
    return text


# Every fork inherits what the parser and sympy have cached by now.
for _text, _other in (
    (r"\frac{\sqrt{2}}{2} + \pi", "sqrt(2)/2 + pi"),
    (r"(x+1)^2 - \sin 2x", "x**2 + 2*x + 1 - sin(2*x)"),
    (r"(1, 2] \cup [3, \infty)", r"[3, \infty) \cup (1, 2]"),
    ("y = 2x + 1", "2x - y + 1 = 0"),
    (r"1, -\frac{1}{2}", r"\{-0.5, 1\}"),
    (r"(\sqrt 3, 30^\circ)", [1.73205080757, 30]),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", [[1], [2]]),
    ("3 + 5i", "3+5*I"),
):
    compare(_other, _text)

"""Whether an answer equals the gold answer: numbers and equal texts at once, everything else inside a sandbox.

Tolerance for numbers: 1e-4 absolute or 1e-6 relative, whichever is wider; but no more than one per cent of the gold
answer, so that zero is not the same as a small number.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, NamedTuple

from envs.sandbox.sandbox import Sandbox, SandboxConfig

ABSOLUTE, RELATIVE = Fraction(1, 10**4), Fraction(1, 10**6)
SYMPY, MATH_VERIFY, UNREAD = "sympy", "math-verify", "unread"
JUDGES = {SYMPY: "envs.math.symbolic", MATH_VERIFY: "envs.math.opinion"}
GRADER = SandboxConfig(preload=("sympy", *JUDGES.values()), seconds=4, cpu_seconds=2, parallel=2)
"""The sandbox in which texts are compared, never the one that runs programs: none shares memory with a gold answer."""

SIGNED = r"(?P<sign>[+-]?)\s*"
DECIMAL = re.compile(SIGNED + r"(?P<value>(?:\d{1,3}(?:,\d{3})+|\d{1,400})?(?:\.\d{0,400})?(?:[eE][+-]?\d{1,3})?)")
WHOLE = r"(?:(?P<whole>\d{1,400})(?:\s+|(?=\\)))?"  # of a mixed number
PART = r"\s*(\{\s*\d{1,400}\s*\}|\d)"
RATIO = re.compile(SIGNED + WHOLE + rf"(?:\\[dtc]?frac{PART}{PART}|(\d{{1,400}})\s*/\s*(\d{{1,400}}))")
MONEY = re.compile(r",?\s*\\!\s*|\\?\$|\\,|€|£|\{,\}(?=\d)|\\?%$")
TEXT = r"\\(?:text|textrm|textnormal|mbox)\s*"
ALL_TEXT = re.compile(rf"^{TEXT}\{{([^{{}}]*)\}}$")
UNIT_AFTER = re.compile(
    rf"(?<=[\d}}])(?:\s|\\[,;: ])*(?:{TEXT}\{{(?!\s*[ap]\.?m\.?\s*\}})[^{{}}]*\}}\s*(?:\^\s*(?:\d|\{{\d\}}))?"
    r"|\^\s*(?:\\circ|\{\s*\\circ\s*\})|°)$"
)
WORDS_AFTER = re.compile(r"(?<=\d)\s+(?!(?:pi|oo|and|or|[ap]m)\b)[a-zA-Z]{2,}[a-zA-Z ]*\.?$")

Opinion = bool | str | None
"""Same or not, None where the judge cannot tell, or why it said nothing ("unread", "timeout", "memory" ...)."""


class Comparison(NamedTuple):
    """Whether two answers are the same, None when that cannot be decided; and what the judges said if they differ."""

    same: bool | None
    dispute: Mapping[str, Opinion] = MappingProxyType({})


def compare(output: Any, gold: str, sandbox: Sandbox | None = None) -> Comparison:
    """Compare a program's answer (a JSON value of `Run.value`) with the gold answer. A bool is not a number.

    `sandbox` is made from GRADER; without one only numbers and equal texts are decided.
    Raises InfrastructureError when the sandbox does.
    """
    while isinstance(output, list) and len(output) == 1:
        output = output[0]
    same = at_once(output, gold)
    return Comparison(same) if same is not None or sandbox is None else judged(output, gold, sandbox)


def at_once(output: Any, gold: str) -> bool | None:
    """What numbers and equal texts tell, None for all else."""
    if isinstance(output, bool) or output is None:
        return str(output).lower() == squeezed(gold).lower()
    text = written(output)
    left, right = number(output if text is None else text), number(gold)
    if left is not None and right is not None:
        return close(left, right) or (percent(text) != percent(gold) and close_as_percent(left, right, percent(gold)))
    return True if text is not None and squeezed(text) == squeezed(gold) != "" else None


def judged(output: Any, gold: str, sandbox: Sandbox) -> Comparison:
    """What sympy says of two texts that differ; where it does not say so too, math-verify is asked.

    sympy's word counts where it gives one, math-verify's elsewhere. An answer that neither can read is wrong: it is the
    program's task to give one that can be.
    """
    first = opinion(SYMPY, output, gold, sandbox)
    if first is False:
        return Comparison(False)
    second = opinion(MATH_VERIFY, output, gold, sandbox)
    decided = [word for word in (first, second) if isinstance(word, bool)]
    same = decided[0] if decided else False if first == UNREAD else None
    agree = second in {True: (True, None), UNREAD: (False, None)}.get(first, ())
    return Comparison(same, {} if agree else {SYMPY: first, MATH_VERIFY: second})


def opinion(judge: str, output: Any, gold: str, sandbox: Sandbox) -> Opinion:
    """One judge's word, in a run of its own: no text that hangs one of them silences the other."""
    run = sandbox.run(f"from {JUDGES[judge]} import compare", call="compare", args=[output, gold])
    return run.value if run.status == "ok" else run.status


def number(answer: Any) -> Fraction | None:
    """The number an answer plainly is: 5, 1e3, "1,234", "$5", "50%" (50), "3/4", "12 apples". None for all else."""
    if isinstance(answer, bool):
        return None
    if isinstance(answer, int | float):
        return Fraction(answer)
    if not isinstance(answer, str) or len(answer) > 1000:
        return None
    text = UNIT_AFTER.sub("", ALL_TEXT.sub(r"\1", answer.strip(" $")))
    text = WORDS_AFTER.sub("", MONEY.sub("", text).strip().replace("−", "-")).rstrip(".")
    if match := RATIO.fullmatch(text):
        above, below = (int((match[place] or match[place + 2]).strip("{} ")) for place in (3, 4))
        size = int(match["whole"] or 0) + Fraction(above, below) if below else None
    elif (match := DECIMAL.fullmatch(text)) and any(map(str.isdigit, match["value"].lower().split("e")[0])):
        size = Fraction(match["value"].replace(",", ""))
    else:
        return None
    return size if size is None or match["sign"] != "-" else -size


def close(left: Fraction, right: Fraction) -> bool:
    absolute = min(ABSOLUTE, abs(right) / 100) if right else ABSOLUTE
    return abs(left - right) <= max(absolute, RELATIVE * abs(right))


def close_as_percent(left: Fraction, right: Fraction, gold_is_percent: bool) -> bool:
    """50% may be given as 0.5, and 0.5 as 50%."""
    return close(left, right / 100) if gold_is_percent else close(left / 100, right)


def percent(text: str | None) -> bool:
    return text is not None and text.rstrip(" $.").endswith("%")


def written(output: Any) -> str | None:
    """The text of an answer that has one."""
    if isinstance(output, dict) and isinstance(output.get("repr"), str):
        return output["repr"]
    return output if isinstance(output, str) else None


def squeezed(text: str) -> str:
    """A text without what does not change its meaning."""
    text = re.sub(r"\\(?:text|mbox|textrm)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\[dt]frac", r"\\frac", text)
    return re.sub(r"\\left(?![a-z])|\\right(?![a-z])|\\[!,;: ]|\s|\\?\$|\.$", "", text)

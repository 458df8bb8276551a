"""Whether an answer equals the gold answer: numbers at once, everything else inside a sandbox.

Tolerance for numbers: 1e-4 absolute or 1e-6 relative, whichever is wider.
"""

import re
from fractions import Fraction
from typing import Any

from envs.sandbox.sandbox import Sandbox, SandboxConfig

ABSOLUTE, RELATIVE = Fraction(1, 10**4), Fraction(1, 10**6)
GRADER = SandboxConfig(preload=("sympy", "envs.math.symbolic"), seconds=4, cpu_seconds=2, parallel=2)
"""The sandbox in which texts are compared, never the one that runs programs: none shares memory with a gold answer."""
PROGRAM = "from envs.math.symbolic import compare"

SIGNED = r"(?P<sign>[+-]?)\s*"
DECIMAL = re.compile(SIGNED + r"(?P<value>(?:\d{1,3}(?:,\d{3})+|\d{1,400})?(?:\.\d{0,400})?(?:[eE][+-]?\d{1,3})?)")
WHOLE = r"(?:(?P<whole>\d{1,400})(?:\s+|(?=\\)))?"  # of a mixed number
FRACTION = r"(?:\\[dt]?frac\s*\{(\d{1,400})\}\s*\{(\d{1,400})\}|(\d{1,400})\s*/\s*(\d{1,400}))"
RATIO = re.compile(SIGNED + WHOLE + FRACTION)
MONEY = re.compile(r"\\?\$|\\!|\\,|€|£|\{,\}(?=\d)|\\?%$")
WORDS_AFTER = re.compile(r"(?<=\d)\s+(?!(?:pi|oo|and|or)\b)[a-zA-Z]{2,}[a-zA-Z ]*\.?$")


def compare(output: Any, gold: str, sandbox: Sandbox | None = None) -> bool | None:
    """Whether a program's answer (a JSON value of `Run.value`) equals the gold answer; None when it cannot be decided.

    `sandbox` is made from GRADER; without one only numbers and equal texts are decided. A bool is not a number.
    Raises InfrastructureError when the sandbox does.
    """
    while isinstance(output, list) and len(output) == 1:
        output = output[0]
    if isinstance(output, bool) or output is None:
        return str(output).lower() == squeezed(gold).lower()
    text = written(output)
    left, right = number(output if text is None else text), number(gold)
    if left is not None and right is not None:
        return close(left, right) or (percent(text) != percent(gold) and close_as_percent(left, right, percent(gold)))
    if text is not None and squeezed(text) == squeezed(gold) != "":
        return True
    if sandbox is None:
        return None
    run = sandbox.run(PROGRAM, call="compare", args=[output, gold])
    return run.value if run.status == "ok" and isinstance(run.value, bool) else None


def number(answer: Any) -> Fraction | None:
    """The number an answer plainly is: 5, 1e3, "1,234", "$5", "50%" (50), "3/4", "12 apples". None for all else."""
    if isinstance(answer, bool):
        return None
    if isinstance(answer, int | float):
        return Fraction(answer)
    if not isinstance(answer, str) or len(answer) > 1000:
        return None
    text = WORDS_AFTER.sub("", MONEY.sub("", answer.strip().strip("$")).strip().replace("−", "-")).rstrip(".")
    if match := RATIO.fullmatch(text):
        above, below = int(match[3] or match[5]), int(match[4] or match[6])
        size = int(match["whole"] or 0) + Fraction(above, below) if below else None
    elif (match := DECIMAL.fullmatch(text)) and any(map(str.isdigit, match["value"].lower().split("e")[0])):
        size = Fraction(match["value"].replace(",", ""))
    else:
        return None
    return size if size is None or match["sign"] != "-" else -size


def close(left: Fraction, right: Fraction) -> bool:
    return abs(left - right) <= max(ABSOLUTE, RELATIVE * abs(right))


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


def boxed(text: str) -> str | None:
    """What stands in the last \\boxed{...} of a worked solution, None without one."""
    start = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if start < 0:
        return None
    rest = text[start:].split("box", 1)[1].removeprefix("ed").lstrip()
    if not rest.startswith("{"):
        return re.split(r"[\s$]", rest)[0] or None
    depth = 0
    for place, sign in enumerate(rest):
        depth += (sign == "{") - (sign == "}")
        if depth == 0:
            return rest[1:place]
    return None

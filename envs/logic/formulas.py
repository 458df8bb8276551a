"""Reads one formula in any of the forms that models write: LADR, Unicode, ASCII, NLTK, rules, Forall(...)."""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

from envs.logic.grammar import FormulaError, joined, parse
from envs.logic.statements import Statement, rule_of
from envs.logic.syntax import Formula, Function, closed, nodes

LONGEST = 2_000  # characters of a line
WORD = r"\b(?!(?:all|exists|forall|some|every|and|or|not|iff|implies|xor)\b)[^\W\d_]\w+"
REPAIRS: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    ("a space before a bracket dropped", re.compile(rf"({WORD})\s+(?=\()"), lambda found: found[1]),
    (
        "a name of several words joined",
        re.compile(rf"{WORD}(?:[ -]+{WORD})+(?=\()", re.IGNORECASE),
        lambda found: joined(found[0]),
    ),
    (
        "a quantifier taken to reach to the end",
        re.compile(r"(∀|∃|\b(?:all|forall|exists)\s)\s*(\w+)\s*[.:]?"),
        lambda found: f"{found[1]}{found[2]}. ",
    ),
)
LOOSE = re.compile(r"[u-z]\d?")  # what everybody reads as a variable


@lru_cache(maxsize=20_000)
def read_formula(text: str) -> Statement:
    """A closed formula from one line, its repairs told. Raises FormulaError."""
    if len(text) > LONGEST:
        raise FormulaError(
            f"the line has {len(text)} characters; at most {LONGEST} are read: use several lines", LONGEST
        )
    mended, repairs = text, []
    try:
        formula = _parse_closed(mended)
    except FormulaError as fault:
        for repair, pattern, mend in REPAIRS:
            before, mended = mended, pattern.sub(mend, mended)
            if mended == before:
                continue
            repairs.append(repair)
            with suppress(FormulaError):
                formula = _parse_closed(mended)
                break
        else:
            raise fault from None
    return Statement(rule_of(formula), formula, tuple(repairs))


def _parse_closed(text: str) -> Formula:
    """The formula, under quantifiers for its `$x`; a bare x that nothing binds is a mistake, and no constant."""
    formula = parse(text)
    names = (node.name for node in nodes(formula) if isinstance(node, Function) and not node.arguments)
    if loose := min((name for name in names if LOOSE.fullmatch(name)), default=""):
        raise FormulaError(
            f"{loose} is bound by no quantifier: write all {loose} (...) around it", text.find(loose) + 1
        )
    return closed(formula)

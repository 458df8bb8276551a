"""Reads a whole program as models write it: its sections, its statements, and what had to be repaired."""

import re
import unicodedata
from collections.abc import Iterator

from envs.logic.formulas import read_formula
from envs.logic.grammar import FormulaError
from envs.logic.rules import read_rule
from envs.logic.statements import Statement, Theory

MOST_CHARACTERS, MOST_STATEMENTS = 20_000, 300
DECLARED, GIVEN, ASKED, CLOSED = "declared", "given", "asked", "closed"
SECTIONS = {
    **dict.fromkeys(("predicates", "predicate", "definitions", "constants"), (DECLARED, False)),
    **dict.fromkeys(("facts", "fact", "rules", "rule"), (GIVEN, True)),
    **dict.fromkeys(("premises", "premise", "assumptions", "formulas(assumptions)", "formulas(sos)"), (GIVEN, False)),
    "query": (ASKED, True),
    **dict.fromkeys(("conclusion", "goal", "goals", "formulas(goals)"), (ASKED, False)),
    "end_of_list": (CLOSED, False),
}
HEADER = re.compile(rf"[#*\s]*({'|'.join(map(re.escape, SECTIONS))})[*\s]*(?:[:.][*\s]*(.*))?", re.IGNORECASE)
FENCE = re.compile(r"```[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
NUMBER = re.compile(r"\s*(?:\d+[.)]|[*•])\s+")
COMMENT = ("%", "#", "//")


class ReadError(ValueError):
    """A program that cannot be read: what is wrong, and in which line and column (both from 1)."""

    def __init__(self, message: str, line: int, column: int = 1) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.line, self.column = line, column


def read(text: str) -> Theory:
    """The premises and the conclusion of a program. Raises ReadError."""
    if len(text) > MOST_CHARACTERS:
        raise ReadError(f"the program has {len(text)} characters; at most {MOST_CHARACTERS} are read", 1)
    repairs: list[str] = []
    if "```" in text:
        text = unfenced(text)
        repairs.append("a code fence dropped")
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    given: list[tuple[int, Statement]] = []
    asked: list[tuple[int, Statement]] = []
    for number, role, line, as_rule in _lines(text):
        if role == ASKED and asked:
            raise ReadError("a second statement is asked: ask one", number)
        try:
            statement = (read_rule if as_rule else read_formula)(line)
        except FormulaError as fault:
            raise ReadError(str(fault), number, fault.column) from None
        (asked if role == ASKED else given).append((number, statement))
        repairs.extend(statement.repairs)
    if not asked:
        last = text.count("\n") + 1
        raise ReadError("nothing is asked: end with a line `Query:` or `Conclusion:` and one statement", last)
    if len(given) > MOST_STATEMENTS:
        raise ReadError(f"{len(given)} statements are given; at most {MOST_STATEMENTS} are read", given[-1][0])
    lines, statements = zip(*given, *asked, strict=True)
    return Theory(statements[:-1], statements[-1], lines, tuple(dict.fromkeys(repairs)))


def unfenced(text: str) -> str:
    """What stands in the first code fence, or before a lone one; the whole text when there is none."""
    found = FENCE.search(text)
    before = text.partition("```")[0]
    return found[1] if found and not HEADER.match(before.lstrip()) else before


def _lines(text: str) -> Iterator[tuple[int, str, str, bool]]:
    """Number, role and text of each statement, and whether it stands in the rule form. Ends after what is asked."""
    role, as_rule, asked = "", False, False
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.partition(":::")[0].strip()
        # Most lines are statements: they have a bracket, and no colon as a header with a statement behind it has.
        plain = "(" in line and ":" not in line and "ormulas(" not in line
        header = None if plain else HEADER.fullmatch(line)
        if asked and (header or not line):
            return
        if header:
            role, as_rule = SECTIONS[header[1].lower()]
            line = (header[2] or "").strip()
        if not line or role == DECLARED or line.startswith(COMMENT):
            continue
        if role not in (GIVEN, ASKED):
            raise ReadError("a statement stands outside the sections: put it below `Facts:` or `Premises:`", number)
        asked = role == ASKED
        yield number, role, line if line[0].isalpha() else NUMBER.sub("", line, count=1), as_rule

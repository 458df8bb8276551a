"""Terms: `head(argument, ...)` with bare or quoted leaves. The syntax tree of every functional language here."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from envs.languages.base import Malformed

DEEPEST = 100  # levels of a term
# A quote ends a literal only before a comma or bracket, as NLmaps has it: keyval('name','McDonald's').
TOKEN = re.compile(
    r"\s*(?:(?P<sign>[(),])|(?P<quoted>'(?:[^'\\]|\\.|'(?!\s*[,)]))*')|(?P<word>[^\s(),'](?:[^(),'\n]*[^\s(),'])?))"
)


@dataclass(frozen=True, slots=True)
class Term:
    """A name with its arguments. A leaf has none; it is a literal where it was quoted. `at`: where it stood."""

    head: str
    arguments: tuple["Term", ...] = ()
    quoted: bool = False
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        if self.quoted:
            escaped = re.sub(r"'(?=\s*(?:[,)]|$))", r"\'", self.head.replace("\\", "\\\\"))
            return f"'{escaped}'"
        return f"{self.head}({', '.join(map(str, self.arguments))})" if self.arguments else self.head


def read_term(text: str) -> Term:
    """The one term that the text is. Words may contain spaces, but no signs. Raises Malformed."""
    term, at = first_term(text, 0)
    if text[at:].strip():
        raise Malformed(f"{text[at:].strip()!r:.40} stands behind the end", at)
    return term


def first_term(text: str, at: int, depth: int = 0) -> tuple[Term, int]:
    """The term that begins at a place, and where it ends. Raises Malformed."""
    found = TOKEN.match(text, at)
    if found is None or found["sign"]:
        raise Malformed("a name or literal is missing here", at)
    start, at = found.start(found.lastgroup or 0), found.end()
    if depth > DEEPEST:
        raise Malformed(f"it is nested more than {DEEPEST} deep", start)
    if found["quoted"]:
        return Term(re.sub(r"\\(.)", r"\1", found["quoted"][1:-1], flags=re.DOTALL), quoted=True, at=start), at
    arguments: list[Term] = []
    sign, after = _sign(text, at)
    if sign == "(" and _sign(text, after)[0] == ")":
        return Term(found["word"], at=start), _sign(text, after)[1]
    if sign == "(":
        while sign != ")":
            argument, at = first_term(text, after, depth + 1)
            arguments.append(argument)
            sign, after = _sign(text, at)
            if sign not in (",", ")"):
                raise Malformed("a comma or a closing bracket is missing here", at)
        at = after
    return Term(found["word"], tuple(arguments), at=start), at


def _sign(text: str, at: int) -> tuple[str, int]:
    """The sign that comes next, and where it ends; none where something else comes."""
    found = TOKEN.match(text, at)
    return (found["sign"], found.end()) if found and found["sign"] else ("", at)


def subterms(term: Term) -> Iterator[Term]:
    """The term and all below it, from left to right."""
    yield term
    for argument in term.arguments:
        yield from subterms(argument)


def mapped(term: Term, change: Callable[[Term], Term]) -> Term:
    """The term with every subterm changed, from the leaves up."""
    return change(replace(term, arguments=tuple(mapped(argument, change) for argument in term.arguments)))

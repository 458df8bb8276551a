"""The regular expressions of NL-RX (Locascio et al. 2016), which have `&` for and, `~` for not, and `\\b`."""

import re
from dataclasses import dataclass
from functools import reduce

from envs.languages.base import Executable, Malformed, Names, Symbols
from envs.languages.derivatives import CHARACTERS, Expressions, Node, TooLargeError

DEEPEST, MOST_TIMES = 60, 20  # levels, and repetitions that are counted
CLASS = re.compile(r"\[([^\[\]]+)\]")
TIMES = re.compile(r"[*+?]|\{(\d+)(,(\d*))?\}")
SIGNS = frozenset("()[]{}|&~*+?.\\")
TIGHT = {"or": 0, "and": 1, "then": 2}  # how fast an operator binds; repetition binds more, and ~ most


@dataclass(frozen=True, slots=True)
class Regex:
    """or, and, then (over parts), not, times (`text` tells how often), class (`text` tells which), boundary."""

    kind: str
    parts: tuple["Regex", ...] = ()
    text: str = ""


class RegexDsl(Executable[Regex]):
    """Expressions of NL-RX. They have no symbols of a user's: words such as dog are literals."""

    name = "regex"

    def _parse(self, text: str) -> Regex:
        tree, at = _read(text, 0, 0)
        if at < len(text):
            raise Malformed(f"{text[at]!r} cannot stand here", at)
        return tree

    def print(self, tree: Regex) -> str:
        """With as few brackets as can be."""
        match tree.kind:
            case "class" | "boundary":
                return tree.text
            case "not":
                return f"~{self._bracketed(tree.parts[0], 4)}"
            case "times":
                return f"{self._bracketed(tree.parts[0], 4)}{tree.text}"
        sign = {"or": "|", "and": "&", "then": ""}[tree.kind]
        return sign.join(self._bracketed(part, TIGHT[tree.kind] + 1) for part in tree.parts)

    def _bracketed(self, tree: Regex, tight: int) -> str:
        """In brackets, unless it binds at least so fast."""
        own = TIGHT.get(tree.kind, 3 if tree.kind == "times" else 4)
        return self.print(tree) if own >= tight else f"({self.print(tree)})"

    def equal(self, gold: Regex, tree: Regex) -> bool:
        """Whether both match the same texts; where that is too large a question, whether they print the same."""
        if gold == tree:
            return True
        expressions = Expressions()
        try:
            return expressions.difference(compiled(gold, expressions), compiled(tree, expressions)) is None
        except (TooLargeError, RecursionError):
            return False

    def symbols(self, tree: Regex) -> Symbols:
        return {}

    def _rename(self, tree: Regex, names: Names) -> Regex:
        return tree

    def execute(self, tree: Regex, world: str) -> bool:
        """Whether it matches the whole of a text."""
        expressions = Expressions()
        return expressions.matches(compiled(tree, expressions), world)


def compiled(tree: Regex, made: Expressions) -> Node:
    """The expression whose derivatives can be taken."""
    match tree.kind:
        case "boundary":
            return made.boundary
        case "class":
            return made.one_of(_characters(tree.text))
    parts = [compiled(part, made) for part in tree.parts]
    match tree.kind:
        case "or":
            return made.union(parts)
        case "and":
            return made.intersection(parts)
        case "not":
            return made.negation(parts[0])
        case "times":
            low, high = _bounds(tree.text)
            rest = made.star(parts[0]) if high is None else made.empty
            for _ in range((high or low) - low):
                rest = made.union([made.empty, made.then(parts[0], rest)])
            return reduce(lambda tail, one: made.then(one, tail), parts * low, rest)
    return reduce(lambda tail, one: made.then(one, tail), reversed(parts), made.empty)


def _characters(text: str) -> frozenset[str]:
    """What `.`, `[A-Za-z]`, a character or an escaped one stands for."""
    if text == ".":
        return CHARACTERS
    if not text.startswith("["):
        return frozenset(text[-1])
    inner = text[1:-1]
    chosen: set[str] = set()
    for first, last, single in re.findall(r"(.)-(.)|(.)", inner.removeprefix("^"), re.DOTALL):
        chosen |= {single} if single else {chr(code) for code in range(ord(first), ord(last) + 1)}
    return CHARACTERS - chosen if inner.startswith("^") else frozenset(chosen)


def _bounds(times: str) -> tuple[int, int | None]:
    if times in ("*", "+", "?"):
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[times]
    found = TIMES.fullmatch(times)
    assert found is not None
    return int(found[1]), (int(found[3]) if found[3] else None) if found[2] else int(found[1])


def _read(text: str, at: int, depth: int, tight: int = 0) -> tuple[Regex, int]:
    """The expression that begins at a place, of operators that bind at least so fast, and where it ends."""
    if depth > DEEPEST:
        raise Malformed(f"it is nested more than {DEEPEST} deep", at)
    if tight == 3:
        return _repeated(text, at, depth)
    kind, sign = {0: ("or", "|"), 1: ("and", "&"), 2: ("then", "")}[tight]
    part, at = _read(text, at, depth, tight + 1)
    parts = [part]
    while text.startswith(sign, at) and (sign or (at < len(text) and text[at] not in "|&)")):
        part, at = _read(text, at + len(sign), depth, tight + 1)
        parts.append(part)
    flat = [one for part in parts for one in (part.parts if part.kind == kind else (part,))]
    return (flat[0] if len(flat) == 1 else Regex(kind, tuple(flat))), at


def _repeated(text: str, at: int, depth: int) -> tuple[Regex, int]:
    tree, at = _single(text, at, depth)
    while found := TIMES.match(text, at):
        low, high = _bounds(found[0])
        if max(low, high or 0) > MOST_TIMES or (high is not None and high < max(low, 1)):
            raise Malformed(f"{found[0]} repeats too often or never; at most {MOST_TIMES} times", at)
        tree, at = Regex("times", (tree,), found[0]), found.end()
    return tree, at


def _single(text: str, at: int, depth: int) -> tuple[Regex, int]:
    if text.startswith("~", at):
        part, at = _single(text, at + 1, depth + 1) if depth <= DEEPEST else _read(text, at, depth)
        return Regex("not", (part,)), at
    if text.startswith("(", at):
        tree, end = _read(text, at + 1, depth + 1)
        if not text.startswith(")", end):
            raise Malformed("a closing bracket is missing", end)
        return tree, end + 1
    if text.startswith("\\b", at):
        return Regex("boundary", text="\\b"), at + 2
    if text.startswith("\\", at) and text[at + 1 : at + 2] in CHARACTERS:
        return Regex("class", text=text[at : at + 2]), at + 2
    if found := CLASS.match(text, at):
        return Regex("class", text=found[0]), found.end()
    if at < len(text) and (text[at] == "." or text[at] in CHARACTERS - SIGNS):
        return Regex("class", text=text[at]), at + 1
    raise Malformed("a character, a class or a bracket is missing here", at)

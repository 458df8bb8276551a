"""Nested lists in round brackets: what s-expressions and PDDL are written in."""

import re
from dataclasses import dataclass, field
from typing import Union

from envs.languages.base import Malformed

TOKEN = re.compile(r"[()]|\"(?:[^\"\\]|\\.)*\"(?:\^\^[^\s()]+)?|[^\s();]+")
COMMENT = re.compile(r";[^\n]*")
DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Nested:
    """A list of words and lists; `at` tells where it stood."""

    parts: tuple[Union["Nested", str], ...]
    at: int = field(default=0, compare=False, repr=False)

    @property
    def head(self) -> str:
        """Its first word; empty where it begins with a list, or is empty."""
        return self.parts[0] if self.parts and isinstance(self.parts[0], str) else ""

    def __str__(self) -> str:
        return f"({' '.join(map(str, self.parts))})"


def read_list(text: str) -> Nested:
    """The one list that the text is, without its comments. Raises Malformed."""
    text = COMMENT.sub(lambda found: " " * len(found[0]), text)
    waiting: list[tuple[int, list[Nested | str]]] = []
    done: Nested | None = None
    for token in TOKEN.finditer(text):
        if done is not None:
            raise Malformed(f"{token[0]!r:.40} stands behind the end", token.start())
        if token[0] == "(":
            if len(waiting) == DEEPEST:
                raise Malformed(f"it is nested more than {DEEPEST} deep", token.start())
            waiting.append((token.start(), []))
        elif not waiting:
            raise Malformed(f"{token[0]!r:.40} stands outside the brackets", token.start())
        elif token[0] == ")":
            at, parts = waiting.pop()
            done = Nested(tuple(parts), at)
            if waiting:
                waiting[-1][1].append(done)
                done = None
        else:
            waiting[-1][1].append(token[0])
    if done is None:
        raise Malformed("a bracket is not closed" if waiting else "there is no list", len(text))
    return done

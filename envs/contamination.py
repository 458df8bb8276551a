"""Keeps test problems out of training: what a test set holds is taken out of the train problems, and said.

This is for what is certainly the same. What is the same in other words is for envs/near_copies.py, which asks first.
"""

import re
import unicodedata
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from envisions.records import Problem

# A number (12,000 or 3.5), a word, or a sign of arithmetic; a hyphen is a minus only where a number follows.
TOKEN = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+\.\d+|\w+|[*/^=<>%+]|-(?=\s*[\d(])")
EXAMPLES = 3


@dataclass(frozen=True)
class Removed:
    """How many train problems were taken out, by reason (a test set's name, or `duplicates`), with a few of each."""

    counts: Mapping[str, int]
    examples: Mapping[str, tuple[str, ...]]
    kept: str = ""
    """How many near-copies of test problems stay in train, and why; empty where none do."""

    def __str__(self) -> str:
        lines = [f"removed from train: {sum(self.counts.values())}"] if self.counts or not self.kept else []
        for reason, count in self.counts.items():
            lines.append(f"  {count} {reason if reason == 'duplicates' else f'also in test set {reason}'}")
            lines += [f"    {question:.100}" for question in self.examples[reason]]
        return "\n".join([*lines, self.kept] if self.kept else lines)


def text_key(problem: Problem) -> str:
    """The question's letters, numbers and signs in lower case; punctuation and white space play no part.

    Words are joined, because data sets split them differently ("did n't", "grown - ups"); numbers stay apart. It errs
    on the safe side: brackets play no part either, so 88 / (4 / 2) counts as 88 / 4 / 2.
    """
    text = unicodedata.normalize("NFKC", problem.question).casefold()
    joined = " ".join(token.replace(",", "") for token in TOKEN.findall(text))
    return re.sub(r"(?<!\d) | (?!\d)", "", joined)


def disjoint(
    train: Sequence[Problem],
    tests: Mapping[str, Sequence[Problem]],
    frame: Callable[[Problem], Hashable | None] = lambda problem: None,
) -> tuple[list[Problem], Removed]:
    """The train problems that no test set holds, each once, in their order; and what was removed.

    A test set holds a problem with the same text (`text_key`), whatever stands in the slots of its numbers, and one
    told in the same frame, where a world names the frames of what it generates. A duplicate has the same text and the
    same numbers in its slots.
    """
    held: dict[Hashable, str] = {}
    for name, problems in tests.items():
        for problem in problems:
            for key in _keys(problem, frame):
                held.setdefault(key, name)
    kept: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    found: dict[str, list[str]] = {}
    for problem in train:
        itself = (text_key(problem), repr(problem.setup.get("inputs")))
        reason = next(
            (held[key] for key in _keys(problem, frame) if key in held), "duplicates" if itself in seen else None
        )
        if reason is None:
            seen.add(itself)
            kept.append(problem)
        else:
            found.setdefault(reason, []).append(problem.question)
    counts = {reason: len(questions) for reason, questions in found.items()}
    return kept, Removed(counts, {reason: tuple(questions[:EXAMPLES]) for reason, questions in found.items()})


def _keys(problem: Problem, frame: Callable[[Problem], Hashable | None]) -> list[Hashable]:
    told = frame(problem)
    return [("text", text_key(problem))] + ([] if told is None else [("frame", told)])

"""Which symbols the instruction of a pair defines where its language leaves that open: its own, among others."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from envisions.records import Problem
from envs.symbols.pairs import language_of, words

NAMED: Mapping[str, tuple[str, ...]] = {  # language -> kinds of symbols that a question alone does not settle
    "top": ("intent", "slot"),
    "nlmaps": ("key",),
    "fol": ("predicate",),
}
OTHERS = 6  # names of other pairs, for each kind, so that the list does not give the answer away


def defining(pairs: Sequence[Problem]) -> list[Problem]:
    """The pairs, those of such languages with a list of names to choose from."""
    used = [_used(one) for one in pairs]
    known: dict[str, set[str]] = {}
    for names in used:
        for kind, own in names.items():
            known.setdefault(kind, set()).update(own)
    return [_listing(one, own, known) if own else one for one, own in zip(pairs, used, strict=True)]


def _used(problem: Problem) -> dict[str, list[str]]:
    kinds = NAMED.get(problem.setup["language"], ())
    if not kinds or problem.setup["glosses"]:
        return {}
    language = language_of(problem)
    symbols = language.symbols(language.parse(problem.answer))
    return {kind: sorted(symbols.get(kind, ())) for kind in kinds if symbols.get(kind)}


def _listing(problem: Problem, own: Mapping[str, Sequence[str]], known: Mapping[str, set[str]]) -> Problem:
    dice = random.Random(f"defined/{problem.id}")
    glosses = {}
    for kind, names in own.items():
        others = sorted(known[kind] - set(names))
        listed = sorted([*names, *dice.sample(others, min(OTHERS, len(others)))])
        glosses[kind] = {name: words(name) for name in listed}
    return replace(problem, setup={**problem.setup, "glosses": glosses})

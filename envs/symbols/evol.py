"""Symbol-Evol: the symbols that an instruction defines get other names, in instruction and answer alike.

Paper: some ten names of two tasks, by text. Here: on the syntax tree, in every language whose instruction defines
symbols, by one bijection a pair, because no name must be worth remembering.
"""

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from envisions.records import Problem
from envs.languages.base import Language, Names, inverse
from envs.symbols.names import Part, Style, named
from envs.symbols.pairs import language_of

MARK = "~"  # between the id of a pair and the style that it evolved in


def can_evolve(problem: Problem) -> bool:
    """Whether the instruction defines any symbol."""
    return any(problem.setup["glosses"].values())


def evolved(problem: Problem, style: Style, part: Part = "train", seed: int = 0) -> Problem:
    """The pair under new names: definition, glosses and gold together; the question and all meanings stay.

    The names follow from seed, id and style. `part`: which alphabet they are of. Raises ValueError where nothing is
    defined, or the pair has evolved already.
    """
    if not can_evolve(problem) or "evolved" in problem.setup:
        why = "has evolved already" if "evolved" in problem.setup else "defines no symbol"
        raise ValueError(f"pair {problem.id} {why}; only the others can evolve")
    language = language_of(problem)
    names = renaming(problem, language, style, part, seed)
    new = renamed(problem, language, names)
    return replace(new, id=f"{problem.id}{MARK}{style}", setup={**new.setup, "evolved": style, "names": names})


def original(problem: Problem) -> Problem:
    """The pair that this one evolved from; the pair itself where it has not."""
    if "evolved" not in problem.setup:
        return problem
    back = renamed(problem, language_of(problem), inverse(problem.setup["names"]))
    setup = {name: value for name, value in back.setup.items() if name not in ("evolved", "names")}
    return replace(back, id=problem.id.rpartition(MARK)[0], setup=setup)


def renaming(problem: Problem, language: Language[Any], style: Style, part: Part, seed: int) -> Names:
    """One bijection on the symbols that the instruction defines, kind by kind."""
    dice = random.Random(f"{seed}/evol/{style}/{part}/{problem.id}")
    glosses: Mapping[str, Mapping[str, str]] = problem.setup["glosses"]
    tree = language.parse(problem.answer)
    known = (*glosses.values(), *language.vocabulary.values(), *language.symbols(tree).values(), language.taken(tree))
    taken = {name.casefold() for own in known for name in own}
    names = {}
    for kind in sorted(glosses):
        spells = lambda name, kind=kind: language.spells(kind, name)  # noqa: E731
        names[kind] = named(sorted(glosses[kind]), style, dice, part, spells, taken)
    return names


def renamed(problem: Problem, language: Language[Any], names: Names) -> Problem:
    """Definition, glosses and gold under other names."""
    new = language.renamed(names)
    used = language.symbols(tree := language.parse(problem.answer))
    own = {kind: {old: name for old, name in names.get(kind, {}).items() if old in used[kind]} for kind in used}
    glosses = {
        kind: {names.get(kind, {}).get(name, name): gloss for name, gloss in meanings.items()}
        for kind, meanings in problem.setup["glosses"].items()
    }
    setup = {**problem.setup, "definition": new.definition, "glosses": glosses}
    return replace(problem, answer=new.print(language.rename(tree, own)), setup=setup)

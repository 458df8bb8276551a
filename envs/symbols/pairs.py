"""A pair of the collection, as a problem: words in, symbols out, and what the instruction defines.

`question` is the input, `answer` the gold text. In `setup`:
  task, language   names of the manifest and of the registry
  definition       what the language is made with
  glosses          kind -> name -> what it means: the symbols that the instruction defines, and Symbol-Evol renames
  check            what decides whether an answer is right (envs.symbols.checks), and what that check needs
"""

import re
from collections.abc import Mapping
from typing import Any

from envisions.records import Problem
from envs.languages.base import Language
from envs.languages.registry import language as language_of_name
from envs.languages.scan import MEANINGS, TURNS

WORLD = "symbols"
Glosses = Mapping[str, Mapping[str, str]]
OWN_WORDS: Mapping[str, Mapping[str, str]] = {  # where the words of a name do not say what it means
    "scan": {name: word for word, name in MEANINGS.items()} | {name: f"turn {side}" for side, name in TURNS.items()},
}


def pair(
    *,
    id: str,
    task: str,
    language: Language[Any],
    question: str,
    gold: str,
    split: str,
    glosses: Glosses | None = None,
    check: str = "meaning",
    **needed: Any,
) -> Problem:
    """A pair whose gold is in canonical spelling. Raises Malformed where the gold is not of the language."""
    tree = language.parse(gold)
    setup = {
        "task": task,
        "language": language.name,
        "definition": language.definition,
        "glosses": told(language) if glosses is None else glosses,
        "check": check,
        **needed,
    }
    return Problem(id=id, world=WORLD, question=question.strip(), answer=language.print(tree), split=split, setup=setup)


def language_of(problem: Problem) -> Language[Any]:
    """The language of a pair, with what its instruction defines."""
    return language_of_name(problem.setup["language"], problem.setup["definition"])


def told(language: Language[Any]) -> dict[str, dict[str, str]]:
    """Every symbol that the language defines, with its meaning: its own words, unless they say something else."""
    own = OWN_WORDS.get(language.name, {})
    return {
        kind: {name: own.get(name, words(name)) for name in sorted(names)}
        for kind, names in language.vocabulary.items()
        if names
    }


def words(name: str) -> str:
    """`I_TURN_LEFT` or `turnLeft` as words: i turn left, turn left."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|\d+", name)
    return " ".join(part.lower() for part in parts) or name

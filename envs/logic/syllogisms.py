"""Syllogisms made by the reasoning-gym library, with the label that first-order logic gives them.

The library says whether a conclusion follows; what does not may be false or open. That is found by looking at every
model: what kinds of things there are, each in some of the classes.
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import product

from envisions.records import Problem
from envs.logic.task import posed

FORM = re.compile(r"(All|No|Some) (\w+) are (not )?(\w+)")
Model = frozenset[frozenset[str]]  # the kinds of things that there are, each by its classes


def generate(split: str, count: int, seed: int) -> Iterator[Problem]:
    """`count` syllogisms; those that follow only where every class has a member are left out."""
    import reasoning_gym

    digest = blake2b(f"{seed}/{split}/syllogism".encode(), digest_size=4).digest()
    made = reasoning_gym.create_dataset("syllogism", seed=int.from_bytes(digest) >> 1, size=4 * count + 100)
    told: set[str] = set()
    for index in range(len(made)):
        about = made[index]["metadata"]
        text = (about["premise1"], about["premise2"], about["conclusion"])
        answer = label(*text)
        if len(told) < count and (answer == "True") == about["is_valid"] and "/".join(text) not in told:
            context = "\n".join(f"{premise}." for premise in text[:2])
            setup = {"semantics": "fol", "context": context, "asked": f"{text[2]}.", "answer": answer}
            yield posed(f"syllogisms-{split}-{len(told)}", split, setup)
            told.add("/".join(text))


def label(first: str, second: str, conclusion: str) -> str:
    """True, False, Unknown, or Inconsistent where the premises have no model."""
    classes = sorted({name for text in (first, second, conclusion) for name in _read(text)[1:3]})
    kinds = [frozenset(name for name, has in zip(classes, chosen, strict=True) if has) for chosen in _choices(classes)]
    models = (frozenset(kind for kind, has in zip(kinds, chosen, strict=True) if has) for chosen in _choices(kinds))
    possible = (model for model in models if model and _holds(first, model) and _holds(second, model))
    found = {_holds(conclusion, model) for model in possible}
    return "Inconsistent" if not found else "Unknown" if len(found) == 2 else str(found.pop())


def _choices(of: Sequence[object]) -> Iterator[tuple[bool, ...]]:
    return product((False, True), repeat=len(of))


def _holds(text: str, model: Model) -> bool:
    quantifier, subject, predicate, denied = _read(text)
    found = [(predicate in kind) != denied for kind in model if subject in kind]
    return {"All": all(found), "No": not any(found), "Some": any(found)}[quantifier]


def _read(text: str) -> tuple[str, str, str, bool]:
    found = FORM.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no syllogism of the known forms; use the pinned version of reasoning-gym")
    return found[1], found[2], found[4], bool(found[3])

"""Ontology triples: one `relation(subject, object)` a line, as in Text2KGBench."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from envs.languages.base import Language, Malformed, Names, Symbols

LINE = re.compile(r"\s*([^\W\d][\w -]*?)\s*\(\s*(.*\S)\s*\)\s*")


class Triple(NamedTuple):
    relation: str
    subject: str
    object: str


class Ontology(Language[tuple[Triple, ...]]):
    """Sets of triples. definition: the relations of the ontology; without one, every relation is allowed.

    A subject reaches to the first comma.
    """

    name = "ontology"
    NAME = re.compile(r"[^\W\d][\w-]*(?: [\w-]+)*")

    def __init__(self, definition: Sequence[str] | None = None) -> None:
        self._relations = None if definition is None else frozenset(definition)

    @property
    def definition(self) -> Sequence[str] | None:
        return None if self._relations is None else sorted(self._relations)

    @property
    def vocabulary(self) -> Symbols:
        return {"relation": self._relations or frozenset()}

    def _parse(self, text: str) -> tuple[Triple, ...]:
        triples, at = [], 0
        for line in text.split("\n"):
            if line.strip():
                triples.append(_triple(line, at))
            at += len(line) + 1
        if not triples:
            raise Malformed("there is no triple", len(text))
        return tuple(sorted(set(triples)))

    def print(self, tree: tuple[Triple, ...]) -> str:
        return "\n".join(f"{one.relation}({one.subject}, {one.object})" for one in tree)

    def equal(self, gold: tuple[Triple, ...], tree: tuple[Triple, ...]) -> bool:
        """The same set, whatever the case and the underscores."""
        return _normal(gold) == _normal(tree)

    def score(self, gold: tuple[Triple, ...], tree: tuple[Triple, ...]) -> float:
        """F1 over the triples."""
        wanted, given = _normal(gold), _normal(tree)
        return 2 * len(wanted & given) / (len(wanted) + len(given))

    def fault(self, tree: tuple[Triple, ...]) -> str:
        """Names a relation that the ontology does not have."""
        for triple in tree:
            if self._relations is not None and triple.relation not in self._relations:
                return f"{triple.relation} is no relation of the ontology; it has {', '.join(sorted(self._relations))}"
        return ""

    def symbols(self, tree: tuple[Triple, ...]) -> Symbols:
        return {"relation": frozenset(triple.relation for triple in tree)}

    def _rename(self, tree: tuple[Triple, ...], names: Names) -> tuple[Triple, ...]:
        return tuple(sorted(one._replace(relation=names["relation"][one.relation]) for one in tree))

    def _renamed(self, names: Names) -> "Ontology":
        new = names.get("relation", {})
        return Ontology(None if self._relations is None else [new.get(name, name) for name in self._relations])


def _triple(line: str, at: int) -> Triple:
    found = LINE.fullmatch(line)
    if found is None:
        raise Malformed(f"{line.strip()!r:.60} is no relation(subject, object)", at)
    subject, comma, thing = (part.strip() for part in found[2].partition(","))
    if not (subject and comma and thing):
        raise Malformed("a triple has a subject, a comma and an object", at + found.start(2))
    return Triple(" ".join(found[1].split()), subject, thing)


def _normal(tree: tuple[Triple, ...]) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(" ".join(part.lower().replace("_", " ").split()) for part in triple) for triple in tree)

"""NLmaps MRL: questions to OpenStreetMap as functional terms, `query(area(keyval('name','Paris')),...)`."""

from collections.abc import Callable
from dataclasses import replace

from envs.languages.base import Language, Malformed, Names, Symbols, words
from envs.languages.terms import Term, mapped, read_term, subterms

FUNCTIONS = words(
    "query dist area nwr and or around center search maxdist topx qtype findkey keyval least nodup unit for "
    "north east south west latlong count"
)
WORDS = words("count latlong km mi walk car DIST_INTOWN DIST_OUTTOWN DIST_DAYTRIP WALKDING_DIST")
WHOLE = ("query", "dist")
FREE = ("area", "nwr", "and", "or")  # whose arguments may stand in any order


class Nlmaps(Language[Term]):
    """Queries. The keys of OpenStreetMap, such as amenity, are its symbols; functions are keywords, values literals."""

    name = "nlmaps"

    def _parse(self, text: str) -> Term:
        term = read_term(text)
        if term.head not in WHOLE or not term.arguments:
            raise Malformed(f"it begins with {term.head!r:.40}; it must begin with query( or dist(", term.at)
        for part in subterms(term):
            if part.arguments and part.head not in FUNCTIONS:
                raise Malformed(f"{part.head!r:.40} is no function", part.at)
            if not part.arguments and not (part.quoted or part.head in WORDS or part.head.isdecimal()):
                raise Malformed(f"{part.head!r:.40} stands without quotes and is no keyword", part.at)
            if part.head == "keyval" and (len(part.arguments) != 2 or not part.arguments[0].quoted):
                raise Malformed("keyval takes a quoted key and a value", part.at)
        return term

    def print(self, tree: Term) -> str:
        """As the data set prints it: no space behind a comma."""
        return f"{tree.head}({','.join(map(self.print, tree.arguments))})" if tree.arguments else str(tree)

    def equal(self, gold: Term, tree: Term) -> bool:
        """By form, with keyvals in any order."""
        return mapped(gold, _ordered) == mapped(tree, _ordered)

    def spells(self, kind: str, name: str) -> bool:
        return name.isprintable() and bool(name.strip())

    def symbols(self, tree: Term) -> Symbols:
        found: list[str] = []

        def seen(key: str) -> str:
            found.append(key)
            return key

        _with_keys(tree, seen)
        return {"key": frozenset(found)}

    def _rename(self, tree: Term, names: Names) -> Term:
        return _with_keys(tree, names["key"].__getitem__)


def _with_keys(term: Term, new: Callable[[str], str], asked: bool = False) -> Term:
    """The term with other keys: what keyval has first, and every literal that findkey asks for."""
    if term.quoted:
        return replace(term, head=new(term.head)) if asked else term
    asked = asked or term.head == "findkey"
    arguments = [
        _with_keys(one, new, asked or (term.head == "keyval" and place == 0))
        for place, one in enumerate(term.arguments)
    ]
    return replace(term, arguments=tuple(arguments))


def _ordered(term: Term) -> Term:
    return replace(term, arguments=tuple(sorted(term.arguments, key=str))) if term.head in FREE else term

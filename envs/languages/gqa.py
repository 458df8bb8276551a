"""GQA programs over scene graphs of real images (Hudson & Manning 2019), as nested terms.

`query(relate(select(table), subject, 'sitting at', person), color)`. A scene graph has "objects": id -> name,
attributes, relations (name and object), x, y, w, h. The attribute types of GQA are not in its scenes: a value belongs
to the type that TYPES names.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from envs.languages.base import Executable, ExecutionError, Malformed, Names, Symbols, words
from envs.languages.terms import Term, mapped, read_term, subterms

Graph = Mapping[str, Any]
ANY = "_"  # any object, in select and relate
TYPES: Mapping[str, frozenset[str]] = {
    "color": words("black white red green blue yellow brown gray orange pink purple tan silver gold beige"),
    "size": words("large small huge tiny big little"),
    "material": words("wood metal plastic glass brick stone leather concrete paper porcelain wooden"),
    "pose": words("standing sitting walking lying running jumping sleeping posing"),
    "shape": words("round square rectangular triangular octagonal"),
    "length": frozenset({"long", "short"}),
    "height": frozenset({"tall", "short"}),
    "state": words("open closed on off empty full wet dry clean dirty"),
}
SIDES = frozenset({"left", "right", "top", "bottom", "middle"})


class Function(NamedTuple):
    """Types of the arguments (`word` for a name or value, `words` for any number of them), and what comes out."""

    inputs: tuple[str, ...]
    output: str


FUNCTIONS: Mapping[str, Function] = {
    "select": Function(("word",), "objects"),
    "filter": Function(("objects", "word"), "objects"),
    "without": Function(("objects", "word"), "objects"),
    "relate": Function(("objects", "word", "word", "word"), "objects"),
    "same_as": Function(("objects", "word"), "objects"),
    "query": Function(("objects", "word"), "value"),
    "verify": Function(("objects", "word"), "bool"),
    "verify_relation": Function(("objects", "word", "word", "word"), "bool"),
    "choose": Function(("objects", "word", "word"), "value"),
    "exist": Function(("objects",), "bool"),
    "count": Function(("objects",), "value"),
    "and": Function(("bool", "bool"), "bool"),
    "or": Function(("bool", "bool"), "bool"),
    "not": Function(("bool",), "bool"),
    "same": Function(("objects", "objects", "word"), "bool"),
    "different": Function(("objects", "objects", "word"), "bool"),
    "common": Function(("objects", "objects"), "value"),
}


class Gqa(Executable[Term]):
    """Programs that are well typed. definition: from each function to the name it has in texts."""

    name = "gqa"
    reserved = frozenset({ANY, "subject", "object", "name", *TYPES, *SIDES})

    def __init__(self, definition: Mapping[str, str] | None = None) -> None:
        self._spelling = {name: (definition or {}).get(name, name) for name in FUNCTIONS}
        self._meaning = {spelled: name for name, spelled in self._spelling.items()}
        if len(self._meaning) < len(FUNCTIONS):
            raise ValueError(f"definition is {definition}; each function needs a name of its own")

    @property
    def definition(self) -> Mapping[str, str]:
        return dict(self._spelling)

    @property
    def vocabulary(self) -> Symbols:
        return {"function": frozenset(self._meaning)}

    def _parse(self, text: str) -> Term:
        term = read_term(text)
        self._type(term)
        return term

    def _type(self, term: Term) -> str:
        """What a program gives. Raises Malformed where types do not fit."""
        if term.head not in self._meaning or not term.arguments:
            raise Malformed(f"{term.head!r:.40} is no function with arguments", term.at)
        inputs, output = FUNCTIONS[self._meaning[term.head]]
        if len(inputs) != len(term.arguments):
            raise Malformed(f"{term.head} has {len(term.arguments)} arguments; it takes {len(inputs)}", term.at)
        for kind, argument in zip(inputs, term.arguments, strict=True):
            if kind == "word":
                if argument.arguments:
                    raise Malformed(f"{term.head} takes a word here, and no program", argument.at)
            elif (given := self._type(argument)) != kind:
                raise Malformed(f"{argument.head} gives {given} where {term.head} takes {kind}", argument.at)
        return output

    def print(self, tree: Term) -> str:
        return str(tree)

    def equal(self, gold: Term, tree: Term) -> bool:
        """By form, with the sides of `and`, `or`, `same`, `different` and `common` in any order."""
        return self._ordered(gold) == self._ordered(tree)

    def _ordered(self, tree: Term) -> Term:
        def sort(term: Term) -> Term:
            if self._meaning.get(term.head) not in ("and", "or", "same", "different", "common"):
                return term
            first, second, *rest = term.arguments
            return replace(term, arguments=(*sorted((first, second), key=str), *rest))

        return mapped(tree, sort)

    def symbols(self, tree: Term) -> Symbols:
        return {"function": frozenset(term.head for term in subterms(tree) if term.arguments)}

    def _rename(self, tree: Term, names: Names) -> Term:
        new = names["function"]
        return mapped(tree, lambda term: replace(term, head=new[term.head]) if term.arguments else term)

    def _renamed(self, names: Names) -> "Gqa":
        new = names.get("function", {})
        return Gqa({name: new.get(spelled, spelled) for name, spelled in self._spelling.items()})

    def execute(self, tree: Term, world: Graph) -> Any:
        """The answer about a scene graph: ids of objects, a truth value, a word or a number."""
        name = self._meaning[tree.head]
        given = [
            argument.head if kind == "word" else self.execute(argument, world)
            for kind, argument in zip(FUNCTIONS[name].inputs, tree.arguments, strict=True)
        ]
        return RUN[name](world["objects"], *given)


Objects = Mapping[str, Mapping[str, Any]]
Ids = Sequence[str]


def _has(objects: Objects, one: str, value: str) -> bool:
    return value in objects[one]["attributes"] or value == objects[one]["name"]


def _filter(objects: Objects, ids: Ids, value: str) -> list[str]:
    return [one for one in ids if _has(objects, one, value)]


def _relate(objects: Objects, ids: Ids, role: str, relation: str, name: str) -> list[str]:
    """The objects of this name that stand so to one of the ids, as the relation's subject or object."""
    pairs = [(one, told["object"]) for one in objects for told in objects[one]["relations"] if told["name"] == relation]
    found = {a for a, b in pairs if b in ids} if role == "subject" else {b for a, b in pairs if a in ids}
    return [one for one in objects if one in found and name in (ANY, objects[one]["name"])]


def _query(objects: Objects, ids: Ids, kind: str) -> str:
    """The name of the one object, or its only attribute of a type."""
    if len(ids) != 1:
        raise ExecutionError(f"query was given {len(ids)} objects; it needs exactly one")
    if kind == "name":
        return str(objects[ids[0]]["name"])
    found = [value for value in objects[ids[0]]["attributes"] if value in TYPES.get(kind, ())]
    if len(found) != 1:
        raise ExecutionError(f"the object has {len(found)} values of {kind}; it needs exactly one")
    return str(found[0])


def _choose(objects: Objects, ids: Ids, one: str, other: str) -> str:
    fits = [value for value in (one, other) if _filter(objects, ids, value)]
    if len(fits) != 1:
        raise ExecutionError(f"{len(fits)} of {one} and {other} fit; exactly one must")
    return fits[0]


def _common(objects: Objects, ids: Ids, others: Ids) -> str:
    kinds = [kind for kind in TYPES if _same(objects, ids, others, kind)]
    if len(kinds) != 1:
        raise ExecutionError(f"{len(kinds)} attributes are common; exactly one must be")
    return kinds[0]


def _same(objects: Objects, ids: Ids, others: Ids, kind: str) -> bool:
    values = [
        {v for one in side for v in objects[one]["attributes"] if v in TYPES.get(kind, ())} for side in (ids, others)
    ]
    return bool(values[0] & values[1])


def _same_as(objects: Objects, ids: Ids, kind: str) -> list[str]:
    return [one for one in objects if one not in ids and _same(objects, ids, [one], kind)]


RUN: Mapping[str, Callable[..., Any]] = {
    "select": lambda objects, name: [one for one in objects if name in (ANY, objects[one]["name"])],
    "filter": _filter,
    "without": lambda objects, ids, value: [one for one in ids if not _has(objects, one, value)],
    "relate": _relate,
    "same_as": _same_as,
    "query": _query,
    "verify": lambda objects, ids, value: bool(_filter(objects, ids, value)),
    "verify_relation": lambda *given: bool(_relate(*given)),
    "choose": _choose,
    "exist": lambda objects, ids: bool(ids),
    "count": lambda objects, ids: len(ids),
    "and": lambda objects, a, b: a and b,
    "or": lambda objects, a, b: a or b,
    "not": lambda objects, a: not a,
    "same": _same,
    "different": lambda *given: not _same(*given),
    "common": _common,
}

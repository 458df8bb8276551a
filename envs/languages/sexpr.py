"""S-expressions over a knowledge graph, as in GrailQA: `(AND medicine.drug (JOIN medicine.drug.form m.0x1))`."""

import re
from collections.abc import Callable, Collection, Mapping, Set
from typing import Any

from envs.languages.base import Executable, ExecutionError, Malformed, Names, Symbols
from envs.languages.lists import Nested, read_list

Graph = Collection[tuple[str, str, str]]  # subject, relation, object
TYPE = "type.object.type"
ENTITY = re.compile(r"[mg]\.[0-9a-z_]+")
ARGUMENTS: Mapping[str, tuple[str, ...]] = {  # of each function; "set" is a class, an entity, a literal or a list
    "AND": ("set", "set"),
    "JOIN": ("relation", "set"),
    "R": ("relation",),
    "COUNT": ("set",),
    "ARGMAX": ("set", "relation"),
    "ARGMIN": ("set", "relation"),
    **dict.fromkeys(("lt", "le", "gt", "ge"), ("relation", "set")),
}
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


class SExpression(Executable[Nested]):
    """Queries. Relations and classes are symbols; functions are keywords, entities and "literals" are literals."""

    name = "sexpr"
    NAME = re.compile(r"[^\W\d_][\w-]*(?:\.[\w-]+)*")
    reserved = frozenset(ARGUMENTS)

    def _parse(self, text: str) -> Nested:
        tree = read_list(text)
        _require(tree)
        return tree

    def print(self, tree: Nested) -> str:
        return str(tree)

    def equal(self, gold: Nested, tree: Nested) -> bool:
        """By form, with the sides of AND in any order and grouping."""
        return _canonical(gold) == _canonical(tree)

    def spells(self, kind: str, name: str) -> bool:
        return super().spells(kind, name) and not ENTITY.fullmatch(name)

    def symbols(self, tree: Nested) -> Symbols:
        found: dict[str, set[str]] = {"relation": set(), "class": set()}

        def seen(kind: str, name: str) -> str:
            found[kind].add(name)
            return name

        _named(tree, seen)
        return {kind: frozenset(names) for kind, names in found.items()}

    def _rename(self, tree: Nested, names: Names) -> Nested:
        return _named(tree, lambda kind, name: names[kind][name])

    def execute(self, tree: Nested, world: Graph) -> frozenset[str] | int:
        """The entities and literals that answer it; a number under COUNT. Things have their classes by TYPE."""
        if tree.head == "COUNT":
            return len(_set(tree.parts[1], world))
        return _set(tree, world)


def _require(tree: Nested, top: bool = True) -> None:
    wanted = ARGUMENTS.get(tree.head)
    if wanted is None or (tree.head == "COUNT" and not top) or (tree.head == "R" and top):
        raise Malformed(f"{tree.head!r:.40} is no function that can stand here", tree.at)
    if len(tree.parts) - 1 != len(wanted):
        raise Malformed(f"{tree.head} has {len(tree.parts) - 1} arguments; it takes {len(wanted)}", tree.at)
    for kind, part in zip(wanted, tree.parts[1:], strict=True):
        if isinstance(part, Nested):
            if (kind == "relation") != (part.head == "R"):
                raise Malformed(f"{part.head or 'a list'} cannot be the {kind} of {tree.head}", part.at)
            _require(part, top=False)
        elif part in ARGUMENTS or (kind == "relation" and not SExpression.NAME.fullmatch(part)):
            raise Malformed(f"{part!r:.40} is no {kind} of {tree.head}", tree.at)


def _kind(kind: str, word: str) -> str:
    """Kind of a symbol; empty for entities and literals."""
    if kind == "relation":
        return kind
    return "class" if SExpression.NAME.fullmatch(word) and not ENTITY.fullmatch(word) else ""


def _named(tree: Nested, new: Callable[[str, str], str]) -> Nested:
    """The tree with other names for its relations and classes."""
    parts: list[Nested | str] = [tree.head]
    for wanted, part in zip(ARGUMENTS[tree.head], tree.parts[1:], strict=True):
        if isinstance(part, Nested):
            parts.append(_named(part, new))
        else:
            kind = _kind(wanted, part)
            parts.append(new(kind, part) if kind else part)
    return Nested(tuple(parts), tree.at)


def _canonical(part: Nested | str) -> str:
    if isinstance(part, str):
        return part
    if part.head != "AND":
        return f"({' '.join(map(_canonical, part.parts))})"
    sides, waiting = set(), [*part.parts[1:]]
    while waiting:
        side = waiting.pop()
        if isinstance(side, Nested) and side.head == "AND":
            waiting.extend(side.parts[1:])
        else:
            sides.add(_canonical(side))
    return f"(AND {' '.join(sorted(sides))})" if len(sides) > 1 else sides.pop()


def _set(part: Nested | str, graph: Graph) -> frozenset[str]:
    if isinstance(part, str):
        if _kind("set", part):
            return frozenset(one for one, relation, thing in graph if relation == TYPE and thing == part)
        return frozenset({part})
    first, second = part.parts[1], part.parts[-1]
    if part.head == "AND":
        return _set(first, graph) & _set(second, graph)
    if part.head in ("ARGMAX", "ARGMIN"):
        found, values = _set(first, graph), [(_number(b), a) for a, b in _pairs(second, graph)]
        best = (max if part.head == "ARGMAX" else min)((value for value, one in values if one in found), default=None)
        return frozenset(one for value, one in values if one in found and value == best)
    pairs, wanted = _pairs(first, graph), _set(second, graph)
    if part.head == "JOIN":
        return frozenset(a for a, b in pairs if b in wanted)
    if len(wanted) != 1:
        raise ExecutionError(f"{part.head} compares with {len(wanted)} values; it needs exactly one")
    (bound,) = map(_number, wanted)
    return frozenset(a for a, b in pairs if COMPARE[part.head](_number(b), bound))


def _pairs(part: Nested | str, graph: Graph) -> Set[tuple[str, str]]:
    if isinstance(part, Nested):
        return {(b, a) for a, b in _pairs(part.parts[1], graph)}
    return {(one, thing) for one, relation, thing in graph if relation == part}


def _number(literal: str) -> float:
    plain = literal.partition("^^")[0].strip('"')
    try:
        return float(plain)
    except ValueError:
        raise ExecutionError(f"{literal!r:.40} is no number") from None

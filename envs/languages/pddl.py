"""PDDL problems of one domain: compared as graphs, solved by Fast Downward, and their plans validated."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from envs.languages import planner
from envs.languages.base import Executable, ExecutionError, Malformed, Names, Symbols
from envs.languages.domains import KEYWORDS, Domain, read_domain, renamed_domain, renamed_formula, typed
from envs.languages.lists import Nested, read_list
from envs.languages.matching import Fact, same_up_to_names

SECTIONS = ("problem", ":domain", ":requirements", ":objects", ":init", ":goal", ":metric")
CONNECTIVES = ("and", "or", "not", "imply")


@dataclass(frozen=True, slots=True)
class Problem:
    """Objects with their types, what holds at first, and the goal; each part in one order."""

    title: str
    objects: tuple[tuple[str, str], ...]
    init: tuple[Nested, ...]
    goal: Nested
    metric: Nested | None = None


class Pddl(Executable[Problem]):
    """Problems, in small letters. definition: the text of their domain. Objects are symbols."""

    name = "pddl"
    NAME = re.compile(r"[a-z][a-z0-9_-]*")
    reserved = KEYWORDS | {"define", "problem", "domain", "object", "number", "total-time"}

    def __init__(self, definition: str) -> None:
        self.domain: Domain = read_domain(definition)

    @property
    def definition(self) -> str:
        return str(self.domain.written)

    @property
    def vocabulary(self) -> Symbols:
        domain = self.domain
        return {
            "predicate": frozenset(domain.predicates),
            "type": frozenset(domain.types) - {"object"},
            "function": frozenset(domain.functions),
            "action": domain.actions,
            "object": frozenset(domain.constants),
        }

    def _parse(self, text: str) -> Problem:
        written = read_list(text.lower()) if len(text.lower()) == len(text) else read_list(text)
        if written.head != "define":
            raise Malformed("a problem begins with (define (problem ...", written.at)
        parts: dict[str, Nested] = {}
        for part in written.parts[1:]:
            if not isinstance(part, Nested) or part.head not in SECTIONS or part.head in parts:
                raise Malformed(
                    "something that is no section, or one twice, stands here", getattr(part, "at", written.at)
                )
            parts[part.head] = part
        for needed in ("problem", ":domain", ":init", ":goal"):
            if needed not in parts:
                raise Malformed(f"the problem has no ({needed} ...)", written.at)
        if parts[":domain"].parts[1:] != (self.domain.name,):
            raise Malformed(f"the problem is of another domain than {self.domain.name}", parts[":domain"].at)
        if len(parts["problem"].parts) != 2 or not isinstance(parts["problem"].parts[1], str):
            raise Malformed("a problem has one name", parts["problem"].at)
        objects = self._objects(parts.get(":objects"))
        known = {**self.domain.constants, **dict(objects)}
        init = [self._fact(part, known, parts[":init"].at) for part in parts[":init"].parts[1:]]
        if len(parts[":goal"].parts) != 2 or not isinstance(parts[":goal"].parts[1], Nested):
            raise Malformed("a goal is one formula", parts[":goal"].at)
        goal = self._formula(parts[":goal"].parts[1], known)
        title = str(parts["problem"].parts[1])
        return Problem(title, objects, tuple(sorted(set(init), key=str)), goal, parts.get(":metric"))

    def _objects(self, part: Nested | None) -> tuple[tuple[str, str], ...]:
        found = list(typed(part.parts[1:])) if part else []
        names = [name for name, _ in found]
        for name, kind in found:
            if names.count(name) > 1 or name in self.domain.constants:
                raise Malformed(f"the object {name!r:.40} is declared twice", part.at if part else 0)
            if not self.NAME.fullmatch(name):
                raise Malformed(f"{name!r:.40} is no name of an object", part.at if part else 0)
            if kind != "object" and kind not in self.domain.types and kind not in self.domain.types.values():
                raise Malformed(f"{kind!r:.40} is no type of the domain", part.at if part else 0)
        return tuple(sorted(found, key=lambda one: (one[1], one[0])))

    def _fact(self, part: Nested | str, known: Mapping[str, str], at: int) -> Nested:
        """A statement that holds at first: an atom, or (= (function ...) number)."""
        if isinstance(part, str):
            raise Malformed(f"{part!r:.40} is no statement", at)
        if part.head == "=" and len(part.parts) == 3 and isinstance(part.parts[1], Nested):
            value = part.parts[2]
            if not isinstance(value, str) or not re.fullmatch(r"-?\d+(\.\d+)?", value):
                raise Malformed("a function's value is a number", part.at)
            return Nested(("=", self._atom(part.parts[1], known, self.domain.functions), value), part.at)
        return self._atom(part, known, self.domain.predicates)

    def _atom(self, part: Nested, known: Mapping[str, str], declared: Mapping[str, tuple[str, ...]]) -> Nested:
        if part.head not in declared:
            raise Malformed(f"{part.head or 'a list'!r:.40} is no predicate or function of the domain", part.at)
        wanted = declared[part.head]
        if len(wanted) != len(part.parts) - 1:
            raise Malformed(f"{part.head} has {len(part.parts) - 1} arguments; it takes {len(wanted)}", part.at)
        for name, kind in zip(part.parts[1:], wanted, strict=True):
            if not isinstance(name, str) or name not in known:
                raise Malformed(f"{str(name)!r:.40} is no object of the problem", part.at)
            if not self.domain.is_a(known[name], kind):
                raise Malformed(f"{name} is a {known[name]}, and {part.head} takes a {kind}", part.at)
        return part

    def _formula(self, part: Nested | str, known: Mapping[str, str]) -> Nested:
        if isinstance(part, str):
            raise Malformed(f"{part!r:.40} is no formula", 0)
        head, rest = part.head, part.parts[1:]
        if head in CONNECTIVES:
            parts = [self._formula(one, known) for one in rest]
            if (head == "not" and len(parts) != 1) or (head == "imply" and len(parts) != 2):
                raise Malformed(f"{head} has {len(parts)} parts", part.at)
            return Nested((head, *(sorted(parts, key=str) if head in ("and", "or") else parts)), part.at)
        if head in ("forall", "exists") and len(rest) == 2 and isinstance(rest[0], Nested):
            return Nested((head, rest[0], self._formula(rest[1], {**known, **dict(typed(rest[0].parts))})), part.at)
        if head == "=" and len(rest) == 2 and all(one in known for one in rest):
            return part
        return self._atom(part, known, self.domain.predicates)

    def print(self, tree: Problem) -> str:
        objects = "\n".join(
            f"  {name} - {kind}" if kind != "object" else f"  {name} - object" for name, kind in tree.objects
        )
        init = "\n".join(f"  {fact}" for fact in tree.init)
        metric = f"\n{tree.metric}" if tree.metric else ""
        head = f"(define (problem {tree.title})\n(:domain {self.domain.name})"
        return f"{head}\n(:objects\n{objects}\n)\n(:init\n{init}\n)\n(:goal {tree.goal}){metric}\n)"

    def equal(self, gold: Problem, tree: Problem) -> bool:
        """The same objects, first state and goal, up to the names of objects: an isomorphism (Zuo et al. 2024)."""
        if str(gold.metric) != str(tree.metric):
            return False
        own = {name for side in (gold, tree) for name, _ in side.objects}
        return same_up_to_names(list(_facts(gold)), list(_facts(tree)), own.__contains__)

    def fault(self, tree: Problem) -> str:
        """Complains of a goal that is already true, or empty: every plan reaches it."""
        goals = tree.goal.parts[1:] if tree.goal.head == "and" else (tree.goal,)
        return "the goal is already true" if all(goal in tree.init for goal in goals) else ""

    def symbols(self, tree: Problem) -> Symbols:
        atoms = [one for root in (*tree.init, tree.goal) for one in _lists(root)]
        heads = {one.head for one in atoms}
        kinds = {kind for _, kind in tree.objects} | {kind for one in atoms for kind in _quantified(one)}
        constants = {word for one in atoms for word in one.parts[1:] if word in self.domain.constants}
        vocabulary = self.vocabulary
        return {
            "predicate": vocabulary["predicate"] & heads,
            "function": vocabulary["function"] & (heads | {one.head for one in _lists(tree.metric)}),
            "type": vocabulary["type"] & kinds,
            "object": frozenset(name for name, _ in tree.objects) | {str(name) for name in constants},
        }

    def _rename(self, tree: Problem, names: Names) -> Problem:
        def new(part: Nested) -> Nested:
            found = renamed_formula(part, names)
            assert isinstance(found, Nested)
            return _sorted(found)

        objects = ((names["object"][name], names["type"].get(kind, kind)) for name, kind in tree.objects)
        return Problem(
            tree.title,
            tuple(sorted(objects, key=lambda one: (one[1], one[0]))),
            tuple(sorted(map(new, tree.init), key=str)),
            new(tree.goal),
            tree.metric and new(tree.metric),
        )

    def _renamed(self, names: Names) -> "Pddl":
        full: dict[str, Any] = {
            kind: names.get(kind, {}) for kind in ("predicate", "type", "function", "action", "object")
        }
        return Pddl(renamed_domain(self.domain, full))

    def execute(self, tree: Problem, world: None = None) -> tuple[str, ...]:
        """A plan, an action each. Raises ExecutionError when there is none, or none is found in time."""
        found = planner.plan(self.definition, self.print(tree))
        if found is None:
            raise ExecutionError("the goal cannot be reached")
        return tuple(found.splitlines())

    def is_valid(self, tree: Problem, plan: tuple[str, ...]) -> bool:
        """Whether a plan reaches the goal of a problem. Raises ExecutionError."""
        return planner.is_valid(self.definition, self.print(tree), "\n".join(plan))

    def solves(self, gold: Problem, tree: Problem) -> bool:
        """Whether a plan of one problem reaches the goal of the gold one, which must not be true already."""
        try:
            return not self.fault(gold) and self.is_valid(gold, self.execute(tree))
        except ExecutionError:
            return False


def _facts(tree: Problem) -> Iterator[Fact]:
    yield from ((("object", kind), (name,)) for name, kind in tree.objects)
    yield from _said("init", tree.init)
    goals = tree.goal.parts[1:] if tree.goal.head == "and" else (tree.goal,)
    yield from _said("goal", goals)


def _said(where: str, parts: Any) -> Iterator[Fact]:
    """An atom speaks of its objects; what is no atom stands for itself."""
    for part in parts:
        if part.head not in KEYWORDS:
            yield (where, part.head), tuple(map(str, part.parts[1:]))
        elif part.head == "not" and part.parts[1].head not in KEYWORDS:
            yield (where, "not", part.parts[1].head), tuple(map(str, part.parts[1].parts[1:]))
        elif part.head == "=" and isinstance(part.parts[1], Nested):
            yield (where, "=", part.parts[1].head, part.parts[2]), tuple(map(str, part.parts[1].parts[1:]))
        else:
            yield (where, str(part)), ()


def _lists(root: Nested | None) -> Iterator[Nested]:
    waiting = [root] if root else []
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(part for part in one.parts if isinstance(part, Nested))


def _quantified(one: Nested) -> list[str]:
    """The types of the variables of a quantifier."""
    variables = one.parts[1] if one.head in ("forall", "exists") else None
    return [kind for _, kind in typed(variables.parts)] if isinstance(variables, Nested) else []


def _sorted(part: Nested) -> Nested:
    """The parts of `and` and `or` in one order, all the way down."""
    parts = [_sorted(one) if isinstance(one, Nested) else one for one in part.parts]
    if part.head in ("and", "or"):
        parts[1:] = sorted(parts[1:], key=str)
    return Nested(tuple(parts), part.at)

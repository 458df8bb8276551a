"""CLEVR programs over scene graphs (Johnson et al. 2017), as nested terms: `count(filter_color(scene, red))`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from envs.languages.base import Executable, ExecutionError, Malformed, Names, Symbols
from envs.languages.clevr_scenes import ATTRIBUTES, VALUES, Scene, random_scene
from envs.languages.terms import Term, mapped, read_term, subterms

SCENES, ANSWERED = 300, 20  # scenes tried to tell two programs apart, and how many of them must have an answer
ANY = "any"  # a filter that is left out, in the template functions


@dataclass(frozen=True, slots=True)
class Function:
    """Types of the arguments (programs first, then values), type of what comes out, and what it does."""

    inputs: tuple[str, ...]
    values: tuple[str, ...]
    output: str
    run: Callable[..., Any]


def _unique(scene: Scene, found: Sequence[int]) -> int:
    if len(found) != 1:
        raise ExecutionError(f"unique was given {len(found)} objects; it needs exactly one")
    return found[0]


def _filter(scene: Scene, found: Sequence[int], *values: str) -> list[int]:
    """Those of the objects with all of these sizes, colors, materials and shapes."""
    objects = scene["objects"]
    wanted = {
        attribute: value for value in values if value != ANY for attribute in ATTRIBUTES if value in VALUES[attribute]
    }
    return [one for one in found if all(objects[one][attribute] == value for attribute, value in wanted.items())]


def _relate(scene: Scene, one: int, relation: str) -> list[int]:
    return sorted(scene["relationships"][relation][one])


def _same(attribute: str) -> Callable[[Scene, int], list[int]]:
    def same(scene: Scene, one: int) -> list[int]:
        objects = scene["objects"]
        wanted = objects[one][attribute]
        return [other for other, seen in enumerate(objects) if other != one and seen[attribute] == wanted]

    return same


def _query(attribute: str) -> Callable[[Scene, int], str]:
    return lambda scene, one: str(scene["objects"][one][attribute])


def _functions() -> dict[str, Function]:
    """The 35 functions: 27 of programs, and the eight that only templates use, which are compositions of them."""
    some, one = ("ObjectSet",), ("Object",)
    made = {
        "scene": Function((), (), "ObjectSet", lambda scene: list(range(len(scene["objects"])))),
        "unique": Function(some, (), "Object", _unique),
        "relate": Function(one, ("relation",), "ObjectSet", _relate),
        "union": Function(some * 2, (), "ObjectSet", lambda _, a, b: sorted({*a, *b})),
        "intersect": Function(some * 2, (), "ObjectSet", lambda _, a, b: sorted({*a} & {*b})),
        "count": Function(some, (), "Integer", lambda _, found: len(found)),
        "exist": Function(some, (), "Bool", lambda _, found: bool(found)),
        "equal_integer": Function(("Integer",) * 2, (), "Bool", lambda _, a, b: a == b),
        "less_than": Function(("Integer",) * 2, (), "Bool", lambda _, a, b: a < b),
        "greater_than": Function(("Integer",) * 2, (), "Bool", lambda _, a, b: a > b),
        "equal_object": Function(one * 2, (), "Bool", lambda _, a, b: a == b),
    }
    for name in ATTRIBUTES:
        made[f"filter_{name}"] = Function(some, (name,), "ObjectSet", _filter)
        made[f"query_{name}"] = Function(one, (), name.capitalize(), _query(name))
        made[f"equal_{name}"] = Function((name.capitalize(),) * 2, (), "Bool", lambda _, a, b: a == b)
        made[f"same_{name}"] = Function(one, (), "ObjectSet", _same(name))
    made["filter"] = Function(some, ATTRIBUTES, "ObjectSet", _filter)
    made["relate_filter"] = Function(
        one, ("relation", *ATTRIBUTES), "ObjectSet", lambda s, a, r, *rest: _filter(s, _relate(s, a, r), *rest)
    )
    for whole in ("filter", "relate_filter"):
        for last in ("unique", "count", "exist"):
            made[f"{whole}_{last}"] = replace(made[whole], output=made[last].output, run=_then(made[whole], made[last]))
    return made


def _then(first: Function, last: Function) -> Callable[..., Any]:
    return lambda scene, *arguments: last.run(scene, first.run(scene, *arguments))


FUNCTIONS: Mapping[str, Function] = _functions()


class Clevr(Executable[Term]):
    """Programs that are well typed. definition: from each function to the name it has in texts."""

    name = "clevr"
    reserved = frozenset({ANY, *(value for values in VALUES.values() for value in values)})

    def __init__(self, definition: Mapping[str, str] | None = None) -> None:
        self._spelling = {name: (definition or {}).get(name, name) for name in FUNCTIONS}
        self._function = {spelled: FUNCTIONS[name] for name, spelled in self._spelling.items()}
        if len(self._function) < len(FUNCTIONS):
            raise ValueError(f"definition is {definition}; each function needs a name of its own")

    @property
    def definition(self) -> Mapping[str, str]:
        return dict(self._spelling)

    @property
    def vocabulary(self) -> Symbols:
        return {"function": frozenset(self._function)}

    def _parse(self, text: str) -> Term:
        term = read_term(text)
        self._type(term)
        return term

    def _type(self, term: Term) -> str:
        """What a program gives. Raises Malformed where types do not fit."""
        function = self._function.get(term.head)
        if function is None:
            raise Malformed(f"{term.head!r:.40} is no function", term.at)
        wanted = len(function.inputs) + len(function.values)
        if len(term.arguments) != wanted:
            raise Malformed(f"{term.head} has {len(term.arguments)} arguments; it takes {wanted}", term.at)
        programs, values = term.arguments[: len(function.inputs)], term.arguments[len(function.inputs) :]
        for program, kind in zip(programs, function.inputs, strict=True):
            if (given := self._type(program)) != kind:
                raise Malformed(f"{program.head} gives {given} where {term.head} takes {kind}", program.at)
        for value, kind in zip(values, function.values, strict=True):
            if (
                value.arguments
                or value.quoted
                or value.head not in (*VALUES[kind], *((ANY,) if len(values) > 1 else ()))
            ):
                raise Malformed(f"{value.head!r:.40} is no {kind}", value.at)
        return function.output

    def print(self, tree: Term) -> str:
        return str(tree)

    def equal(self, gold: Term, tree: Term) -> bool:
        """The same answer in every scene of twenty, by lot, in which the gold program has one."""
        if self.print(gold) == self.print(tree):
            return True
        dice, answered = Random(0), 0
        for scene in (random_scene(dice) for _ in range(SCENES)):
            try:
                answer = self.execute(gold, scene)
            except ExecutionError:
                continue
            try:
                if self.execute(tree, scene) != answer:
                    return False
            except ExecutionError:
                return False
            answered += 1
            if answered == ANSWERED:
                return True
        return False  # as good as never answered: told apart by their spelling

    def symbols(self, tree: Term) -> Symbols:
        return {"function": frozenset(term.head for term in subterms(tree) if term.head in self._function)}

    def _rename(self, tree: Term, names: Names) -> Term:
        return mapped(tree, lambda term: replace(term, head=names["function"].get(term.head, term.head)))

    def _renamed(self, names: Names) -> "Clevr":
        new = names.get("function", {})
        return Clevr({name: new.get(spelled, spelled) for name, spelled in self._spelling.items()})

    def execute(self, tree: Term, world: Scene) -> Any:
        """The answer in a scene: a number, a truth value, a word, an object's place or a list of places."""
        function = self._function[tree.head]
        programs, values = tree.arguments[: len(function.inputs)], tree.arguments[len(function.inputs) :]
        inputs = [self.execute(program, world) for program in programs]
        return function.run(world, *inputs, *(value.head for value in values))

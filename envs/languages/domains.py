"""PDDL domains: what a problem may say, and the domain under new names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from envs.languages.base import Malformed, Names, words
from envs.languages.lists import Nested, read_list

ROOT = "object"
KEYWORDS = words("and or not imply forall exists when either = >= <= > < increase decrease assign")
LISTS = {":types": "type", ":constants": "object"}


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain's list, and what was read from it: types with the type above each, predicates and functions with the
    types of their arguments, constants with their types, and the names of the actions."""

    written: Nested
    name: str
    types: Mapping[str, str]
    predicates: Mapping[str, tuple[str, ...]]
    functions: Mapping[str, tuple[str, ...]]
    constants: Mapping[str, str]
    actions: frozenset[str]

    def is_a(self, kind: str, wanted: str) -> bool:
        """Whether a type is the wanted one, or below it."""
        for _ in range(len(self.types) + 1):
            if wanted in (kind, ROOT):
                return True
            kind = self.types.get(kind, ROOT)
        return False


def read_domain(text: str) -> Domain:
    """The domain of a text, in small letters. Raises Malformed."""
    written = read_list(text.lower())
    if written.head != "define":
        raise Malformed("a domain begins with (define (domain ...", written.at)
    parts = {part.head: part for part in written.parts[1:] if isinstance(part, Nested)}
    for needed in ("domain", ":predicates"):
        if needed not in parts:
            raise Malformed(f"the domain has no ({needed} ...)", written.at)
    actions = [part for part in written.parts[1:] if isinstance(part, Nested) and part.head == ":action"]
    return Domain(
        written,
        str(parts["domain"].parts[-1]),
        dict(typed(parts.get(":types", Nested(())).parts[1:])),
        _declared(parts[":predicates"]),
        _declared(parts.get(":functions", Nested(()))),
        dict(typed(parts.get(":constants", Nested(())).parts[1:])),
        frozenset(str(action.parts[1]) for action in actions if len(action.parts) > 1),
    )


def _declared(part: Nested) -> Mapping[str, tuple[str, ...]]:
    declared = (one for one in part.parts[1:] if isinstance(one, Nested))
    return {one.head: tuple(kind for _, kind in typed(one.parts[1:])) for one in declared}


def typed(parts: Sequence[Nested | str]) -> Iterator[tuple[str, str]]:
    """Each name of `a b - type c`, with its type. Raises Malformed."""
    names: list[str] = []
    waiting = iter(parts)
    for part in waiting:
        if part == "-":
            kind = next(waiting, None)
            if not isinstance(kind, str):
                raise Malformed("a type is missing behind -, or it is no single type", getattr(kind, "at", 0))
            yield from ((name, kind) for name in names)
            names = []
        elif isinstance(part, Nested):
            raise Malformed("a list stands where a name must stand", part.at)
        else:
            names.append(part)
    yield from ((name, ROOT) for name in names)


def renamed_domain(domain: Domain, names: Names) -> str:
    """The domain's text with other names for its types, predicates, constants, functions and actions."""
    return str(Nested(tuple(_section(part, names) for part in domain.written.parts)))


def _section(part: Nested | str, names: Names) -> Nested | str:
    if isinstance(part, str):
        return part
    head, rest = part.head, part.parts[1:]
    if head in LISTS:
        return Nested((head, *_typed_renamed(rest, names, LISTS[head])))
    if head in (":predicates", ":functions"):
        kind = "predicate" if head == ":predicates" else "function"
        return Nested((head, *(_signature(one, names, kind) for one in rest)))
    if head != ":action":
        return part
    done: list[Nested | str] = [head, names["action"].get(str(rest[0]), str(rest[0]))]
    for key, value in zip(rest[1::2], rest[2::2], strict=True):
        if key == ":parameters" and isinstance(value, Nested):
            done += [key, Nested(_typed_renamed(value.parts, names, ""))]
        else:
            done += [key, renamed_formula(value, names)]
    return Nested(tuple(done))


def _signature(one: Nested | str, names: Names, kind: str) -> Nested | str:
    if isinstance(one, str):
        return one
    return Nested((names[kind].get(one.head, one.head), *_typed_renamed(one.parts[1:], names, "")))


def _typed_renamed(parts: Sequence[Nested | str], names: Names, kind: str) -> tuple[Nested | str, ...]:
    """A typed list, whose names are of a kind, or of none when they are variables."""
    done: list[Nested | str] = []
    for part in parts:
        own = "type" if done and done[-1] == "-" else kind
        done.append(names[own].get(part, part) if isinstance(part, str) and own else part)
    return tuple(done)


def renamed_formula(part: Nested | str, names: Names) -> Nested | str:
    """A formula or effect with other names for its predicates, functions, types and objects."""
    if isinstance(part, str):
        return names["object"].get(part, part)
    head, rest = part.head, part.parts[1:]
    if head in ("forall", "exists") and len(rest) == 2 and isinstance(rest[0], Nested):
        return Nested((head, Nested(_typed_renamed(rest[0].parts, names, "")), renamed_formula(rest[1], names)))
    if head and head not in KEYWORDS:
        head = names["predicate"].get(head, names["function"].get(head, head))
    return Nested(
        (*((head,) if head else ()), *(renamed_formula(one, names) for one in (rest if head else part.parts)))
    )

"""One syntax tree for every logic language: terms and formulas. Immutable, and typed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function with its arguments; without any, a constant."""

    name: str
    arguments: tuple["Term", ...] = ()


Term = Variable | Function


@dataclass(frozen=True, slots=True)
class Atom:
    predicate: str
    arguments: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Equal:
    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Not:
    body: "Formula"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Implies:
    left: "Formula"
    right: "Formula"


@dataclass(frozen=True, slots=True)
class Iff:
    left: "Formula"
    right: "Formula"


@dataclass(frozen=True, slots=True)
class Xor:
    left: "Formula"
    right: "Formula"


@dataclass(frozen=True, slots=True)
class ForAll:
    variable: str
    body: "Formula"


@dataclass(frozen=True, slots=True)
class Exists:
    variable: str
    body: "Formula"


Formula = Atom | Equal | Not | And | Or | Implies | Iff | Xor | ForAll | Exists
Node = Formula | Term


class Symbols(NamedTuple):
    """The names of a formula, each with the numbers of arguments it is used with."""

    predicates: Mapping[str, frozenset[int]]
    functions: Mapping[str, frozenset[int]]


@dataclass(slots=True)
class _Uses:
    predicates: dict[str, frozenset[int]] = field(default_factory=dict)
    functions: dict[str, frozenset[int]] = field(default_factory=dict)


def children(node: Node) -> tuple[Node, ...]:
    """What stands directly below a node."""
    match node:
        case Variable():
            return ()
        case Function(_, arguments) | Atom(_, arguments):
            return arguments
        case Not(body) | ForAll(_, body) | Exists(_, body):
            return (body,)
        case And(parts) | Or(parts):
            return parts
    return (node.left, node.right)


def nodes(*roots: Node) -> Iterator[Node]:
    """Every node, without recursion: a formula may be deeper than Python's stack."""
    waiting: list[Node] = list(roots)
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(children(node))


def symbols(*formulas: Formula) -> Symbols:
    """The predicates and functions of these formulas; constants are functions of no argument."""
    uses = _Uses()
    for node in nodes(*formulas):
        if isinstance(node, Atom):
            uses.predicates[node.predicate] = uses.predicates.get(node.predicate, frozenset()) | {len(node.arguments)}
        elif isinstance(node, Function):
            uses.functions[node.name] = uses.functions.get(node.name, frozenset()) | {len(node.arguments)}
    return Symbols(uses.predicates, uses.functions)


def free_variables(node: Node, bound: frozenset[str] = frozenset()) -> dict[str, None]:
    """The variables that no quantifier binds, in the order in which they occur."""
    match node:
        case Variable(name):
            return {} if name in bound else {name: None}
        case ForAll(variable, body) | Exists(variable, body):
            return free_variables(body, bound | {variable})
    found: dict[str, None] = {}
    for child in children(node):
        found |= free_variables(child, bound)
    return found


def closed(formula: Formula) -> Formula:
    """The formula under a universal quantifier for each of its free variables."""
    for name in reversed(free_variables(formula)):
        formula = ForAll(name, formula)
    return formula

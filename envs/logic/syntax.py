"""One syntax tree for every logic language: terms, formulas, statements and whole theories. Immutable, and typed."""

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


class Literal(NamedTuple):
    """One statement of a rule. Arguments are names; those of variables begin with a question mark."""

    predicate: str
    positive: bool
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.predicate}({', '.join((*self.arguments, str(self.positive)))})"

    @property
    def negated(self) -> "Literal":
        return Literal(self.predicate, not self.positive, self.arguments)


class Rule(NamedTuple):
    """If all of the body then all of the head. A fact is a rule without a body."""

    body: tuple[Literal, ...]
    head: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of a program, as a rule where it is one, and what its reader had to repair."""

    rule: Rule | None
    written: Formula | None = None
    repairs: tuple[str, ...] = ()

    @property
    def formula(self) -> Formula:
        """The statement as a closed formula."""
        if self.written is not None:
            return self.written
        if self.rule is None:
            raise ValueError("a statement needs a rule or a formula")
        return formula_of(self.rule)


@dataclass(frozen=True, slots=True)
class Theory:
    """What is given and what is asked. `lines` tells where each premise stands in the text, the conclusion last."""

    premises: tuple[Statement, ...]
    conclusion: Statement
    lines: tuple[int, ...] = ()
    repairs: tuple[str, ...] = ()

    @property
    def statements(self) -> tuple[Statement, ...]:
        return (*self.premises, self.conclusion)


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


def formula_of(rule: Rule) -> Formula:
    """A rule as a closed formula."""
    head = _conjunction(rule.head)
    return closed(Implies(_conjunction(rule.body), head) if rule.body else head)


def rule_of(formula: Formula) -> Rule | None:
    """The formula as a rule: literals that imply literals, perhaps under universal quantifiers; else None."""
    while isinstance(formula, ForAll):
        formula = formula.body
    body: tuple[Literal, ...] | None = ()
    if isinstance(formula, Implies):
        body, formula = _literals(formula.left), formula.right
    head = _literals(formula)
    return None if body is None or head is None else Rule(body, head)


def _conjunction(literals: tuple[Literal, ...]) -> Formula:
    parts = tuple(_formula(literal) for literal in literals)
    return parts[0] if len(parts) == 1 else And(parts)


def _formula(literal: Literal) -> Formula:
    names = literal.arguments
    atom = Atom(
        literal.predicate, tuple(Variable(name[1:]) if name.startswith("?") else Function(name) for name in names)
    )
    return atom if literal.positive else Not(atom)


def _literals(formula: Formula) -> tuple[Literal, ...] | None:
    parts = formula.parts if isinstance(formula, And) else (formula,)
    found = [_literal(part) for part in parts]
    return None if None in found else tuple(literal for literal in found if literal is not None)


def _literal(formula: Formula) -> Literal | None:
    positive = True
    while isinstance(formula, Not):
        positive, formula = not positive, formula.body
    if not isinstance(formula, Atom):
        return None
    names = []
    for term in formula.arguments:
        if isinstance(term, Function) and term.arguments:
            return None
        names.append(f"?{term.name}" if isinstance(term, Variable) else term.name)
    return Literal(formula.predicate, positive, tuple(names))

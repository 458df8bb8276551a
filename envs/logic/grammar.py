"""The parser of all first-order forms: builds the syntax tree from the grammar in formula.lark."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from envs.logic.syntax import (
    And,
    Atom,
    Equal,
    Exists,
    ForAll,
    Formula,
    Function,
    Iff,
    Implies,
    Node,
    Not,
    Or,
    Term,
    Variable,
    Xor,
    children,
)

GRAMMAR = Path(__file__).with_name("formula.lark")
DEEPEST = 60  # levels of a formula
UNIVERSAL = ("∀", "forall", "all", "every")
CONNECTIVES: dict[str, tuple[int, Callable[..., Formula]]] = {  # the Forall(...) form, by what its name begins with
    "and": (0, lambda *parts: And(parts)),
    "or": (0, lambda *parts: Or(parts)),
    "not": (1, Not),
    "implies": (2, Implies),
    "iff": (2, Iff),
    "equivalent": (2, Iff),
    "xor": (2, Xor),
}
TRUTH = {"true": True, "false": False}


class FormulaError(ValueError):
    """Text that is no formula: what is wrong, and the column (from 1) where it shows."""

    def __init__(self, message: str, column: int = 1) -> None:
        super().__init__(message)
        self.column = column


def parse(text: str) -> Formula:
    """The formula as it is written, perhaps with free variables. Raises FormulaError."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken, VisitError

    try:
        tree = _parser().parse(text)
    except VisitError as fault:
        if isinstance(fault.orig_exc, FormulaError):
            raise fault.orig_exc from None
        raise
    except FormulaError:
        raise
    except UnexpectedCharacters as fault:
        raise FormulaError(f"{text[fault.column - 1]!r} belongs to no formula", fault.column) from None
    except UnexpectedToken as fault:
        if fault.token.type == "$END":
            raise FormulaError(
                "the formula ends too early: a bracket or an operand is missing", len(text) + 1
            ) from None
        raise FormulaError(f"{str(fault.token)!r:.40} cannot stand here", fault.column) from None
    except UnexpectedEOF:
        raise FormulaError("the formula ends too early", len(text) + 1) from None
    formula = _as_formula(tree)
    _require_shallow(formula)
    return formula


def joined(words: str) -> str:
    """One name of several words: `bald eagle` and `bald-eagle` are BaldEagle."""
    first, *rest = re.split(r"[\s-]+", words.strip())
    return "".join((first[:1].upper() + first[1:] if rest else first, *(word[:1].upper() + word[1:] for word in rest)))


def _as_formula(read: Any) -> Formula:
    if isinstance(read, Variable | Function):
        raise FormulaError(f"{read.name} stands where a statement must stand")
    formula: Formula = read
    return formula


def _as_term(read: Any) -> Term:
    """A name was read as a statement without arguments until it turned out to be an argument itself."""
    if isinstance(read, Variable | Function):
        return read
    if isinstance(read, Atom):
        return Function(read.predicate, read.arguments)
    raise FormulaError("a formula stands where a name must stand")


def bound(node: Any, name: str) -> Any:
    """The node with a variable for each constant of this name."""
    match node:
        case Function(own, ()):
            return Variable(name) if own == name else node
        case Variable():
            return node
        case Function(own, arguments) | Atom(own, arguments):
            return type(node)(own, tuple(bound(argument, name) for argument in arguments))
        case ForAll(variable, body) | Exists(variable, body):
            return type(node)(variable, bound(body, name))
        case And(parts) | Or(parts):
            return type(node)(tuple(bound(part, name) for part in parts))
    return type(node)(*(bound(child, name) for child in children(node)))


def _require_shallow(formula: Formula) -> None:
    level: Sequence[Node] = (formula,)
    for _ in range(DEEPEST):
        level = [child for node in level for child in children(node)]
        if not level:
            return
    raise FormulaError(f"the formula is nested more than {DEEPEST} deep: write it as several statements")


def _quantify(quantifier: str, names: Sequence[str], body: Any) -> Formula:
    formula = _as_formula(body)
    _require_shallow(formula)
    for name in reversed(names):
        plain = name.lstrip("$?")
        formula = bound(formula, plain)
        formula = ForAll(plain, formula) if quantifier.lower() in UNIVERSAL else Exists(plain, formula)
    return formula


def _applied(name: str, arguments: Sequence[Any]) -> Formula:
    """A connective of the Forall(...) form, or a statement whose last argument may be its truth value."""
    lower = name.lower()
    if lower in ("forall", "exists") and len(arguments) == 2:
        return _quantify(lower, [_as_term(arguments[0]).name], arguments[1])
    if lower in CONNECTIVES and arguments and not all(isinstance(one, Variable) for one in arguments):
        count, build = CONNECTIVES[lower]
        if count in (0, len(arguments)):
            return build(*map(_as_formula, arguments))
    terms = tuple(map(_as_term, arguments))
    if lower == "atom" and terms and isinstance(terms[0], Function):
        name, terms = terms[0].name, terms[1:]
    if terms and isinstance(terms[-1], Function) and terms[-1].name.lower() in TRUTH:
        atom = Atom(name, terms[:-1])
        return atom if TRUTH[terms[-1].name.lower()] else Not(atom)
    return Atom(name, terms)


@cache
def _parser() -> Any:
    from lark import Lark, Token, Transformer, v_args

    @v_args(inline=True)
    class Build(Transformer[Token, Any]):
        """Builds the syntax tree while the text is being parsed, so that no second tree exists."""

        def start(self, formula: Any, *_: Token) -> Any:
            return formula

        def formula(self, *parts: Any) -> Formula:
            return _chain(Iff, parts)

        def implication(self, left: Any, _: Token, right: Any) -> Formula:
            return Implies(_as_formula(left), _as_formula(right))

        def exclusive(self, *parts: Any) -> Formula:
            return _chain(Xor, parts)

        def disjunction(self, *parts: Any) -> Formula:
            return Or(tuple(map(_as_formula, parts[::2])))

        def conjunction(self, *parts: Any) -> Formula:
            return And(tuple(map(_as_formula, parts[::2])))

        def negation(self, _: Token, body: Any) -> Formula:
            return Not(_as_formula(body))

        def quantified(self, quantifier: Token, names: list[str], *body: Any) -> Formula:
            return _quantify(quantifier, names, body[-1])

        def quantified_bracket(self, quantifier: Token, name: Token, body: Any) -> Formula:
            return _quantify(quantifier, [name], body)

        def variables(self, *names: Token) -> list[str]:
            return list(map(str, names))

        def comparison(self, left: Any, sign: Token, right: Any) -> Formula:
            equal = Equal(_as_term(left), _as_term(right))
            return Not(equal) if sign.type == "UNEQUAL" else equal

        def application(self, name: Token, *arguments: Any) -> Formula:
            return _applied(joined(name), arguments)

        def name(self, name: Token) -> Any:
            plain = name.strip("'\"")
            return Variable(plain[1:]) if plain[:1] in "$?" and plain[1:] else Atom(joined(plain))

        def joined(self, *names: Token) -> Atom:
            return Atom(joined(" ".join(names)))

    return Lark(GRAMMAR.read_text(encoding="utf-8"), parser="lalr", maybe_placeholders=False, transformer=Build())


def _chain(build: Callable[[Formula, Formula], Formula], parts: Sequence[Any]) -> Formula:
    """a op b op c, from the left; every second part is the sign."""
    formula = _as_formula(parts[0])
    for part in parts[2::2]:
        formula = build(formula, _as_formula(part))
    return formula

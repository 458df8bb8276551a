"""Statements and theories: formulas that may be rules, as a program has them."""

from dataclasses import dataclass
from typing import NamedTuple

from envs.logic.syntax import And, Atom, ForAll, Formula, Function, Implies, Not, Variable, closed


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

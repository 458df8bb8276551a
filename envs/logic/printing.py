"""Prints formulas: LADR for Prover9 and Mace4, TPTP for E, SMT-LIB for z3, and the rule form for people."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from envs.logic.statements import Literal, Rule, Statement, Theory
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
    Not,
    Or,
    Term,
    Variable,
    Xor,
    closed,
    symbols,
)

Spell = Callable[[str, str], str]  # from kind (p, f or v) and name to what is printed


def safe(kind: str, name: str) -> str:
    """An ASCII spelling that no prover takes for a variable or a keyword; different names stay different."""
    return f"{kind}_" + re.sub(r"[^A-Za-z0-9]", lambda sign: f"_{ord(sign[0]):x}_", name)


def plain(kind: str, name: str) -> str:
    """The name as it is."""
    return name


def upper(kind: str, name: str) -> str:
    """As `safe`, with variables in capitals, as TPTP wants them."""
    spelled = safe(kind, name)
    return f"V{spelled[1:]}" if kind == "v" else spelled


@dataclass(frozen=True, slots=True)
class Notation:
    """How one infix language writes its signs."""

    negation: str
    conjunction: str
    disjunction: str
    implies: str
    iff: str
    for_all: str
    exists: str
    spell: Spell

    def write(self, formula: Formula) -> str:
        """The formula, with a bracket around each part that has parts."""
        match formula:
            case Atom(name, arguments):
                return self._applied("p", name, arguments)
            case Equal(left, right):
                return f"({self.term(left)} = {self.term(right)})"
            case Not(body):
                return f"{self.negation}({self.write(body)})"
            case And(parts):
                return f"({f' {self.conjunction} '.join(map(self.write, parts))})"
            case Or(parts):
                return f"({f' {self.disjunction} '.join(map(self.write, parts))})"
            case Implies(left, right):
                return f"({self.write(left)} {self.implies} {self.write(right)})"
            case Iff(left, right):
                return f"({self.write(left)} {self.iff} {self.write(right)})"
            case Xor(left, right):
                return self.write(Not(Iff(left, right)))
            case ForAll(name, body):
                return self.for_all.format(self.spell("v", name), self.write(body))
            case Exists(name, body):
                return self.exists.format(self.spell("v", name), self.write(body))

    def term(self, term: Term) -> str:
        if isinstance(term, Variable):
            return self.spell("v", term.name)
        return self._applied("f", term.name, term.arguments)

    def _applied(self, kind: str, name: str, arguments: Sequence[Term]) -> str:
        spelled = self.spell(kind, name)
        return f"{spelled}({','.join(map(self.term, arguments))})" if arguments else spelled


def _ladr(spell: Spell) -> Notation:
    return Notation("-", "&", "|", "->", "<->", "(all {} {})", "(exists {} {})", spell)


LADR, READABLE = _ladr(safe), _ladr(plain)
TPTP = Notation("~", "&", "|", "=>", "<=>", "(! [{}] : {})", "(? [{}] : {})", upper)


def ladr(premises: Sequence[Formula], goal: Formula) -> str:
    """The input of Prover9 and Mace4."""
    given = "".join(f"{LADR.write(closed(premise))}.\n" for premise in premises)
    return f"formulas(assumptions).\n{given}end_of_list.\nformulas(goals).\n{LADR.write(closed(goal))}.\nend_of_list.\n"


def tptp(premises: Sequence[Formula], goal: Formula) -> str:
    """The input of E: premise i is named a{i}, the goal is named goal."""
    given = [f"fof(a{number},axiom,{TPTP.write(closed(premise))}).\n" for number, premise in enumerate(premises)]
    return f"{''.join(given)}fof(goal,conjecture,{TPTP.write(closed(goal))}).\n"


def smtlib(formulas: Sequence[Formula]) -> str:
    """One assertion a formula, over one sort of things, after the declarations of all names."""
    used = symbols(*formulas)
    lines = ["(declare-sort U 0)"]
    for kind, names, sort in (("p", used.predicates, "Bool"), ("f", used.functions, "U")):
        for name, arities in names.items():
            (arity,) = arities
            lines.append(f"(declare-fun {safe(kind, name)} ({' '.join(['U'] * arity)}) {sort})")
    return "\n".join([*lines, *(f"(assert {_smt(closed(formula))})" for formula in formulas)])


def _smt(node: Formula | Term) -> str:
    match node:
        case Variable(name):
            return safe("v", name)
        case Function(name, arguments):
            return _smt_applied(safe("f", name), arguments)
        case Atom(name, arguments):
            return _smt_applied(safe("p", name), arguments)
        case ForAll(name, body):
            return f"(forall (({safe('v', name)} U)) {_smt(body)})"
        case Exists(name, body):
            return f"(exists (({safe('v', name)} U)) {_smt(body)})"
        case Not(body):
            return f"(not {_smt(body)})"
        case And(parts):
            return _smt_applied("and", parts)
        case Or(parts):
            return _smt_applied("or", parts)
        case Implies(left, right):
            return _smt_applied("=>", (left, right))
        case Iff(left, right) | Equal(left, right):
            return _smt_applied("=", (left, right))
        case Xor(left, right):
            return _smt_applied("xor", (left, right))


def _smt_applied(head: str, arguments: Sequence[Formula | Term]) -> str:
    return f"({head} {' '.join(map(_smt, arguments))})" if arguments else head


def rule_text(rule: Rule) -> str:
    """A fact or rule in the rule form."""
    head = " && ".join(map(_literal_text, rule.head))
    return f"{' && '.join(map(_literal_text, rule.body))} >>> {head}" if rule.body else head


def _literal_text(literal: Literal) -> str:
    names = [f"${name[1:]}" if name.startswith("?") else name for name in literal.arguments]
    return f"{literal.predicate}({', '.join((*names, str(literal.positive)))})"


def program(theory: Theory) -> str:
    """The theory as a program: in the rule form where every statement is a rule, else as premises and conclusion."""
    if all(statement.rule for statement in theory.statements):
        rules = [statement.rule for statement in theory.premises if statement.rule]
        facts = "".join(f"{rule_text(rule)}\n" for rule in rules if not rule.body)
        others = "".join(f"{rule_text(rule)}\n" for rule in rules if rule.body)
        return f"Facts:\n{facts}Rules:\n{others}Query:\n{_statement_text(theory.conclusion)}"
    premises = "".join(f"{_statement_text(statement)}\n" for statement in theory.premises)
    return f"Premises:\n{premises}Conclusion:\n{_statement_text(theory.conclusion)}"


def _statement_text(statement: Statement) -> str:
    return rule_text(statement.rule) if statement.rule else READABLE.write(statement.formula)

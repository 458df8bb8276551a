"""Reads one fact or rule in the form `Kind($x, True) && Sees($x, Cat, False) >>> Red($x, True)`.

This form is regular, so that a pattern reads it, twenty times as fast as the grammar, which gets the rest.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from envs.logic.formulas import LONGEST, LOOSE, read_formula
from envs.logic.grammar import TRUTH, FormulaError, bound, joined, parse
from envs.logic.statements import Literal, Rule, Statement, rule_of
from envs.logic.syntax import Function, closed, nodes

LITERAL = re.compile(r"\s*(!|¬|~|-|not\s)?\s*([^\W\d_]\w*)\(([\w\s$,]+)\)\s*", re.IGNORECASE)


class Read(NamedTuple):
    """One statement of a rule, and what had to be repaired in it."""

    literal: Literal
    repairs: tuple[str, ...]


@lru_cache(maxsize=20_000)
def read_rule(text: str) -> Statement:
    """A fact or rule, its repairs told. Raises FormulaError."""
    sides = text.removesuffix(".").split(">>>")
    read = [[_literal(part, len(sides) == 2) for part in side.split("&&")] for side in sides]
    if len(sides) > 2 or len(text) > LONGEST or any(None in side for side in read):
        return _through_grammar(text)
    found = [[one for one in side if one] for side in read]
    body, head = (tuple([one.literal for one in side]) for side in (found[0] if len(sides) == 2 else [], found[-1]))
    repairs = [repair for side in found for one in side for repair in one.repairs]
    return Statement(Rule(body, head), repairs=tuple(dict.fromkeys(repairs)))


@lru_cache(maxsize=20_000)
def _literal(text: str, in_rule: bool) -> Read | None:
    """The statement that this text is; None when the pattern cannot tell."""
    match = LITERAL.fullmatch(text)
    if match is None:
        return None
    negation, predicate, inside = match.groups()
    names, repairs = [" ".join(name.split()) for name in inside.split(",")], []
    value = TRUTH.get(names[-1].lower())
    if value is None:
        repairs.append("a missing truth value taken for True")
    else:
        names.pop()
    if negation:
        repairs.append(f"{negation.strip()} taken for a negation")
    if not all(names):
        raise FormulaError("an argument is missing between two commas", match.start(3) + 1)
    arguments = tuple([_name(name, in_rule, repairs) for name in names])
    return Read(Literal(predicate, (value is not False) != bool(negation), arguments), tuple(repairs))


def _name(name: str, in_rule: bool, repairs: list[str]) -> str:
    if name[0] == "$":
        return f"?{name[1:]}"
    if LOOSE.fullmatch(name):
        if not in_rule:
            raise FormulaError(f"{name} stands for nothing in a fact: name who is meant")
        repairs.append(f"{name} taken for the variable ${name}")
        return f"?{name}"
    if " " in name:
        repairs.append("a name of several words joined")
        return joined(name)
    return name


def _through_grammar(text: str) -> Statement:
    if ">>>" not in text or len(text) > LONGEST:
        return read_formula(text)
    formula = parse(text)
    loose = sorted({node.name for node in nodes(formula) if isinstance(node, Function) and LOOSE.fullmatch(node.name)})
    for name in loose:
        formula = bound(formula, name)
    formula = closed(formula)
    return Statement(rule_of(formula), formula, tuple(f"{name} taken for the variable ${name}" for name in loose))

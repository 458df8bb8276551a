"""First-order formulas: compared by entailment both ways (z3) after their names are aligned."""

import re
from dataclasses import replace
from typing import Any

from envs.languages.base import Language, Malformed, Names, Symbols, words
from envs.logic.formulas import LOOSE, read_formula
from envs.logic.grammar import FormulaError
from envs.logic.printing import Notation, plain
from envs.logic.refuting import BUDGETS
from envs.logic.solver import Z3
from envs.logic.syntax import Atom, Exists, ForAll, Formula, Function, Not, children, symbols
from envs.logic.wording import name_stems

UNICODE = Notation("¬", "∧", "∨", "→", "↔", "(∀{} {})", "(∃{} {})", plain)


class FirstOrder(Language[Formula]):
    """Closed formulas in any usual notation, printed in Unicode. Predicates, functions and constants are symbols."""

    name = "fol"
    NAME = re.compile(r"[^\W_][\w']*(?:-[^\W_]\w*)*")
    reserved = words("all exists forall some every and or not iff implies xor true false atom equivalent")

    def __init__(self) -> None:
        self._prover = Z3()

    def _parse(self, text: str) -> Formula:
        lead = len(text) - len(text.lstrip())
        try:
            # Once more as it is printed: exclusive or is printed by what it abbreviates.
            return read_formula(self.print(read_formula(text.strip()).formula)).formula
        except FormulaError as fault:
            raise Malformed(str(fault), min(lead + fault.column - 1, len(text))) from None

    def print(self, tree: Formula) -> str:
        return UNICODE.write(tree)

    def equal(self, gold: Formula, tree: Formula) -> bool:
        """Whether each entails the other, names that differ in case, number or underscores taken for one.

        Formulas that z3 cannot decide within its budget are equal by form only.
        """
        tree = aligned(tree, gold)
        if gold == tree:
            return True
        if any(len(arities) > 1 for uses in symbols(gold, tree) for arities in uses.values()):
            return False
        return self._entails(gold, tree) and self._entails(tree, gold)

    def _entails(self, premise: Formula, conclusion: Formula) -> bool:
        statuses = (self._prover.refute([premise], [Not(conclusion)], budget)[0].status for budget in BUDGETS)
        return next((status for status in statuses if status != "unknown"), "unknown") == "unsat"

    def fault(self, tree: Formula) -> str:
        """Complains of a name that is used with different numbers of arguments."""
        uses = ((name, arities) for kind in symbols(tree) for name, arities in kind.items())
        return next((f"{name} has {' and '.join(map(str, sorted(n)))} arguments" for name, n in uses if len(n) > 1), "")

    def spells(self, kind: str, name: str) -> bool:
        return super().spells(kind, name) and not LOOSE.fullmatch(name) and name.lower() not in self.reserved

    def taken(self, tree: Formula) -> frozenset[str]:
        return frozenset(_bound(tree))

    def symbols(self, tree: Formula) -> Symbols:
        predicates, functions = symbols(tree)
        return {"predicate": frozenset(predicates), "function": frozenset(functions)}

    def _rename(self, tree: Formula, names: Names) -> Formula:
        renamed: Formula = _with_names(tree, names)
        return renamed

    def close(self) -> None:
        self._prover.close()


def aligned(tree: Formula, gold: Formula) -> Formula:
    """The formula with the gold one's spelling of names that differ in case, number, order of words or underscores."""
    names: dict[str, dict[str, str]] = {}
    for kind, own, wanted in zip(("predicate", "function"), symbols(tree), symbols(gold), strict=True):
        known = {(_key(name), arities): name for name, arities in wanted.items()}
        new = {name: known.get((_key(name), arities), name) for name, arities in own.items()}
        names[kind] = new if len(set(new.values())) == len(new) else {name: name for name in own}
    aligned_tree: Formula = _with_names(tree, names)
    return aligned_tree


def _key(name: str) -> tuple[str, ...]:
    return tuple(sorted(name_stems(name))) or (name.lower(),)


def _bound(root: Formula) -> set[str]:
    """The variables of quantifiers."""
    found: set[str] = set()
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ForAll | Exists):
            found.add(node.variable)
        waiting.extend(children(node))
    return found


def _with_names(node: Any, names: Names) -> Any:
    match node:
        case Function(name, arguments):
            return Function(names["function"][name], tuple(_with_names(one, names) for one in arguments))
        case Atom(name, arguments):
            return Atom(names["predicate"][name], tuple(_with_names(one, names) for one in arguments))
        case ForAll() | Exists() | Not():
            return replace(node, body=_with_names(node.body, names))
    if not children(node):
        return node
    if hasattr(node, "parts"):
        return replace(node, parts=tuple(_with_names(one, names) for one in node.parts))
    return replace(node, left=_with_names(node.left, names), right=_with_names(node.right, names))

"""LE, the paper's metric for first-order logic (Yang et al. 2023): truth tables over literals, quantifiers left out.

It is here to be compared with: wrong names still bind, and ∀ and ∃ are the same to it. Entailment both ways verifies.
"""

import itertools
from collections.abc import Mapping, Sequence

from envs.logic.formulas import read_formula
from envs.logic.grammar import FormulaError
from envs.logic.printing import READABLE
from envs.logic.syntax import And, Atom, Equal, Exists, ForAll, Formula, Iff, Implies, Not, Or, Xor

MOST_ATOMS, MOST_BINDINGS = 8, 1000


def le(gold: str, text: str) -> float:
    """Share of truth-table rows on which both agree under the best binding of their literals; 0 where one is unread."""
    try:
        one, other = (read_formula(formula.strip()).formula for formula in (gold, text))
    except FormulaError:
        return 0.0
    left, right = atoms(one), atoms(other)
    size = max(len(left), len(right))
    if size > MOST_ATOMS:
        return float(one == other)
    left += [f"left {number}" for number in range(size - len(left))]
    right += [f"right {number}" for number in range(size - len(right))]
    nearest = sorted(right, key=lambda name: min(distance(name, wanted) for wanted in left))
    rows = list(itertools.product((False, True), repeat=size))
    wanted = [holds(one, dict(zip(left, row, strict=True))) for row in rows]
    bindings = itertools.islice(itertools.permutations(nearest), MOST_BINDINGS)
    return max(_agreement(other, wanted, binding, rows) for binding in bindings)


def _agreement(
    formula: Formula, wanted: Sequence[bool], names: Sequence[str], rows: Sequence[tuple[bool, ...]]
) -> float:
    given = (holds(formula, dict(zip(names, row, strict=True))) for row in rows)
    return sum(map(bool.__eq__, wanted, given)) / len(rows)


def atoms(formula: Formula) -> list[str]:
    """The literals of a formula, each once, from left to right."""
    match formula:
        case Atom() | Equal():
            return [READABLE.write(formula)]
        case Not(body) | ForAll(_, body) | Exists(_, body):
            return atoms(body)
        case And(parts) | Or(parts):
            return list(dict.fromkeys(name for part in parts for name in atoms(part)))
    return list(dict.fromkeys([*atoms(formula.left), *atoms(formula.right)]))


def holds(formula: Formula, values: Mapping[str, bool]) -> bool:
    """Whether a formula is true, its quantifiers left out."""
    match formula:
        case Atom() | Equal():
            return values[READABLE.write(formula)]
        case Not(body):
            return not holds(body, values)
        case ForAll(_, body) | Exists(_, body):
            return holds(body, values)
        case And(parts):
            return all(holds(part, values) for part in parts)
        case Or(parts):
            return any(holds(part, values) for part in parts)
        case Implies(left, right):
            return not holds(left, values) or holds(right, values)
        case Iff(left, right):
            return holds(left, values) == holds(right, values)
        case Xor(left, right):
            return holds(left, values) != holds(right, values)
    raise AssertionError(formula)


def distance(one: str, other: str) -> int:
    """Edit distance."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        before, row[0] = row[0], number
        for place, wanted in enumerate(other, start=1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (letter != wanted))
    return row[-1]

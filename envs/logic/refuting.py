"""Classical entailment by refutation: the goal and its negation in turn, with growing budgets, by any prover."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from envs.logic.syntax import Formula, Not

BUDGETS = (100, 1_000, 5_000)  # in units of about a millisecond of z3


@dataclass(frozen=True, slots=True)
class Found:
    """unsat (the formulas contradict each other), sat (they have a model) or unknown, and what shows it."""

    status: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Prover(Protocol):
    """Whatever can tell whether formulas contradict each other."""

    name: str

    def refute(self, premises: Sequence[Formula], questions: Sequence[Formula], budget: int) -> list[Found]:
        """For each of the questions, whether the premises contradict it."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Entailment:
    """True, False, Unknown, Inconsistent or TimedOut, and what was found for the goal and for its negation."""

    answer: str
    goal: Found
    negation: Found


ANSWERS = {  # by (premises with the goal, premises with its negation)
    ("sat", "unsat"): "True",
    ("unsat", "sat"): "False",
    ("sat", "sat"): "Unknown",
    ("unsat", "unsat"): "Inconsistent",
}


def entails(prover: Prover, premises: Sequence[Formula], goal: Formula, budgets: Sequence[int] = BUDGETS) -> Entailment:
    """What the premises say of the goal.

    True needs a model of the premises beside the proof, so that nothing follows from a contradiction, and Unknown
    needs two models. A direction that is settled is not tried again.
    """
    found, sides = [Found("unknown"), Found("unknown")], (goal, Not(goal))
    for budget in budgets:
        left = [side for side in (0, 1) if found[side].status == "unknown"]
        for side, result in zip(left, prover.refute(premises, [sides[side] for side in left], budget), strict=True):
            found[side] = result
        if answer := ANSWERS.get((found[0].status, found[1].status)):
            return Entailment(answer, found[0], found[1])
    return Entailment("TimedOut", found[0], found[1])

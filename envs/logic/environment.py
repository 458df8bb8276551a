"""Checks logic programs: reads them, decides what follows, and compares that with the gold answer."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from envisions.records import Feedback, Outcome, Problem
from envs.base import InfrastructureError
from envs.logic.checking import Answer, Strictness, Verdict, audit, judge
from envs.logic.provers import E, Prover9
from envs.logic.refuting import Prover
from envs.logic.solver import Z3
from envs.logic.task import task_of

PROVERS: Mapping[str, Callable[[], Prover]] = {"z3": Z3, "E": E, "Prover9": Prover9}
BROKEN = (Answer.parse_error, Answer.type_error)


class LogicEnvironment:
    """Checks programs under the semantics of their problem. To be used by many threads at once.

    `problem.setup` has `semantics` and, for the alignment check, `context` and `asked`. `prover` decides first-order
    logic: z3, in a process of its own, which starts with the first such program; E; or Prover9. Raises
    InfrastructureError where the one that is asked for is not on this machine.
    """

    def __init__(self, strictness: Strictness | None = None, prover: str = "z3") -> None:
        self.strictness = strictness or Strictness()
        self.prover = PROVERS[prover]()
        self._auditor: Prover | None = None
        self._lock = threading.Lock()

    def start(self) -> dict[str, Any]:
        """Which prover decides first-order logic. A program is read, never executed."""
        return {"prover": self.prover.name}

    def execute(self, problem: Problem, program: str) -> Feedback:
        """Check one program against one problem. Raises InfrastructureError when a solver broke."""
        begun = time.perf_counter()
        verdict = judge(program, task_of(problem), self.prover, self.strictness)
        outcome = _outcome(verdict, problem.answer)
        return Feedback(
            outcome=outcome,
            output=None if verdict.answer in BROKEN else json.dumps(verdict.answer.value),
            error=said(verdict, outcome),
            seconds=time.perf_counter() - begun,
            evidence={
                "program_sha256": sha256(program.encode("utf-8", "surrogatepass")).hexdigest(),
                "value": verdict.answer.value,
                "message": verdict.message,
                "repairs": list(verdict.repairs),
                "measures": self._measures(verdict, problem.answer),
                **verdict.evidence,
            },
        )

    def audit(self, problem: Problem, program: str) -> Answer:
        """The answer of a second, independent backend. Raises InfrastructureError where there is none."""
        task = task_of(problem)
        return audit(program, task, self._second() if task.semantics == "fol" else self.prover)

    def close(self) -> None:
        """End the solver processes."""
        for prover in (self.prover, self._auditor):
            if prover:
                prover.close()

    def _measures(self, verdict: Verdict, gold: str) -> dict[str, bool]:
        """Beside the outcome, which asks for both: the right label, and that with every statement translated."""
        right = (verdict.proved or verdict.answer) == gold
        return {"label": right, "verified": right and verdict.proved is None} if self.strictness.aligned else {}

    def _second(self) -> Prover:
        """Another prover than the first."""
        with self._lock:
            for name, make in PROVERS.items():
                if self._auditor is None and name != self.prover.name:
                    with contextlib.suppress(InfrastructureError):
                        self._auditor = make()
            if self._auditor is None:
                raise InfrastructureError("there is no second prover to audit with: apt-get install eprover")
            return self._auditor


def said(verdict: Verdict, outcome: Outcome) -> str:
    """What is wrong with a program, for its refinement; the right answer is never in it."""
    if outcome is Outcome.accepted:
        return ""
    repaired = f" ({'; '.join(verdict.repairs)})" if verdict.repairs else ""
    return f"{verdict.answer}: {verdict.message}{repaired}"


def _outcome(verdict: Verdict, gold: str) -> Outcome:
    if verdict.answer in BROKEN:
        return Outcome.failed
    if verdict.answer is Answer.timed_out:
        return Outcome.timed_out
    return Outcome.accepted if verdict.answer.is_answer and verdict.answer == gold else Outcome.rejected

"""Judges what a model wrote in a symbol language: by meaning, or by what a solver makes of it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from envisions.records import Feedback, Outcome, Problem
from envs.languages.registry import LANGUAGES
from envs.logic.environment import LogicEnvironment
from envs.math.environment import MathEnvironment
from envs.sandbox.sandbox import SandboxConfig
from envs.symbols import honesty
from envs.symbols.checker import HOW, Checker

Check = Callable[["SymbolsEnvironment", Problem, str], Feedback]


class SymbolsEnvironment:
    """Checks texts against pairs. To be used by many threads at once.

    `problem.setup["check"]` names what decides: see CHECKS. Solvers start with the first text that needs them.
    """

    def __init__(self, sandbox: SandboxConfig | None = None) -> None:
        self.checker = Checker()
        self.math = MathEnvironment(sandbox)
        self.logic = LogicEnvironment()

    def start(self) -> Mapping[str, Any]:
        """Which languages are known, and the layers that confine programs. Raises InfrastructureError."""
        self.checker.start()
        return {"languages": list(LANGUAGES), **self.math.start(), **self.logic.start()}

    def execute(self, problem: Problem, program: str) -> Feedback:
        """The verdict on one text. Raises InfrastructureError when a solver or the machine broke."""
        if not program.strip():
            return Feedback(outcome=Outcome.failed, error="there is no text", evidence=evidence(program))
        begun = time.perf_counter()
        verdict = CHECKS[problem.setup["check"]](self, problem, program)
        return replace(verdict, seconds=time.perf_counter() - begun, evidence={**verdict.evidence, **evidence(program)})

    def close(self) -> None:
        """End the child, the sandboxes and the provers."""
        self.checker.close()
        self.math.close()
        self.logic.close()


def by_language(environment: SymbolsEnvironment, problem: Problem, text: str) -> Feedback:
    """In the word of the language: by meaning, tests, a plan, a scene or a database."""
    verdict = environment.checker.judge(problem, text)
    measures = {"measures": verdict["measures"]} if "measures" in verdict else {}
    return Feedback(
        outcome=Outcome(verdict["outcome"]), output=verdict.get("output"), error=verdict["error"], evidence=measures
    )


def answer(environment: SymbolsEnvironment, problem: Problem, text: str) -> Feedback:
    """Whether the Python function `solution` returns the answer, and computes it.

    `rounds` in the setup: arguments and answer, as often as the question can be asked with other numbers. A program
    without arguments is run again with other literals.
    """
    for given, wanted in problem.setup["rounds"]:
        posed = replace(problem, answer=wanted, setup={"inputs": given})
        verdict = environment.math.execute(posed, text)
        if verdict.outcome is not Outcome.accepted:
            return verdict
    if len(problem.setup["rounds"]) == 1:

        def run(program: str) -> Any:
            return environment.math.sandbox.run(program, args=dict(given)).value

        if fault := honesty.fault(text, problem.question, run):
            return replace(verdict, outcome=Outcome.rejected, error=fault)
    return verdict


def label(environment: SymbolsEnvironment, problem: Problem, text: str) -> Feedback:
    """The answer that follows from a logic program, whose every statement must translate the text."""
    return environment.logic.execute(replace(problem, answer=problem.setup["result"]), text)


def evidence(text: str) -> dict[str, str]:
    return {"program_sha256": sha256(text.encode("utf-8", "surrogatepass")).hexdigest()}


CHECKS: Mapping[str, Check] = {**dict.fromkeys(HOW, by_language), "answer": answer, "label": label}

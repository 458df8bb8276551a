"""Executes math programs: runs `solution()` in a sandbox and compares what it returns with the gold answer."""

import json
import threading
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from envisions.records import Feedback, Outcome, Problem
from envs.math.answers import GRADER, Opinion, compare
from envs.sandbox.sandbox import Run, Sandbox, SandboxConfig

BROKEN = ("wrong_type", "error", "memory", "killed", "output", "no_result")


class MathEnvironment:
    """Runs programs of the form `def solution(): ... return answer`. To be used by many threads at once.

    `problem.setup["inputs"]`, a mapping from names to JSON values, becomes the arguments of `solution`.
    `disputes` counts the answers on which the judges of envs.math.answers differed, by what each said; the evidence of
    each such answer has it too, under "dispute".
    """

    def __init__(self, sandbox: SandboxConfig | None = None) -> None:
        self.sandbox = Sandbox(sandbox)
        # The gold answer never enters the process that a program runs in, nor one it could inherit memory from.
        self.grader = Sandbox(GRADER)
        self.disputes: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def parallel(self) -> int:
        """How many programs run at once; further ones would wait."""
        return self.sandbox.config.parallel

    def start(self) -> dict[str, Any]:
        """The layers that confine programs here. Raises InfrastructureError where too few can be had."""
        return {"sandbox": list(self.sandbox.layers)}

    def execute(self, problem: Problem, program: str) -> Feedback:
        """Run one program against one problem. Raises InfrastructureError when the machine broke."""
        if not program.strip():
            return Feedback(
                outcome=Outcome.failed,
                error="there is no program: write `def solution():` and return the answer",
                evidence=evidence(program, None),
            )
        run = self.sandbox.run(program, call="solution", args=dict(problem.setup.get("inputs") or {}))
        outcome, error, dispute = self._verdict(run, problem.answer)
        return Feedback(
            outcome=outcome,
            output=json.dumps(run.value) if run.status == "ok" else None,
            error=error,
            seconds=run.seconds,
            evidence=evidence(program, run.value) | ({"dispute": dispute} if dispute else {}),
        )

    def close(self) -> None:
        """End both sandboxes and all that runs in them."""
        self.sandbox.close()
        self.grader.close()

    def _verdict(self, run: Run, gold: str) -> tuple[Outcome, str, Mapping[str, Opinion]]:
        if run.status == "timeout":
            return Outcome.timed_out, run.error, {}
        if run.status in BROKEN:
            return Outcome.failed, run.error, {}
        if run.value is None:
            return Outcome.failed, "solution() returned None: end it with `return` and the answer", {}
        same, dispute = compare(run.value, gold, self.grader)
        if dispute:
            with self._lock:
                self.disputes[", ".join(f"{judge}: {opinion}" for judge, opinion in dispute.items())] += 1
        if same is None:
            return Outcome.unverifiable, "the answer cannot be compared with the expected one", dispute
        return Outcome.accepted if same else Outcome.rejected, "", dispute


def evidence(program: str, value: Any) -> dict[str, Any]:
    return {"program_sha256": sha256(program.encode("utf-8", "surrogatepass")).hexdigest(), "value": value}

"""Provers that may be on this machine: E, and Prover9 with Mace4. Found on PATH or by setting, never bundled."""

import re
import shutil
import subprocess
from collections.abc import Sequence

from envs.base import InfrastructureError
from envs.logic.printing import ladr, tptp
from envs.logic.refuting import Found
from envs.logic.syntax import Formula, Not

SECONDS = 20.0  # of one call; its own budget ends it long before
MEMORY_MB = 512
SHOWN = 4_000  # characters of a proof or model
E_STATUS = {
    "Theorem": "unsat",
    "ContradictoryAxioms": "unsat",
    "Unsatisfiable": "unsat",
    "CounterSatisfiable": "sat",
    "Satisfiable": "sat",
}


class E:
    """The E prover. Raises InfrastructureError where there is none."""

    name = "E"

    def __init__(self, binary: str = "eprover") -> None:
        self.binary = located(binary, "apt-get install eprover")

    def refute(self, premises: Sequence[Formula], questions: Sequence[Formula], budget: int) -> list[Found]:
        """For each of the questions, whether the premises contradict it; it is given to E as a negated goal."""
        return [self._refute(premises, question, budget) for question in questions]

    def _refute(self, premises: Sequence[Formula], question: Formula, budget: int) -> Found:
        command = [self.binary, "--auto", "--silent", "--tstp-format", "--proof-object=1"]
        limits = [f"--processed-clauses-limit={2 * budget}", f"--memory-limit={MEMORY_MB}"]
        output = told([*command, *limits], tptp(premises, negated(question)))
        status = re.search(r"SZS status (\w+)", output)
        proof = re.search(r"SZS output start .*?\n(.*?)# SZS output end", output, re.DOTALL)
        return Found(E_STATUS.get(status[1] if status else "", "unknown"), {"proof": proof[1][:SHOWN]} if proof else {})

    def close(self) -> None:
        """Nothing runs between two calls."""


class Prover9:
    """Prover9 for contradictions, Mace4 for models. Raises InfrastructureError where either is missing."""

    name = "Prover9"

    def __init__(self, prover: str = "prover9", modeller: str = "mace4") -> None:
        remedy = "install Prover9 and Mace4 and put both on PATH, or name their files"
        self.prover, self.modeller = located(prover, remedy), located(modeller, remedy)

    def refute(self, premises: Sequence[Formula], questions: Sequence[Formula], budget: int) -> list[Found]:
        """For each of the questions, whether the premises contradict it."""
        return [self._refute(premises, question, budget) for question in questions]

    def _refute(self, premises: Sequence[Formula], question: Formula, budget: int) -> Found:
        text = ladr(premises, negated(question))
        output = told([self.prover], f"assign(max_given,{budget}).\nassign(max_megs,{MEMORY_MB}).\n{text}")
        if "THEOREM PROVED" in output:
            proof = re.search(r"PROOF =+\n(.*?)=+ end of proof", output, re.DOTALL)
            return Found("unsat", {"proof": proof[1][:SHOWN] if proof else ""})
        size = min(2 + budget // 500, 8)
        output = told([self.modeller], f"assign(end_size,{size}).\nassign(max_megs,{MEMORY_MB}).\n{text}")
        model = re.search(r"=+ MODEL =+\n(.*?)=+ end of model", output, re.DOTALL)
        return Found("sat", {"model": model[1][:SHOWN]}) if model else Found("unknown")

    def close(self) -> None:
        """Nothing runs between two calls."""


def negated(formula: Formula) -> Formula:
    """The opposite, without a second negation on top of one."""
    return formula.body if isinstance(formula, Not) else Not(formula)


def located(binary: str, remedy: str) -> str:
    """The file of a program on PATH."""
    found = shutil.which(binary)
    if found is None:
        raise InfrastructureError(f"{binary} is not on this machine: {remedy}")
    return found


def told(command: Sequence[str], text: str) -> str:
    """What a prover prints for this input; nothing when it had to be killed."""
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return ""
    except OSError as fault:
        raise InfrastructureError(f"{command[0]} cannot be run: {fault}") from None
    return done.stdout

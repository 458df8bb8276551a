"""The program of a solver process: z3 on SMT-LIB, one job a line, in and out as JSON. Ends with its input.

Formulas are data, so that no sandbox is needed: only limits, and somebody who can kill it.
"""

import json
import resource
import sys
from typing import Any

MEMORY = 2 << 30  # bytes of address space
SHOWN = 4_000  # characters of a countermodel


def main() -> None:
    import z3

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    say({"ready": z3.get_version_string()})
    context = z3.Context()
    for line in sys.stdin:
        job = json.loads(line)
        try:
            found = solve(z3, context, job["smtlib"], job["questions"], job["budget"])
        except (z3.Z3Exception, MemoryError) as fault:
            why = f"{type(fault).__name__}: {fault}"[:SHOWN]
            found = [{"status": "unknown", "evidence": {"why": why}}] * job["questions"]
        say({"found": found})
        context = z3.Context()  # of its own for each job, which sees no other; made while nobody waits


def solve(z3: Any, context: Any, smtlib: str, questions: int, budget: int) -> list[dict[str, Any]]:
    """For each of the last assertions, whether the others contradict it."""
    solver = z3.Solver(ctx=context)
    solver.set("rlimit", budget)  # deterministic, where a timeout would depend on the machine's load
    solver.set("random_seed", 0)
    assertions = list(z3.parse_smt2_string(smtlib, ctx=context))
    premises, asked = assertions[:-questions], assertions[-questions:]
    names = [z3.Bool(f"premise {number}", context) for number in range(len(premises) + 1)]
    for name, premise in zip(names, premises, strict=False):
        solver.assert_and_track(premise, name)
    found = []
    for question in asked:
        solver.push()
        solver.assert_and_track(question, names[-1])
        found.append(verdict(solver))
        solver.pop()
    return found


def verdict(solver: Any) -> dict[str, Any]:
    """unsat with the assertions used, sat with a model, or unknown."""
    status = str(solver.check())
    evidence: dict[str, Any] = {}
    if status == "unsat":
        evidence["used"] = sorted(int(str(name).strip("|").split()[1]) for name in solver.unsat_core())
    elif status == "sat":
        evidence["model"] = solver.model().sexpr()[:SHOWN]
    else:
        evidence["why"] = solver.reason_unknown()
    return {"status": status, "evidence": evidence}


def say(reply: dict[str, Any]) -> None:
    print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()

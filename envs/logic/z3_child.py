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
    for line in sys.stdin:
        job = json.loads(line)
        try:
            say(solve(z3, job["smtlib"], job["budget"]))
        except (z3.Z3Exception, MemoryError) as fault:
            say({"status": "unknown", "evidence": {"why": f"{type(fault).__name__}: {fault}"[:SHOWN]}})


def solve(z3: Any, smtlib: str, budget: int) -> dict[str, Any]:
    """unsat with the assertions used, sat with a model, or unknown. A context of its own: no job sees another's."""
    context = z3.Context()
    solver = z3.Solver(ctx=context)
    solver.set("rlimit", budget)  # deterministic, where a timeout would depend on the machine's load
    solver.set("random_seed", 0)
    for number, assertion in enumerate(z3.parse_smt2_string(smtlib, ctx=context)):
        solver.assert_and_track(assertion, z3.Bool(f"premise {number}", context))
    status = str(solver.check())
    evidence: dict[str, Any] = {}
    if status == "unsat":
        evidence["used"] = sorted(int(str(name).strip("|").split()[1]) for name in solver.unsat_core())
    elif status == "sat":
        evidence["model"] = str(solver.model())[:SHOWN]
    else:
        evidence["why"] = solver.reason_unknown()
    return {"status": status, "evidence": evidence}


def say(reply: dict[str, Any]) -> None:
    print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()

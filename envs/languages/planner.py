"""Plans: found by Fast Downward in a process group of its own, and validated by unified-planning."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from envs.base import InfrastructureError
from envs.languages.base import ExecutionError

SECONDS = 20.0  # of one search
MEMORY = "1G"
SOLVED, UNSOLVABLE = (0, 1, 2, 3), (10, 11, 12)  # exit codes: https://www.fast-downward.org/ExitCodes
LOCK = threading.Lock()  # unified-planning has one environment for all
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}


@cache
def driver() -> Path:
    """Fast Downward's driver, which up-fast-downward brings."""
    found = find_spec("up_fast_downward")
    if found is None or found.origin is None:
        raise InfrastructureError("Fast Downward is not installed: pip install up-fast-downward")
    return Path(found.origin).parent / "downward" / "fast-downward.py"


def plan(domain: str, problem: str, seconds: float = SECONDS) -> str | None:
    """The first plan that LAMA finds, an action a line; None when there is none. Raises ExecutionError."""
    with tempfile.TemporaryDirectory(prefix="plan-") as name:
        folder = Path(name)
        (folder / "domain.pddl").write_text(domain, encoding="utf-8")
        (folder / "problem.pddl").write_text(problem, encoding="utf-8")
        command = [sys.executable, str(driver()), "--plan-file", "plan", "--overall-memory-limit", MEMORY]
        command += ["--overall-time-limit", f"{seconds:g}s", "--alias", "lama-first", "domain.pddl", "problem.pddl"]
        code, told = _finished(command, folder, seconds)
        if code in SOLVED and (folder / "plan").exists():
            lines = (folder / "plan").read_text(encoding="utf-8").splitlines()
            return "\n".join(line for line in lines if not line.startswith(";"))
        if code in UNSOLVABLE:
            return None
        raise ExecutionError(
            f"Fast Downward found no plan within {seconds:g} s: exit code {code} {told[-200:]}".strip()
        )


def _finished(command: list[str], folder: Path, seconds: float) -> tuple[int | None, str]:
    """Exit code and last words; no exit code where it had to be killed, with all that it had started."""
    with subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            told, _ = process.communicate(timeout=seconds + 10)
            return process.returncode, told.decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)


def is_valid(domain: str, problem: str, plan: str) -> bool:
    """Whether a plan reaches the goal of a problem. Raises ExecutionError where unified-planning cannot read them."""
    import unified_planning as up
    from unified_planning.io import PDDLReader

    with LOCK, warnings.catch_warnings(action="ignore"):
        up.environment.GLOBAL_ENVIRONMENT = (
            None  # a new one: the old keeps every expression, and the reader knows no other
        )
        environment = up.environment.get_environment()
        environment.error_used_name = False  # floor-tile gives one name to a predicate and an action
        try:
            read: Any = PDDLReader().parse_problem_string(domain, problem)
            steps = PDDLReader().parse_plan_string(read, plan)
            with environment.factory.PlanValidator(name="sequential_plan_validator") as validator:
                return bool(validator.validate(read, steps).status == up.engines.ValidationResultStatus.VALID)
        except Exception as fault:  # it fails in many ways on a text that is no problem or no plan
            raise ExecutionError(f"unified-planning cannot check it: {type(fault).__name__} {fault}"[:300]) from None

"""What one check of the machine saw, and trying what may crash or hang in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw. `remedy` is for the user to do; empty where nothing is wrong."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def finding(name: str, ok: bool, detail: str, remedy: str) -> Finding:
    return Finding(name, ok, detail, "" if ok else remedy)


class Tried(NamedTuple):
    """How a process ended: exit code (None: killed at its deadline), what it printed, what it complained of."""

    code: int | None
    output: str
    errors: str
    seconds: float

    @property
    def complaint(self) -> str:
        """One line on why it failed."""
        if self.code is None:
            return f"gave no answer within {self.seconds:.0f} s"
        lines = self.errors.strip().splitlines()
        return lines[-1][:300] if lines else f"ended with exit code {self.code}"


Attempt = Callable[[str, float], Tried]


def attempt(code: str, seconds: float) -> Tried:
    """Run Python code in a process of its own, which is killed with its whole group after `seconds`."""
    begun = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
            return Tried(process.returncode, output, errors, time.monotonic() - begun)
        except subprocess.TimeoutExpired:
            return Tried(None, "", "", time.monotonic() - begun)
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)

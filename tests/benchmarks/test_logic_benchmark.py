"""The logic benchmark measures every backend that is installed, in sizes too small to mean anything."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_the_logic_benchmark_has_a_line_for_every_backend() -> None:
    command = [sys.executable, "benchmarks/logic.py", "6"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    measured = {line["backend"] for line in lines if "backend" in line}
    assert {"chaining, whole check", "clingo, whole check", "clingo alone", "z3"} <= measured
    assert {"rules, 2 processes at once", "first-order, 2 processes at once"} <= measured
    assert all(line["per_s"] >= 0 for line in lines if "backend" in line)
    assert all(line["missing"] for line in lines if "backend" not in line)

"""The sandbox benchmark runs every design, in sizes too small to measure anything, on programs that are right."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = "def solution():\n    step1 = 16 - 3 - 4\n    step2 = step1*2\n    return step2"


@pytest.mark.timeout(600)
def test_the_sandbox_benchmark_writes_every_figure(tmp_path: Path) -> None:
    to = tmp_path / "sandbox.json"
    command = [sys.executable, "benchmarks/sandbox.py", "--quick", "--to", str(to)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=580, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(to.read_text())
    assert {"date", "versions", "hardware", "settings"} < found.keys()
    assert {"zygote", "without_layers", "bare_fork", "exec", "process_pool", "ray_workers"} < found["designs"].keys()
    assert bool(shutil.which("bwrap")) or found["not_run"]["bubblewrap"] == "bwrap not found"
    for design in found["designs"].values():
        assert design["programs_per_second"] > 0
        assert 0 < design["p50_ms"] <= design["p99_ms"]
    assert all(goal["reached"] > 0 for goal in found["goals"])
    assert len(found["goals"]) == 6


def test_notes_become_a_program_whose_steps_build_on_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from annotations import is_right, noted

    task = noted("She has 16 - 3 - 4 = <<16 - 3 - 4=9>>9 eggs.\nShe makes 9*2 = $<<9*2=18>>18.\n#### 18")
    assert task is not None
    assert (task.program, task.answer) == (PROGRAM, 18)
    assert is_right(task)
    assert noted("There is nothing to reckon.\n#### 18") is None
    wrong = noted("So <<16-3=13>>13.\n#### 18")
    assert wrong is not None
    assert not is_right(wrong)

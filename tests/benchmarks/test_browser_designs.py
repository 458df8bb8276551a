"""The browser benchmark runs its designs, in sizes too small to measure anything; every episode must succeed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_the_browser_benchmark_writes_every_figure(tmp_path: Path) -> None:
    to = tmp_path / "browser.json"
    command = [sys.executable, "benchmarks/browser.py", "--quick", "--to", str(to)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=580, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(to.read_text())
    assert {"date", "versions", "hardware", "settings", "browser"} < found.keys()
    ours = {f"ours_{pages}_pages" for pages in (1, 2, 4, 8)}
    assert ours | {"page_per_episode_1_at_once", "browser_per_episode_4_at_once"} < found["designs"].keys()
    for design in found["designs"].values():
        assert design["episodes_per_second"] > 0
        assert design["memory_mib"] > 50
    assert all(goal["reached"] > 0 for goal in found["goals"])
    assert {"ours", "browser_per_episode"} <= {
        name for goal in found["goals"] for name in (goal["designs"], goal["of"])
    }

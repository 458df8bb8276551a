"""The benchmark runs from end to end, in sizes too small to measure anything."""

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

ROOT = Path(__file__).parents[2]


def left(marker: str) -> list[str]:
    """The processes that still carry the marker in their environment."""
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.environ().get("BENCHMARK_TEST") == marker and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.info["name"])
        except psutil.Error:  # ended meanwhile, or another user's
            continue
    return found


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_engines_benchmark_writes_every_figure_and_leaves_no_process(tmp_path: Path) -> None:
    marker, to = uuid4().hex, tmp_path / "engines.json"
    environment = {"BENCHMARK_TEST": marker, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "benchmarks/engines.py", "--quick", "--to", str(to)]
    ran = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=1400, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert not left(marker)
    found = json.loads(to.read_text())
    assert {"date", "quick", "versions", "hardware", "model", "settings"} < found.keys()
    assert {"cpu", "cores"} < found["hardware"].keys()

    generation = found["generation"]
    assert generation["identical"][0] == generation["identical"][1] > 0
    assert generation["tokens_per_second"].keys() == {"bare", "bare_all_cores", "actors", "actors_and_sandbox"}
    assert generation["ratio"]["actors"] > 0

    learner = found["learner"]
    assert learner["tokens_per_second"].keys() == {"learner", "full_rows", "padded", "without_deepspeed"}
    assert learner["ratio"].keys() == learner["share_of_padding"].keys() >= learner["goal"].keys()
    assert 0 < learner["share_of_matrix_product"]["learner"] < 1

    seconds = found["update"]["seconds"]
    assert seconds["actor"].keys() == {"whole", "fingerprint", "reload", "canaries", "message"}
    assert seconds["bare"].keys() == {"whole", "pause", "reload_weights", "reset_prefix_cache", "resume"}

    iteration = found["orchestration"]
    assert iteration["seconds"] == pytest.approx(sum(stage["seconds"] for stage in iteration["stages"].values()))
    for stage in iteration["stages"].values():
        assert stage["seconds"] == pytest.approx(sum(stage[part] for part in ("engine", "learner", "load", "rest")))
    assert 0 < iteration["share"] < 1
    assert generation["ratio"].keys() >= generation["goal"].keys()
    for title in ("generation", "learner", "update", "orchestration"):
        assert title in ran.stdout

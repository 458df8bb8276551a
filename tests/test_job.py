"""`ray start --head` and `ray job submit`, with Ray's token authentication on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_end_to_end import ROOT, SMALL

BIN = Path(sys.executable).parent


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_submitted_job_trains_and_keeps_its_run_outside_the_copy_of_the_code(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= {"HOME": str(tmp_path), "PATH": f"{BIN}:{os.environ['PATH']}", "RAY_AUTH_MODE": "token"}
    ports = ["--port=6391", "--dashboard-port=8291"]

    def ray(*words: str, seconds: float = 60) -> str:
        done = subprocess.run(
            [str(BIN / "ray"), *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    ray("get-auth-token", "--generate")
    ray("start", "--head", *ports)
    try:
        train = ["python", "-m", "envisions", "train", "examples/laptop.toml", *SMALL]
        address = "--address=http://127.0.0.1:8291"
        printed = ray("job", "submit", address, "--working-dir", ".", "--", *train, seconds=480)
    finally:
        ray("stop", "--force")
    assert "succeeded" in printed
    run = tmp_path / "envisions" / "runs" / "laptop"
    assert (run / "report.jsonl").read_text().count("\n") == 3
    assert (run / "weights" / "0" / "model.safetensors").exists()

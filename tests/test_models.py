"""The loop is not made for one architecture: tiny random models of three go through all of it, with every real part.

A random model writes no right program, so it is its own judge: it explores, is scored, learns to prefer, is loaded
and proves its weights, and is tested, twice over.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import tiny_model_of

from learner.weights import fingerprint

ROOT = Path(__file__).parent.parent
SMALL = (
    "run.strategy=self-rewarding-likelihood",
    "run.iterations=2",
    "world.problems=8",
    "world.train.count=16",
    "world.test.stories.count=4",
    "explore.samples=4",
    "explore.max_tokens=16",
    "learn.dpo.rate=1e-3",
    "learn.precision=fp32",
    "engine.dtype=float32",
)


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("family", ["llama", "qwen2", "gpt_neox"])
def test_a_random_model_of_any_family_goes_through_the_loop(family: str, tmp_path: Path) -> None:
    model = tiny_model_of(family, tmp_path / "model")
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "envisions", "train", "examples/laptop.toml", f"run.folder={folder}"]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    done = subprocess.run(
        [*command, f"run.model={model}", *SMALL],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1400,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    base, first, second = [json.loads(line) for line in (folder / "report.jsonl").read_text().splitlines()]
    assert first["lessons"]["pairs"] > 0
    assert first["lessons"]["right"] == 0
    assert len({fingerprint(folder / "weights" / str(version)) for version in range(3)}) == 3
    assert json.loads((folder / "weights" / "2" / "config.json").read_text())["model_type"] == family
    assert second["accuracy"]["stories"]["n"] == base["accuracy"]["stories"]["n"] == 4

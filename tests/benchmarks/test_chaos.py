"""The chaos benchmark: its books see what is missing, and a few faults change nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envisions.records import AttemptKey, Candidate, Feedback, Outcome, Problem, Trajectory
from pool.store import Store

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import chaos  # noqa: E402

PROBLEM = Problem(id="p", world="math", question="?", answer="1", split="train")


def attempt(slot: int, kind: str) -> Trajectory:
    return Trajectory(
        key=AttemptKey("run", 1, "p", slot, kind),
        problem=PROBLEM,
        candidate=Candidate(text="", tokens=(1,), logprob=-1.0, weights=0, seed=slot, finish="stop"),
        program=f"{slot}{kind}",
        feedback=Feedback(outcome=Outcome.rejected),
    )


def test_the_books_balance_only_where_every_attempt_of_a_finished_problem_is_there(tmp_path: Path) -> None:
    assert chaos.books(tmp_path) == ({}, [])
    whole = [attempt(slot, kind) for slot in range(chaos.SAMPLES) for kind in ("explore", "refine")]
    for name, kept, faults in (("whole", whole, 0), ("torn", whole[:-1], 1), ("short", whole[2:], 1)):
        (tmp_path / name).mkdir()
        with Store(tmp_path / name / "memory.sqlite") as store:
            store.add(PROBLEM, kept)
        outcomes, wrong = chaos.books(tmp_path / name)
        assert outcomes == {"rejected": len(kept)}
        assert len(wrong) == faults


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_few_faults_lose_and_double_nothing(tmp_path: Path) -> None:
    told = tmp_path / "chaos.json"
    sizes = ["--faults", "7", "--iterations", "2", "--problems", "30", "--to", str(told)]
    command = [sys.executable, str(ROOT / "benchmarks" / "chaos.py"), *sizes]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment["PYTHONPATH"] = str(ROOT)
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=850)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    seen = json.loads(told.read_text())["chaos"]
    assert (seen["lost"], seen["differ"], seen["orphans"], seen["against the law"]) == (0, 0, [], [])

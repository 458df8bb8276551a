"""`envisions train` with every real part: Ray, vLLM, the sandbox, SQLite, DeepSpeed, and the base model that ships.

One run is the measure; the others are disturbed or placed differently and must come to the very same lessons.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parent.parent
SMALL = (
    "world.problems=16",
    "world.train.count=40",
    "world.test.stories.count=12",
    "explore.samples=3",
    "run.iterations=2",
    "actors.generator.cores=0.5",
)
SECONDS = 280


class Run:
    """A training in a process of its own."""

    def __init__(self, folder: Path, *overrides: str) -> None:
        self.folder = folder
        self.log = folder.with_suffix(".log")
        command = [sys.executable, "-m", "envisions", "train", "examples/laptop.toml", f"run.folder={folder}"]
        environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, *SMALL, *overrides], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )

    def wait(self) -> None:
        try:
            code = self.process.wait(SECONDS)
        finally:
            self.stop()
        assert code == 0, self.log.read_text()[-3000:]

    def stop(self) -> None:
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()

    def until(self, text: str) -> None:
        """Wait until the run prints this."""
        end = time.monotonic() + SECONDS
        while text not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < end, f"no {text!r} within {SECONDS} s: {self.log.read_text()[-2000:]}"
            time.sleep(0.05)

    def pid(self, kind: str) -> int:
        return int(json.loads((self.folder / "logs" / "actors.json").read_text())[kind][0]["pid"])

    def rows(self, query: str) -> list[tuple]:
        with sqlite3.connect(self.folder / "memory.sqlite") as db:
            return db.execute(query).fetchall()

    def lessons(self) -> list[tuple]:
        """Everything that was learnt, but for the name of the run."""
        return self.rows(
            "SELECT l.iteration, l.rank, l.kind, r.problem, r.slot, r.kind, r.program, w.program FROM lessons l "
            "JOIN attempts r ON r.row = l.right_row LEFT JOIN attempts w ON w.row = l.wrong_row ORDER BY 1, 2"
        )

    def reports(self) -> list[dict]:
        return [json.loads(line) for line in (self.folder / "report.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("runs") / "undisturbed")
    run.wait()
    return run


@pytest.mark.timeout(SECONDS + 20)
def test_the_loop_trains_on_real_engines_and_leaves_a_readable_run(undisturbed: Run) -> None:
    actors = json.loads((undisturbed.folder / "logs" / "actors.json").read_text())
    assert all("seccomp" in worker["sandbox"] for worker in actors["environment"])
    base, first, second = undisturbed.reports()
    assert base["accuracy"]["stories"]["n"] == 12
    assert first["attempts"] == second["attempts"] == 16 * 3 * 2
    assert sum(first["outcomes"].values()) == first["attempts"]
    assert first["lessons"]["right"] > 0
    assert second["weights"]["version"] == 2
    assert base["weights"]["fingerprint"] != first["weights"]["fingerprint"] != second["weights"]["fingerprint"]
    for name in ("run.toml", "report.html", "memory.sqlite", "weights/2/model.safetensors", "logs"):
        assert (undisturbed.folder / name).exists()
    steps = undisturbed.rows("SELECT COUNT(DISTINCT lesson) FROM steps WHERE iteration = 1")
    assert steps == undisturbed.rows("SELECT COUNT(*) FROM lessons WHERE iteration = 1")


@pytest.mark.timeout(2 * SECONDS)
def test_the_death_of_any_actor_loses_and_doubles_nothing(undisturbed: Run, tmp_path: Path) -> None:
    run = Run(tmp_path / "killed")
    run.until("explore 1")
    for kind in ("environment", "service", "memory"):
        os.kill(run.pid(kind), signal.SIGKILL)
        time.sleep(2)
    run.until("learn 1")
    os.kill(run.pid("learner"), signal.SIGKILL)
    run.until("explore 2")
    engine = psutil.Process(run.pid("generator")).children(recursive=True)[0]
    engine.kill()
    run.wait()
    assert run.lessons() == undisturbed.lessons()
    count = "SELECT iteration, kind, COUNT(*), COUNT(DISTINCT problem || '/' || slot) FROM attempts GROUP BY 1, 2"
    assert run.rows(count) == undisturbed.rows(count)
    assert [r["accuracy"] for r in run.reports()] == [r["accuracy"] for r in undisturbed.reports()]


@pytest.mark.timeout(2 * SECONDS)
def test_a_killed_run_is_resumed_to_the_same_end(undisturbed: Run, tmp_path: Path) -> None:
    run = Run(tmp_path / "resumed")
    run.until("learn 1")
    run.stop()
    run.process.wait(30)
    again = Run(run.folder)
    again.wait()
    assert again.lessons() == undisturbed.lessons()


@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize(
    "counts",
    [
        ("actors.environment.count=4", "actors.environment.cores=0.05", "actors.service.count=2"),
        pytest.param(("actors.generator.count=2", "actors.generator.cores=0.3"), marks=pytest.mark.slow),
    ],
    ids=["4-environments-2-services", "2-generators"],
)
def test_the_number_of_actors_does_not_change_the_lessons(
    undisturbed: Run, tmp_path: Path, counts: tuple[str, ...]
) -> None:
    run = Run(tmp_path / "placed", *counts)
    run.wait()
    assert run.lessons() == undisturbed.lessons()

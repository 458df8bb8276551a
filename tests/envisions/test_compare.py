"""Comparing runs: the planted winner is named, and equal runs are called equal."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from envisions import cli, compare
from envisions.bootstrap import paired_difference
from envisions.records import (
    Accuracy,
    AttemptKey,
    Candidate,
    Feedback,
    IterationReport,
    Outcome,
    Problem,
    Trajectory,
    Weights,
)
from pool.store import Store

PROBLEMS = 100


def run(folder: Path, accuracies: tuple[float, ...], *, seed: int = 1, pairs: int = 2) -> Path:
    """A finished run whose test problems, of unlike difficulty, are right as often as `accuracies` say."""
    folder.mkdir()
    text = f'[run]\nname = "{folder.name}"\nseed = {seed}\n[select]\npairs = {pairs}\n'
    (folder / "run.toml").write_text(text)
    easy = random.Random("difficulty")
    ease = [easy.uniform(-0.3, 0.3) for _ in range(PROBLEMS)]
    dice = random.Random(f"{folder.name}/{seed}")
    with Store(folder / "memory.sqlite") as store:
        for iteration, accuracy in enumerate(accuracies):
            right = [dice.random() < accuracy + ease[index] for index in range(PROBLEMS)]
            for index, is_right in enumerate(right if iteration else ()):
                store.add(*attempt(folder.name, iteration, index, is_right))
            store.commit(report(iteration, sum(right) / PROBLEMS))
    return folder


def attempt(name: str, iteration: int, index: int, is_right: bool) -> tuple[Problem, list[Trajectory]]:
    problem = Problem(id=f"p{index}", world="toy", question=f"q{index}", answer="1", split="held-out")
    trajectory = Trajectory(
        key=AttemptKey(name, iteration, problem.id, 0, "evaluate"),
        problem=problem,
        candidate=Candidate(text="", tokens=(), logprob=0.0, weights=0, seed=0, finish="stop"),
        program="",
        feedback=Feedback(outcome=Outcome.accepted if is_right else Outcome.rejected),
    )
    return problem, [trajectory]


def report(iteration: int, accuracy: float) -> IterationReport:
    return IterationReport(
        iteration=iteration,
        weights=Weights(version=iteration, path="", fingerprint="ab" * 32),
        accuracy={"held-out": Accuracy(value=accuracy, n=PROBLEMS)},
        attempts=100 * iteration,
        tokens={"sampled": 1000 * iteration, "trained": 500},
        seconds={"explore": 60.0 * iteration},
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    at = tmp_path_factory.mktemp("runs")
    return {
        "plain": [run(at / f"plain-{seed}", (0.3, 0.5), seed=seed, pairs=0) for seed in (1, 2, 3)],
        "paired": [run(at / f"paired-{seed}", (0.3, 0.7), seed=seed) for seed in (1, 2, 3)],
    }


def arms(*runs: Path) -> list[compare.Arm]:
    return compare.arms([compare.read(one) for one in runs])


def test_the_planted_winner_is_named(folders: dict[str, list[Path]]) -> None:
    found = arms(*folders["plain"], *folders["paired"])
    assert [(arm.name, len(arm.runs)) for arm in found] == [("plain-1", 3), ("paired-1", 3)]
    (verdict,) = compare.verdicts(found)
    assert str(verdict).startswith("held-out: paired-1 is ahead of plain-1 by ")
    assert 0.1 < verdict.difference.value < 0.3
    assert verdict.difference.problems == PROBLEMS


def test_two_runs_of_the_same_configuration_show_no_difference(folders: dict[str, list[Path]]) -> None:
    found = arms(*folders["paired"][:2])
    (verdict,) = compare.verdicts(found)
    assert str(verdict).startswith("held-out: no difference between paired-1 and paired-2")
    assert "All runs have the same configuration" in " ".join(compare.notes(found))
    (same,) = compare.verdicts(arms(folders["paired"][0], folders["paired"][0]))
    assert same.difference[:3] == (0, 0, 0)


def test_only_the_settings_that_differ_are_listed(folders: dict[str, list[Path]]) -> None:
    assert compare.differing(arms(*folders["plain"], *folders["paired"])) == {"select.pairs": [0, 2]}


def test_the_cost_is_that_of_a_run(folders: dict[str, list[Path]]) -> None:
    (arm, _) = arms(*folders["plain"], *folders["paired"])
    assert compare.costs(arm) == {"tokens sampled": 1000, "tokens trained": 1000, "seconds": 60, "executions": 100}


def test_the_command_prints_the_tables_and_writes_the_page(folders: dict[str, list[Path]], tmp_path: Path) -> None:
    names = [str(one) for one in (*folders["plain"], *folders["paired"])]
    result = CliRunner().invoke(
        cli.app, ["compare", *names, "--to", str(tmp_path / "page.html")], catch_exceptions=False
    )
    assert "select.pairs" in result.output
    assert "is ahead of" in result.output
    page = (tmp_path / "page.html").read_text()
    assert page.count("<figure>") == 1
    assert "paired-1 is ahead of plain-1" in page


def test_what_is_no_run_or_has_not_begun_is_refused(tmp_path: Path) -> None:
    with pytest.raises(compare.FolderError, match=r"has no run\.toml"):
        compare.read(tmp_path)
    with pytest.raises(compare.FolderError, match="no finished iteration"):
        compare.read(run(tmp_path / "new", ()))


def test_seeds_that_disagree_make_the_interval_wider() -> None:
    low, high = [0.0] * 50, [1.0] * 50
    mixed = paired_difference([low, high], [low, high])
    assert mixed.low < -0.9 < 0.9 < mixed.high
    assert not mixed.is_real
    assert paired_difference([low], [high]).is_real


def test_pairing_finds_a_small_steady_gain_that_difficulty_would_hide() -> None:
    dice = random.Random(0)
    first = [float(dice.random() < 0.5) for _ in range(400)]
    second = [1.0 if index % 20 == 0 else score for index, score in enumerate(first)]
    found = paired_difference([first], [second])
    assert found.is_real
    assert 0.005 < found.low < found.value < found.high < 0.06
    assert paired_difference([first], [second]) == found
    with pytest.raises(ValueError, match="nothing to compare"):
        paired_difference([[]], [[]])


def test_reports_of_unlike_length_are_said_to_be(folders: dict[str, list[Path]]) -> None:
    short = compare.read(folders["plain"][0])
    found = compare.arms([replace_reports(short), compare.read(folders["paired"][0])])
    assert "Not all runs are equally long" in " ".join(compare.notes(found))


def replace_reports(one: compare.Run) -> compare.Run:
    return one._replace(reports=[replace(one.reports[0])])

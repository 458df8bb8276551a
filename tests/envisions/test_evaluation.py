"""Rows of an evaluation: what counts, in which group, with what interval."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from test_loop import config, model, train  # noqa: F401 - model is a fixture
from typer.testing import CliRunner

from actors.evaluation import EvaluateConfig
from envisions import cli, folder
from envisions.config import RunConfig
from envisions.evaluation import latex, lines, rows, table
from envisions.records import AttemptKey, Candidate, Feedback, Outcome, Problem, Trajectory
from envs.logic.sources import grouped
from envs.math import formats
from pool.store import Store

RIGHT, WRONG = Outcome.accepted, Outcome.rejected


def attempts(name: str, *outcomes: Outcome, test_set: str = "set", **groups: str) -> list[Trajectory]:
    setup = {"groups": groups} if groups else {}
    problem = Problem(id=name, world="toy", question="?", answer="1", split=test_set, setup=setup)
    return [
        Trajectory(
            key=AttemptKey("run", 0, name, slot, "evaluate"),
            problem=problem,
            candidate=Candidate(text="", tokens=(), logprob=0.0, weights=0, seed=0, finish="stop"),
            program="",
            feedback=Feedback(outcome=outcome),
        )
        for slot, outcome in enumerate(outcomes)
    ]


def test_each_test_set_and_each_group_of_its_problems_has_a_row() -> None:
    tried = [
        *attempts("a", RIGHT, level="Level 2"),
        *attempts("b", WRONG, level="Level 10"),
        *attempts("c", RIGHT, level="Level 10"),
        *attempts("d", Outcome.unverifiable, level="Level 10"),
        *attempts("e", WRONG, test_set="other"),
    ]
    found = [(row.test_set, row.group, row.problems, row.share) for row in rows(tried)]
    assert found == [
        ("other", "", 1, 0.0),
        ("set", "", 3, pytest.approx(2 / 3)),
        ("set", "level Level 2", 1, 1.0),
        ("set", "level Level 10", 2, 0.5),
    ]


def test_pass_at_k_is_the_mean_over_problems_of_the_unbiased_estimate() -> None:
    tried = [*attempts("a", RIGHT, RIGHT, WRONG, WRONG), *attempts("b", WRONG, WRONG, WRONG, Outcome.infra_failed)]
    one, two, four = rows(tried, (1, 2, 4))
    assert (one.share, one.problems, one.samples) == (0.25, 2, 7)
    assert two.share == pytest.approx((5 / 6 + 0) / 2)
    assert (four.share, four.problems) == (1.0, 1)  # b has three verdicts only


def test_the_interval_is_wilsons_over_the_problems() -> None:
    # Wilson's interval for 8 of 10, as in any table of it: 0.490 to 0.943
    (row,) = rows([t for index in range(10) for t in attempts(str(index), RIGHT if index < 8 else WRONG)])
    assert (row.low, row.high) == (pytest.approx(0.490, abs=1e-3), pytest.approx(0.943, abs=1e-3))


def test_rows_are_json_lines_a_table_and_latex() -> None:
    found = rows([*attempts("a", RIGHT, level="Level_1 & 2"), *attempts("b", WRONG)])
    assert [json.loads(line)["group"] for line in lines(found).splitlines()] == ["", "level Level_1 & 2"]
    assert table(found).row_count == 2
    text = latex(found)
    assert r"set & level Level\_1 \& 2 & 1 & 1 & 1 & 100.0 \% & 20.7--100.0 \% \\" in text
    assert text.count(r"\\") == 3


def test_data_sets_say_which_groups_their_problems_are_in() -> None:
    row = {"problem": "1+1?", "solution": r"\boxed{2}", "level": "Level 1", "type": "Algebra"}
    assert formats.math(row).more == {"groups": {"level": "Level 1", "type": "Algebra"}}
    name = "proofwriter-test-ProofWriter_RelNoneg-OWA-D5-136_Q1"
    told = grouped(Problem(id=name, world="logic", question="?", answer="True", split="test"))
    assert told.setup["groups"] == {"kind": "RelNoneg", "depth": "5"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"samples": 3}, "raise temperature"), ({"samples": 3, "temperature": 1, "k": (4,)}, "1 to samples")],
)
def test_settings_that_cannot_be_measured_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        EvaluateConfig.model_validate(settings)


def test_a_test_problem_is_tried_as_often_and_after_as_many_examples_as_the_settings_say(
    model: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    with pytest.raises(ValidationError, match=r"world\.shots is 0"):
        config(model, evaluate={"few_shot": True})
    run = config(model, evaluate={"samples": 3, "temperature": 1.0, "k": (1, 3)})
    train(run, tmp_path, stop_after=1)
    with Store(tmp_path / "memory.sqlite", read_only=True) as store:
        found = rows(store.attempts(iterations=[0], kinds=["evaluate"]), (1, 3))
    assert [(row.k, row.problems, row.samples) for row in found] == [(1, 10, 30), (3, 10, 30)]
    assert found[0].share < found[1].share


def test_the_command_writes_its_rows_beside_the_memory(
    model: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = config(model, evaluate={"samples": 2, "temperature": 1.0, "k": (1, 2)})
    (tmp_path / "run.toml").write_text(folder.toml(run))

    def start(config: RunConfig, iterations: int) -> Path:
        train(config, tmp_path / "run", stop_after=1)
        return tmp_path / "run"

    monkeypatch.setattr(cli, "start", start)
    (tmp_path / "run").mkdir()
    result = CliRunner().invoke(cli.app, ["eval", str(tmp_path / "run.toml"), str(model)], catch_exceptions=False)
    assert "95% interval" in result.output
    written = [json.loads(line) for line in (tmp_path / "run" / "results.jsonl").read_text().splitlines()]
    assert [(row["test_set"], row["k"], row["problems"]) for row in written] == [("stories", 1, 10), ("stories", 2, 10)]
    assert (tmp_path / "run" / "results.tex").read_text().startswith(r"\begin{tabular}")

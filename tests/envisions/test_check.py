"""Checking programs without a model: verdicts in the file's order, and bad records refused before anything runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from envisions import cli
from envisions.check import WORLDS, Checkable, check, execute, math_problem, validate
from envisions.records import Feedback, Outcome, Problem
from envs.base import InfrastructureError
from envs.rows import SourceError
from envs.sandbox.sandbox import SandboxConfig

SANDBOX = SandboxConfig(seconds=5, parallel=2)


def record(name: str = "sum", program: str = "def solution():\n    return 5", **fields: Any) -> dict[str, Any]:
    return {"id": name, "question": "2 + 3?", "answer": 5, "program": program, **fields}


def written(folder: Path, *records: Any) -> Path:
    file = folder / "records.jsonl"
    file.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records))
    return file


def refusal(file: Path, world: str = "math") -> str:
    with pytest.raises(SourceError) as fault:
        check(world, file)
    assert "\n" not in str(fault.value)
    return str(fault.value)


class Unreliable:
    """An environment whose machine fails `faults` times, then works."""

    def __init__(self, faults: int) -> None:
        self.faults, self.closed = faults, False

    def execute(self, problem: Problem, program: str) -> Feedback:
        if self.faults:
            self.faults -= 1
            raise InfrastructureError("the sandbox did not start")
        return Feedback(outcome=Outcome.accepted, output="5")

    def close(self) -> None:
        self.closed = True


def run_on(environment: Unreliable) -> list[dict[str, Any]]:
    world = Checkable(math_problem, lambda sandbox: environment, "{}")
    return list(execute([(math_problem(record()), "")], world, SandboxConfig(parallel=1), 1))


def test_each_outcome_is_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        record("slow", "import time\ndef solution():\n    time.sleep(0.3)\n    return 5.0"),
        record("wrong", "def solution():\n    return [4]"),
        record("broken", "def solution():\n    return undefined"),
        record("empty", ""),
        record("inputs", "def solution(a, b):\n    return a + b", inputs={"a": 2, "b": 3}),
        record(6, "def solution():\n    return '5'", answer="5"),
    )
    lines = list(check("math", file, SANDBOX))
    assert [line["id"] for line in lines] == ["slow", "wrong", "broken", "empty", "inputs", "6"]
    outcomes = [line["outcome"] for line in lines]
    assert outcomes == ["accepted", "rejected", "failed", "failed", "accepted", "accepted"]
    assert [line["output"] for line in lines] == [5.0, [4], None, None, 5, "5"]
    assert "NameError" in lines[2]["error"]
    assert lines[0]["seconds"] >= 0.3
    assert all(list(line) == ["id", "outcome", "output", "error", "seconds"] for line in lines)
    json.dumps(lines)


def test_a_program_that_hangs_is_timed_out_while_the_others_go_on(tmp_path: Path) -> None:
    file = written(tmp_path, record("hangs", "def solution():\n    while True: pass"), record("fine"))
    lines = list(check("math", file, SANDBOX))
    assert [line["outcome"] for line in lines] == ["timed_out", "accepted"]


def test_several_environments_say_the_same_as_one(tmp_path: Path) -> None:
    file = written(tmp_path, *(record(f"r{i}", f"def solution():\n    return {i % 7}") for i in range(40)))
    one, two = (
        [(line["id"], line["outcome"], line["output"]) for line in check("math", file, SANDBOX, environments=n)]
        for n in (1, 2)
    )
    assert one == two
    assert sum(outcome == "accepted" for _, outcome, _ in one) == 5


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ("{not json", "no JSON"),
        ("[1, 2]", "a list stands where a JSON object must stand"),
        ({"id": "x", "question": "?", "answer": 1}, "field program is missing"),
        (record(program=None), "program is None; it must be text"),
        (record(answer=[1]), "answer is [1]; it must be a finite number"),
        (record(answer=None), "field answer is missing"),
        (record(question=""), "question is ''; it must be text"),
        (record(name=""), "id is ''; it must be text or a whole number"),
        (record(inputs=[1]), "inputs is [1]; it must be an object"),
        (record(inputs={"a b": 1}), "it must be an object from argument names"),
    ],
)
def test_a_malformed_record_is_refused_with_file_line_and_rule(tmp_path: Path, bad: Any, rule: str) -> None:
    text = refusal(written(tmp_path, record(), bad))
    assert text.startswith(f"{tmp_path}/records.jsonl line 2: ")
    assert rule in text
    assert "mend it or take it out" in text


def test_nothing_is_executed_when_a_later_record_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[SandboxConfig] = []
    monkeypatch.setattr("envisions.check.WORLDS", {"math": Checkable(math_problem, built.append, "a record")})
    refusal(written(tmp_path, record(), record(program=3)))
    assert built == []


def test_unknown_worlds_and_files_are_refused_with_the_way_out(tmp_path: Path) -> None:
    assert "did you mean math?" in refusal(tmp_path, "mathe")
    assert "use math" in refusal(tmp_path, "xyz")
    assert "does not exist; name a file" in refusal(tmp_path / "none.jsonl")
    assert list(check("math", written(tmp_path))) == []
    assert set(WORLDS) >= {"math"}


def test_a_machine_that_fails_once_is_asked_again_and_one_that_keeps_failing_is_never_scored() -> None:
    once, always = Unreliable(1), Unreliable(99)
    assert run_on(once)[0]["outcome"] == "accepted"
    (line,) = run_on(always)
    assert (line["outcome"], line["error"]) == ("infra_failed", "the sandbox did not start")
    assert once.closed
    assert always.closed


def test_who_stops_reading_leaves_no_sandbox_behind(tmp_path: Path) -> None:
    environment = Unreliable(0)
    world = Checkable(math_problem, lambda sandbox: environment, "{}")
    lines = execute([(math_problem(record()), "")] * 50, world, SandboxConfig(parallel=1), 1)
    next(lines)
    lines.close()  # type: ignore[attr-defined]
    assert environment.closed


def test_a_set_is_validated_by_name_and_bad_records_end_the_command_with_1(tmp_path: Path) -> None:
    file = written(tmp_path, {"input": "How many?", "target": 5}, {"input": "How many?", "target": "many"})
    result = CliRunner().invoke(cli.app, ["validate", "mawps", str(file)])
    assert result.stdout.splitlines() == [
        f"{file} line 2: target is 'many'; it must be a finite number: mend it or take it out",
        "2 records of mawps, 1 bad",
    ]
    assert result.exit_code == 1
    good = CliRunner().invoke(cli.app, ["validate", "stories", "--count", "3"])
    assert (good.stdout, good.exit_code) == ("3 records of stories, 0 bad\n", 0)


@pytest.mark.parametrize(
    ("name", "rule"), [("gsm9k", "must be one of stories"), ("mwp", "give one"), ("stories", "count")]
)
def test_a_set_that_is_none_is_refused_with_the_way_out(name: str, rule: str) -> None:
    with pytest.raises(SourceError, match=rule):
        validate(name)

"""`envisions exec`: one program, its typed outcome as JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from envisions.config import ConfigError
from envisions.execution import execution

ROOT = Path(__file__).parents[2]
ADD = "def add(a, b=1):\n    print('adding')\n    return a + b\n"


def envisions(*arguments: str, program: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "envisions", *arguments]
    return subprocess.run(command, cwd=ROOT, input=program, capture_output=True, text=True, timeout=60, check=False)


def test_a_program_from_a_pipe_gives_its_outcome_as_one_json_line() -> None:
    ended = envisions("exec", "-", "--call", "add", "--inputs", "[2, 3]", program=ADD)
    outcome = json.loads(ended.stdout)
    assert (outcome["status"], outcome["value"], outcome["stdout"]) == ("ok", 5, "adding\n")
    assert "seccomp" in outcome["layers"]


def test_a_fault_of_the_user_is_one_line_and_exit_code_2() -> None:
    ended = envisions("exec", "no-such-file.py")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.strip() == (
        "envisions: no-such-file.py does not exist; name a Python file, or - to read the program from a pipe"
    )


def test_inputs_by_name_and_limits_reach_the_program(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(ADD)
    assert execution(str(file), '{"a": 4}', "add")["value"] == 5
    file.write_text("while True: pass")
    outcome = execution(str(file), "[]", "", ["sandbox.cpu_seconds=1", "sandbox.seconds=20"])
    assert (outcome["status"], outcome["limit"]) == ("timeout", "cpu")


@pytest.mark.parametrize(
    ("inputs", "overrides", "fault"),
    [
        ("5", [], "inputs is '5'; it must be a list"),
        ("[", [], "inputs is '[', which is no JSON"),
        ("[]", ["sandbox.second=5"], "sandbox.second is unknown; did you mean sandbox.seconds?"),
        ("[]", ["sandbox.seconds=0"], "sandbox.seconds is 0; it must be greater than 0"),
        ("[]", ["sandbox.isolation=none"], "sandbox.isolation is 'none'; it must be 'confined' or 'process'"),
    ],
)
def test_a_wrong_setting_is_told_with_its_remedy(inputs: str, overrides: list[str], fault: str) -> None:
    with pytest.raises(ConfigError) as told:
        execution("-", inputs, "solution", overrides)
    assert str(told.value).startswith(fault)

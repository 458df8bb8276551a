"""Programs run in the sandbox: honest ones and broken ones, and zygotes that die. The hostile ones: test_hostile.py."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from envs.base import InfrastructureError
from envs.sandbox.process import ZygoteProcess
from envs.sandbox.sandbox import Limits, Sandbox, SandboxConfig, parse

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


QUICK = Limits(seconds=0.7, memory_mib=64)


def returning(expression: str, above: str = "") -> str:
    return f"{above}\ndef solution():\n    return {expression}\n"


def children(pid: int | None) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def possible(layers: Sequence[str]) -> list[str]:
    """Those of the layers that this machine allows."""
    with Sandbox() as sandbox:
        return [name for name in sandbox.layers if name in layers or (name == "user" and "pid" in layers)]


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def marked(mark: str) -> list[int]:
    """Processes that carry a mark in their name."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text().strip() == mark:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("program", "value"),
    [
        (returning("(3 + 4) * 2"), 14),
        (returning("1 / 4"), 0.25),
        (returning("'three'"), "three"),
        (returning("'\\ud800'"), "?"),
        (returning("[1, (2.5, 'a'), True, None]"), [1, [2.5, "a"], True, None]),
        (returning("{'a': [1]}"), {"a": [1]}),
        (returning("Fraction(3, 4)", "from fractions import Fraction"), {"repr": "3/4", "type": "Fraction"}),
        (returning("Decimal('0.10')", "from decimal import Decimal"), {"repr": "0.10", "type": "Decimal"}),
        (returning("float('nan')"), {"repr": "nan", "type": "float"}),
        (returning("{1, 2}"), {"repr": "{1, 2}", "type": "set"}),
        (returning("3 + 4j"), {"repr": "(3+4j)", "type": "complex"}),
        (returning("math.comb(5, 2)", "import math"), 10),
        (returning("numpy.float32(0.5)", "import numpy"), 0.5),
        (returning("sqrt(8)", "from sympy import sqrt"), {"repr": "2*sqrt(2)", "type": "Mul"}),
        (returning("[Integer(4), Matrix([[1, 2]])]", "from sympy import Integer, Matrix"), [4, [[1, 2]]]),
    ],
)
def test_a_program_gives_its_value_as_json(sandbox: Sandbox, program: str, value: Any) -> None:
    run = sandbox.run(program, limits=Limits(seconds=30, cpu_seconds=20, memory_mib=2048))
    assert (run.status, run.value, run.error) == ("ok", value, "")


@pytest.mark.parametrize("answer", ["solution", "int", "print", "object()", "(n for n in 'a')", "[map(int, 'a')]"])
def test_what_no_text_can_stand_for_is_of_the_wrong_type(sandbox: Sandbox, answer: str) -> None:
    run = sandbox.run(returning(answer))
    assert (run.status, run.value) == ("wrong_type", None)
    assert run.error.startswith("the answer is of type ")


def test_the_end_of_a_program_is_told_in_so_many_fields() -> None:
    with Sandbox(layers=["limits"]) as sandbox:
        looping = sandbox.run("while True: pass", limits=Limits(seconds=20, cpu_seconds=1))
        assert (looping.status, looping.limit) == ("timeout", "cpu")
        sleeping = sandbox.run("import time\ntime.sleep(100)", limits=QUICK)
        assert (sleeping.status, sleeping.limit) == ("timeout", "wall")
        dying = sandbox.run("import os, signal\nos.kill(os.getpid(), signal.SIGUSR1)")
        assert (dying.status, dying.signal) == ("killed", signal.SIGUSR1)


def test_inputs_are_passed_by_position_or_by_name(sandbox: Sandbox) -> None:
    program = "def minus(a, b):\n    return a - b"
    assert sandbox.run(program, call="minus", args=[5, 3]).value == 2
    assert sandbox.run(program, call="minus", args={"b": 5, "a": 3}).value == -2
    assert sandbox.run("print(6 * 7)", call=None).stdout == "42\n"


def test_what_is_measured_is_told(sandbox: Sandbox) -> None:
    run = sandbox.run(returning("len(bytearray(64 << 20)) and sum(range(10**6))"))
    assert run.status == "ok"
    assert 0 < run.cpu_seconds <= run.seconds + 0.1
    assert run.peak_mib > 64


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("def solution():\n    x = 1\n    return x + 'a'", "TypeError: unsupported operand type(s) for +"),
        ("def solution():\n    return undefined", "NameError: name 'undefined' is not defined (line 2)"),
        ("def solution(:\n    return 1", "SyntaxError: invalid syntax (line 1)"),
        ("x = 1", "NameError: the program defines no function solution()"),
        ("def solution(a):\n    return a", "TypeError: solution() missing 1 required positional argument: 'a'"),
        (
            "def f():\n    return f()\ndef solution():\n    return f()",
            "RecursionError: maximum recursion depth exceeded",
        ),
        ("import sys\nsys.exit(3)", "SystemExit: 3 (line 2)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt (line 1)"),
        ("raise ValueError('a\\nb')", "ValueError: a b (line 1)"),
        ("class E(Exception):\n    def __str__(self):\n        raise self\nraise E", "E: its message cannot be shown"),
        ("input()", "EOFError"),
    ],
)
def test_a_broken_program_gets_one_line_with_the_place(sandbox: Sandbox, program: str, error: str) -> None:
    run = sandbox.run(program)
    assert run.status == "error"
    assert run.error.startswith(error)
    assert "\n" not in run.error


def test_a_program_writes_no_file(sandbox: Sandbox, tmp_path: Path) -> None:
    run = sandbox.run(f"with open({str(tmp_path / 'file')!r}, 'w') as file:\n    file.write('x' * 10)")
    assert run.error.startswith("PermissionError: [Errno 1]")
    assert not (tmp_path / "file").exists()


QUICK = Limits(seconds=0.7, memory_mib=64)


@pytest.mark.parametrize("layers", [(), ("limits",), ("mount", "pid")])
@pytest.mark.parametrize("end", ["", "import time; time.sleep(100)", "os._exit(0)"])
def test_a_program_that_forks_leaves_no_process(layers: Sequence[str], end: str) -> None:
    program = f"""
import ctypes, os, time
def name():
    ctypes.CDLL(None).prctl(15, b"sandbox-stray", 0, 0, 0)
try:
    for leave in (False, True):
        if os.fork() == 0:
            name()
            if leave:
                os.setsid()
                if os.fork():
                    os._exit(0)
            time.sleep(100)
except OSError:
    pass
{end}
def solution():
    return 1
"""
    with Sandbox(layers=possible(layers)) as sandbox:
        run = sandbox.run(program, limits=QUICK)
        assert run.status in ("ok", "timeout", "no_result")
        assert eventually(lambda: not marked("sandbox-stray"))
        assert eventually(lambda: children(sandbox.pid) == [])


def test_hanging_programs_do_not_block_another(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(3) as threads:
        limits = Limits(seconds=4)
        hanging = [threads.submit(sandbox.run, "import time\ntime.sleep(100)", limits=limits) for _ in range(2)]
        time.sleep(0.2)
        assert threads.submit(sandbox.run, returning("5")).result(10).value == 5
        assert not any(run.done() for run in hanging)
        assert [run.result(10).status for run in hanging] == ["timeout", "timeout"]


def test_many_threads_get_their_own_answers(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(8) as threads:
        runs = list(threads.map(lambda n: sandbox.run("def f(n):\n    return n * n", call="f", args=[n]), range(100)))
    assert [run.value for run in runs] == [n * n for n in range(100)]


def test_what_makes_forks_slow_is_loaded_only_for_programs_that_name_it(sandbox: Sandbox) -> None:
    loaded = returning("[name in sys.modules for name in ('sym' + 'py', 'num' + 'py')]", "import sys")
    assert sandbox.run(loaded).value == [False, False]
    assert sandbox.run(f"# sympy\n{loaded}").value == [True, True]
    assert sandbox.run(f"# sympyan\n{loaded}").value == [False, False]


def test_programs_are_spread_over_the_zygotes() -> None:
    waiting = returning("os.getppid()", "import os, time\ntime.sleep(0.5)")
    with Sandbox(SandboxConfig(zygotes=2, seconds=20), layers=[]) as sandbox, ThreadPoolExecutor(4) as threads:
        runs = list(threads.map(sandbox.run, [waiting] * 4))
        assert sorted(Counter(run.value for run in runs).values()) == [2, 2]


def test_the_zygote_outlives_the_thread_that_asked_first() -> None:
    with Sandbox() as sandbox:
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(sandbox.run, returning("1")).result(30).value == 1
        pid = sandbox.pid
        assert sandbox.run(returning("2")).value == 2
        assert sandbox.pid == pid


def test_a_killed_zygote_is_replaced_and_its_programs_run_again() -> None:
    with Sandbox() as sandbox:
        assert sandbox.run(returning("1")).value == 1
        first = sandbox.pid
        assert first is not None
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(sandbox.run, returning("5", "import time\ntime.sleep(0.6)"))
            assert eventually(lambda: len(children(first)) == 1)
            (child,) = children(first)
            os.kill(first, signal.SIGKILL)
            assert waiting.result(30).value == 5
        assert not Path(f"/proc/{child}").exists() or eventually(lambda: not Path(f"/proc/{child}").exists())
        assert sandbox.restarts == 1
        assert sandbox.run(returning("6")).value == 6
        assert sandbox.pid != first


def test_a_program_that_kills_its_zygote_is_found_out() -> None:
    with Sandbox(layers=["limits"]) as sandbox, ThreadPoolExecutor(2) as threads:
        hostile = threads.submit(sandbox.run, "import os\nos.kill(os.getppid(), 9)")
        innocent = threads.submit(sandbox.run, returning("5", "import time\ntime.sleep(0.3)"))
        assert hostile.result(60).status == "killed"
        assert innocent.result(60).value == 5


def test_a_stopped_zygote_is_killed_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envs.sandbox.sandbox.GRACE_SECONDS", 0.5)
    with Sandbox() as sandbox:
        sandbox.run(returning("1"))
        assert sandbox.pid is not None
        os.kill(sandbox.pid, signal.SIGSTOP)
        assert sandbox.run(returning("2"), limits=QUICK).value == 2
        assert sandbox.restarts == 1


def test_a_zygote_that_cannot_start_is_a_broken_machine() -> None:
    config = SandboxConfig(preload=("no_such_module",))
    with Sandbox(config) as sandbox, pytest.raises(InfrastructureError, match="no_such_module"):
        sandbox.run(returning("1"))


def test_zygotes_that_keep_dying_are_a_broken_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    call = ZygoteProcess.call

    def killed(self: ZygoteProcess, job: dict[str, Any], seconds: float) -> dict[str, Any]:
        os.kill(self.pid, signal.SIGKILL)
        return call(self, job, seconds)

    with Sandbox() as sandbox:
        monkeypatch.setattr(ZygoteProcess, "call", killed)
        with pytest.raises(InfrastructureError, match="keeps dying"):
            sandbox.run(returning("1"))
        monkeypatch.undo()
        assert sandbox.run(returning("1")).value == 1


def test_a_closed_sandbox_leaves_nothing_and_runs_nothing() -> None:
    sandbox = Sandbox()
    sandbox.run(returning("1"))
    pid = sandbox.pid
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(sandbox.run, "import time\ntime.sleep(100)", limits=Limits(seconds=50))
        assert eventually(lambda: len(children(pid)) == 1)
        (child,) = children(pid)
        sandbox.close()
        with pytest.raises(InfrastructureError, match="closed"):
            waiting.result(30)
    assert pid is not None
    assert eventually(lambda: gone(pid) and gone(child))


def test_nothing_outlives_a_killed_owner() -> None:
    script = (
        "import threading, time\nfrom envs.sandbox.sandbox import Sandbox, Limits\ns = Sandbox()\n"
        "s.run('x = 1', call=None)\nprint(s.pid, flush=True)\n"
        "s.run('import time; time.sleep(100)', limits=Limits(seconds=90))"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    zygote = int(owner.stdout.readline())
    assert eventually(lambda: len(children(zygote)) == 1)
    (child,) = children(zygote)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert eventually(lambda: gone(zygote) and gone(child))


def gone(pid: int) -> bool:
    """No such process, or a corpse that its new parent has yet to bury."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_the_same_program_gives_the_same_answer_in_every_zygote() -> None:
    program = returning("[random.random(), str({'a', 'b', 'c'}), hash('a')]", "import random")
    values = []
    for _ in range(2):
        with Sandbox() as sandbox:
            values.append(sandbox.run(program).value)
    assert values[0] == values[1]


def test_a_program_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    with Sandbox() as sandbox:
        names = sandbox.run(returning("sorted(os.environ)", "import os")).value
        assert "SECRET_TOKEN" not in names
        assert "PYTHONPATH" not in names
        assert sandbox.run("import envisions").status == "error"
    with Sandbox(layers=()) as sandbox:
        assert sandbox.run(returning("sorted(os.listdir('/proc/self/fd'))", "import os")).value == [
            "0",
            "1",
            "2",
            "3",
            "4",
        ]


@pytest.mark.parametrize(
    "text", ["", "[]", "1", "{}", '{"status": "timeout"}', '{"status": ["ok"]}', "[" * 50_000, "nan"]
)
def test_a_forged_result_is_no_result(text: str) -> None:
    assert parse(text) is None


def test_half_a_character_pair_does_not_get_through() -> None:
    answer = parse('{"status": "ok", "value": "\\ud800", "error": "", "stdout": ""}')
    assert answer is not None
    assert answer["value"] == "?"

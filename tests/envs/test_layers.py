"""Each layer alone: what it is for, what happens without it, and what is said where it cannot be had."""

import ctypes
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from envs.base import InfrastructureError
from envs.math.environment import MathEnvironment
from envs.sandbox import seccomp
from envs.sandbox.kernel import NO_NEW_PRIVS, SECCOMP, drop_capabilities, prctl
from envs.sandbox.landlock import version
from envs.sandbox.namespaces import outermost
from envs.sandbox.sandbox import Limits, Sandbox, SandboxConfig
from envs.sandbox.seccomp import Filter, Instruction

ROOT = Path(__file__).parents[2]
PATIENT = Limits(seconds=20, cpu_seconds=10)
LIBRARY = "import ctypes, os, socket\nlibc = ctypes.CDLL(None, use_errno=True)\ndef solution(t):\n    return "
TRIES: dict[str, tuple[list[str], str]] = {  # what succeeds with no layer, and harms nobody -> who forbids it, how
    "read a file": (["mount", "landlock"], "open(t['secret']).read()"),
    "list a folder": (["mount", "landlock"], "len(os.listdir(os.path.dirname(t['secret']))) > 0"),
    "know of a file": (["mount"], "os.stat(t['secret']).st_size"),
    "write a file": (
        ["mount", "landlock", "uid", "limits", "seccomp"],
        "os.write(os.open(t['new'], os.O_CREAT | os.O_WRONLY), b'x')",
    ),
    "remove a file": (["mount", "landlock", "uid", "seccomp"], "os.unlink(t['old']) is None"),
    "read /proc": (["mount", "landlock"], "open('/proc/stat').read(3)"),
    "see the owner": (["mount", "pid"], "os.stat('/proc/%d' % t['owner']).st_uid >= 0"),
    "signal the owner": (["pid", "landlock", "uid", "seccomp"], "os.kill(t['owner'], 0) is None"),
    "fork": (["seccomp"], "os.fork() or os._exit(0)"),
    "use a socket": (["seccomp"], "socket.socket(socket.AF_UNIX).fileno() > 0"),
    "call a server over TCP": (["net", "landlock", "seccomp"], "socket.socket().connect(tuple(t['tcp'])) is None"),
    "call an abstract socket": (
        ["net", "landlock", "seccomp"],
        "socket.socket(socket.AF_UNIX).connect(t['abstract']) is None",
    ),
    "call a socket in a folder": (
        ["mount", "uid", "seccomp"],
        "socket.socket(socket.AF_UNIX).connect(t['unix']) is None",
    ),
    "find shared memory": (["ipc", "seccomp"], "libc.shmget(t['key'], 0, 0) >= 0 or 1 / 0"),
    "raise a limit": (["seccomp"], "__import__('resource').setrlimit(7, (32, 32)) is None"),
    "use a right of root": (["uid", "privileges", "seccomp"], "libc.unshare(0x4000000) == 0 or 1 / 0"),
    "take much memory": (["limits"], "len(__import__('mmap').mmap(-1, 800 << 20))"),
    "open many files": (["limits"], "len([os.dup(0) for _ in range(100)])"),
}
LANDLOCK_SINCE = {"call a server over TCP": 4, "call an abstract socket": 6, "signal the owner": 6}
libc = ctypes.CDLL(None)


@pytest.fixture(scope="module")
def possible() -> tuple[str, ...]:
    with Sandbox() as sandbox:
        return sandbox.layers


@pytest.fixture(scope="module")
def boxes(possible: tuple[str, ...]) -> Iterator[dict[str, Sandbox]]:
    """For each layer a sandbox that has it and no other; "" has none. What cannot be had is not in it."""
    user = ["user"] if "user" in possible else []
    alone = {name: [*(user if name in ("ipc", "net", "mount", "pid") else []), name] for name in possible}
    config = SandboxConfig(
        preload=("ctypes", "mmap", "os", "resource", "socket")
    )  # alone, "uid" may hide what is not loaded
    boxes = {name: Sandbox(config, layers=layers) for name, layers in {"": [], **alone}.items() if name != "user"}
    yield boxes
    for box in boxes.values():
        box.close()


@pytest.fixture
def targets() -> Iterator[dict[str, Any]]:
    """Things that belong to the owner, in a folder that others may enter but not change."""
    key = 0x5A000000 + os.getpid()
    memory = libc.shmget(key, 4096, 0o1666)
    with TemporaryDirectory(dir="/tmp") as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        for name in ("secret", "old"):
            (Path(folder) / name).write_text("kept")
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        unix, abstract = f"{folder}/socket", f"\0layers-{os.getpid()}"
        for address in (unix, abstract):
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(address)
            server.listen()
        names = {name: f"{folder}/{name}" for name in ("secret", "old", "new")}
        yield {**names, "owner": os.getpid(), "tcp": tcp.getsockname(), "unix": unix, "abstract": abstract, "key": key}
    libc.shmctl(memory, 0, None)


@pytest.mark.parametrize("what", TRIES)
def test_each_layer_alone_forbids_what_it_is_for(boxes: dict[str, Sandbox], targets: dict[str, Any], what: str) -> None:
    layers, expression = TRIES[what]
    if "landlock" in boxes and version() < LANDLOCK_SINCE.get(what, 1):
        layers = [name for name in layers if name != "landlock"]
    program = LIBRARY + expression
    outcomes = {}
    for name, box in boxes.items():
        Path(targets["old"]).touch()
        run = box.run(program, args=[targets], limits=PATIENT)
        outcomes[name] = run.status == "ok"
    if not outcomes.pop(""):
        pytest.skip(f"this machine does not let anyone {what}")
    for name in set(layers) & outcomes.keys():
        assert not outcomes[name], f"{name} lets a program {what}"
    for name in outcomes.keys() - set(layers):
        assert outcomes[name], f"{name} alone forbids a program to {what}: say so in the table"


@pytest.mark.parametrize("what", TRIES)
def test_all_layers_together_forbid_everything(targets: dict[str, Any], what: str) -> None:
    with Sandbox() as box:
        assert box.run(LIBRARY + TRIES[what][1], args=[targets]).status != "ok"


def refusing(name: str, argument: int, value: int) -> Callable[[], None]:
    """Makes the calling thread, and all that it starts, unable to make a system call with this argument."""
    number = {"prctl": (157, 167), "landlock_create_ruleset": (444, 444)}[name][seccomp.MACHINE == "aarch64"]
    code: list[Instruction] = [
        (seccomp.LOAD, 0, 0, seccomp.NUMBER),
        (seccomp.EQUAL, 0, 3, number),
        (seccomp.LOAD, 0, 0, seccomp.low(argument)),
        (seccomp.EQUAL, 0, 1, value),
        *seccomp.refuse(),
        *seccomp.allow(),
    ]

    def refuse_from_now_on() -> None:
        prctl(NO_NEW_PRIVS, 1)
        Filter(code).install()

    return refuse_from_now_on


NO_SECCOMP, NO_LANDLOCK = refusing("prctl", 0, SECCOMP), refusing("landlock_create_ruleset", 2, 0)


def where(obstacle: Callable[[], None], box: Sandbox, program: str) -> Any:
    """What a program returns in a sandbox that is started on a machine with an obstacle."""
    with box, ThreadPoolExecutor(1, initializer=obstacle) as threads:
        run = threads.submit(box.run, program, limits=PATIENT).result(60)
        return run.value, threads.submit(lambda: box.layers).result(60)


def test_nothing_runs_without_seccomp_unless_the_run_file_says_so() -> None:
    refusal = 'sandbox.isolation is "confined", which needs seccomp, .* set sandbox.isolation = "process"'
    with pytest.raises(InfrastructureError, match=refusal):
        where(NO_SECCOMP, Sandbox(), "def solution(): return 1")
    value, layers = where(NO_SECCOMP, Sandbox(SandboxConfig(isolation="process")), "def solution(): return 1")
    assert value == 1
    assert "limits" in layers
    assert "seccomp" not in layers


def test_an_environment_does_not_start_where_programs_are_refused() -> None:
    environment = MathEnvironment()
    with closing(environment), ThreadPoolExecutor(1, initializer=NO_SECCOMP) as threads:
        started = threads.submit(environment.start)
        with pytest.raises(InfrastructureError, match="which needs seccomp"):
            started.result(60)
    environment = MathEnvironment(SandboxConfig(isolation="process"))
    with closing(environment), ThreadPoolExecutor(1, initializer=NO_SECCOMP) as threads:
        assert "seccomp" not in threads.submit(environment.start).result(60)["sandbox"]


def test_a_layer_that_is_asked_for_and_missing_is_named() -> None:
    with pytest.raises(InfrastructureError, match="the layer 'landlock' is asked for"):
        where(NO_LANDLOCK, Sandbox(layers=["limits", "landlock", "seccomp"]), "")


def test_a_layer_that_does_not_exist_is_refused() -> None:
    with Sandbox(layers=["secomp"]) as box, pytest.raises(InfrastructureError, match="'secomp' is no layer"):
        box.run("")


def test_a_kernel_without_landlock_still_gets_the_other_layers(possible: tuple[str, ...]) -> None:
    value, layers = where(NO_LANDLOCK, Sandbox(), "def solution(): return 1")
    assert value == 1
    assert layers == tuple(name for name in possible if name != "landlock")


def test_without_capabilities_programs_are_still_confined() -> None:
    program = "import numpy\ndef solution(): return numpy.float32(0.5)"
    value, layers = where(drop_capabilities, Sandbox(SandboxConfig(memory_mib=2048)), program)
    assert value == 0.5
    assert {"limits", "privileges", "seccomp"} <= set(layers)


def test_an_ordinary_user_needs_no_right() -> None:
    if os.getuid() != 0:
        pytest.skip("this user is an ordinary one, and all tests are about it")
    try:
        subprocess.run([sys.executable, "-c", ""], user=12345, check=True)
    except PermissionError:
        pytest.skip(f"{sys.executable} is in a folder that only root may enter")
    script = (
        "from envs.sandbox.sandbox import Sandbox\nwith Sandbox() as s: print(s.run('1', call=None).status, s.layers)"
    )
    command = [sys.executable, "-B", "-c", script]
    ended = subprocess.run(command, user=12345, group=12345, extra_groups=[], cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout.startswith("ok")
    assert "seccomp" in ended.stdout


def test_a_folder_within_another_is_not_shown_twice() -> None:
    assert outermost(["/usr/lib/python3", "/usr/lib", "/usr/lib64", "/lib", "/usr/lib-a/b"]) == [
        "/lib",
        "/usr/lib-a/b",
        "/usr/lib",
        "/usr/lib64",
    ]

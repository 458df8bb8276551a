"""Programs made to break out, to break the sandbox or to break other programs: hostile_programs.txt, one by one.

Each runs beside an innocent one, as root would run it and as one who has no capability and so no namespaces.
"""

import contextlib
import ctypes
import os
import re
import socket
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from envs.sandbox.kernel import CAPBSET_DROP, drop_capabilities, prctl
from envs.sandbox.layers import FIRST_UID, UIDS
from envs.sandbox.sandbox import Limits, Sandbox

SECRET = "SECRET-OF-" + "THE-OWNER"
STRAY = "sandbox-stray"  # in the name of whatever a program should not be able to leave behind
SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/")
HANGING = Limits(seconds=0.5, memory_mib=64)
PATIENT = Limits(seconds=20, cpu_seconds=10, memory_mib=64)
PRELUDE = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def mark():
    libc.prctl(15, b"sandbox-stray", 0, 0, 0)
def call(name, *arguments):
    if libc.syscall(t["numbers"][name], *arguments) == -1:
        raise OSError(ctypes.get_errno(), name)
def solution(targets):
    global t
    t = targets
"""
NUMBERS = {  # on x86-64 and on arm64
    "add_key": (248, 217),
    "bpf": (321, 280),
    "capset": (126, 91),
    "clone": (56, 220),
    "clone3": (435, 435),
    "execveat": (322, 281),
    "init_module": (175, 105),
    "io_setup": (206, 0),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "memfd_secret": (447, 447),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "open_by_handle_at": (304, 265),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "process_vm_readv": (310, 270),
    "rt_sigqueueinfo": (129, 138),
    "semget": (64, 190),
    "shmget": (29, 194),
    "syslog": (103, 116),
    "tgkill": (234, 131),
    "userfaultfd": (323, 282),
    "x32 socket": (0x40000000 + 41, 198),
}


def hostile_programs() -> dict[str, tuple[set[str], str]]:
    """Name -> what may become of it, and the program."""
    text = (Path(__file__).parent / "hostile_programs.txt").read_text()
    blocks = re.findall(r"^# ([^\n]+): ([a-z_ ]+)\n((?:[^#\n].*\n)+)", text, flags=re.MULTILINE)
    return {name: (set(ends.split()), PRELUDE + textwrap.indent(body, "    ")) for name, ends, body in blocks}


HOSTILE = hostile_programs()


class Surroundings:
    """What a program could do harm to: a secret file, a folder, and servers that must never be called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.secret, self.link = folder, folder / "secret", folder / "link"
        for readable in (folder, *folder.parents[:-2]):
            with contextlib.suppress(PermissionError):
                readable.chmod(readable.stat().st_mode | 0o055)
        folder.chmod(0o777)
        self.secret.write_text(SECRET)
        self.secret.chmod(0o666)
        self.link.symlink_to(self.secret)
        self.names = sorted(folder.iterdir())
        tcp = socket.create_server(("127.0.0.1", 0))
        self.abstract = f"\0{STRAY}-{os.getpid()}"
        self.unix = f"/tmp/sandbox-server-{os.getpid()}"
        self.servers = [tcp, listening(self.unix), listening(self.abstract)]
        Path(self.unix).chmod(0o777)
        self.targets = {
            "owner": os.getpid(),
            "secret": str(self.secret),
            "link": str(self.link),
            "folder": str(folder),
            "port": tcp.getsockname()[1],
            "unix": self.unix,
            "abstract": self.abstract,
            "numbers": {name: pair[os.uname().machine == "aarch64"] for name, pair in NUMBERS.items()},
        }

    def unharmed(self) -> bool:
        """No file is new or changed, no server was called."""
        for server in self.servers:
            server.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                server.accept()
                return False
        left = [path for at in SHARED_FOLDERS for path in Path(at).glob(f"{STRAY}*")]
        return not left and sorted(self.folder.iterdir()) == self.names and self.secret.read_text() == SECRET

    def close(self) -> None:
        for server in self.servers:
            server.close()
        Path(self.unix).unlink()


def listening(address: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen()
    return server


def drop_every_capability() -> None:
    """Of the calling thread only; a process that it starts has none either."""
    for capability in range(64):
        with contextlib.suppress(OSError):
            prctl(CAPBSET_DROP, capability)
    drop_capabilities()


@pytest.fixture(scope="module", params=["every layer", "no capabilities"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox, started by a thread with or without capabilities."""
    prepare = drop_every_capability if request.param == "no capabilities" else None
    with Sandbox() as sandbox:
        with ThreadPoolExecutor(1, initializer=prepare) as threads:
            assert "seccomp" in threads.submit(lambda: sandbox.layers).result(60)
        yield sandbox


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    surroundings = Surroundings(tmp_path_factory.mktemp("hostile"))
    yield surroundings
    surroundings.close()


def left_by(sandbox: Sandbox) -> dict[str, Any]:
    """What a zygote holds when it is idle: children and descriptors; and processes that bear a mark."""
    own = Path(f"/proc/{sandbox.pid}")
    return {
        "children": (own / f"task/{sandbox.pid}/children").read_text().split(),
        "descriptors": len(list((own / "fd").iterdir())),
        "strays": [pid for pid in Path("/proc").iterdir() if pid.name.isdigit() and is_stray(pid)],
    }


def is_stray(process: Path) -> bool:
    """Marked by a program, or run by one of the users that programs run as."""
    with contextlib.suppress(OSError):
        marked = (process / "comm").read_text().strip() == STRAY
        return marked or FIRST_UID <= process.stat().st_uid < FIRST_UID + UIDS
    return False


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_program_ends_as_what_it_is_and_harms_nobody(
    sandbox: Sandbox, surroundings: Surroundings, name: str
) -> None:
    expected, program = HOSTILE[name]
    idle, pid = left_by(sandbox), sandbox.pid
    innocent = "import math, os, random, time\ntime.sleep(0.05)\ndef solution(n): return [n, math.sqrt(n), str(os.sep)]"
    limits = HANGING if "timeout" in expected else PATIENT  # a loaded machine is no reason to time out
    with ThreadPoolExecutor(1) as threads:
        beside = threads.submit(sandbox.run, innocent, args=[49], limits=PATIENT)
        run = sandbox.run(program, args=[surroundings.targets], limits=limits)
        assert beside.result(60).value == [49, 7.0, "/"]
    assert run.status in expected, run
    assert SECRET not in f"{run.value} {run.error} {run.stdout}"
    assert len(run.stdout) <= limits.output_chars
    assert sandbox.run(innocent, args=[4], limits=PATIENT).value == [4, 2.0, "/"]
    assert (sandbox.pid, sandbox.restarts) == (pid, 0)
    assert eventually(lambda: left_by(sandbox) == idle), left_by(sandbox)
    assert surroundings.unharmed()


def test_there_are_at_least_a_hundred_of_them() -> None:
    text = (Path(__file__).parent / "hostile_programs.txt").read_text()
    assert len(HOSTILE) == len(re.findall("^# ", text, flags=re.MULTILINE)) - 1 >= 100


def test_the_word_that_must_not_get_out_would_be_found(surroundings: Surroundings) -> None:
    with Sandbox(layers=["limits"]) as sandbox:
        program = HOSTILE["reads a secret"][1]
        assert sandbox.run(program, args=[surroundings.targets], limits=PATIENT).value == SECRET
    assert ctypes.sizeof(ctypes.c_void_p) == 8  # the numbers above are those of 64-bit machines

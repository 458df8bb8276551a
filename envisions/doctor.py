"""What this machine lacks: each check gives one finding, each fault its remedy.

Imports nothing outside this package, and tries whatever may crash or hang in a process of its own, so that it answers
on a machine where nothing else does: `python -m envisions.doctor`.
"""

import os
import platform
import resource
import shutil
import socket
import sys
import sysconfig
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from envisions.finding import Attempt, Finding, attempt, finding
from envisions.gpus import gpus
from envisions.installation import OURS, PINNED, companions, imports, own_package, package

GIB = 2**30
PYTHON = (3, 11)
DISK_GIB, SHM_GIB, OPEN_FILES, SANDBOX_SECONDS = 5, 1, 4096, 5.0
PROCESS = 'sandbox.isolation = "process"'
SANDBOX = """
import time
from envs.sandbox.sandbox import Sandbox, SandboxConfig
begun = time.monotonic()
with Sandbox(SandboxConfig(isolation="process")) as sandbox:
    run = sandbox.run("def solution():\\n    print('hello')\\n    return 6 * 7")
    seconds, layers = time.monotonic() - begun, sandbox.layers
assert (run.status, run.value, run.stdout.strip()) == ("ok", 42, "hello"), run
print(seconds, *layers)
"""

SOLVERS = """
import clingo, z3
from envs.logic.closed import answer_set
from envs.logic.solver import Z3
from envs.logic.statements import Literal, Rule
from envs.logic.syntax import Atom, Function, Not
fact = Literal("P", True, ("a",))
assert answer_set([Rule((), (fact,))], closed=True) == {fact}
prover, formula = Z3(), Atom("P", (Function("a"),))
assert [found.status for found in prover.refute([formula], [formula, Not(formula)], 100)] == ["sat", "unsat"]
prover.close()
print(f"clingo {clingo.__version__} and z3 {z3.get_version_string()} answered")
"""
PROVERS = {"E": "eprover", "Prover9": "prover9", "Mace4": "mace4"}

BROWSER = """
from envs.web.environment import WebEnvironment
from envs.web.sources import posed
environment = WebEnvironment()
facts = environment.start()
done = environment.execute(posed("p", "check", "click-test", 1), "agent.click_xpath('//button')")
environment.close()
assert done.outcome == "accepted", done
print(facts["browser"])
"""


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    text = ".".join(map(str, version))
    return finding("Python", version >= PYTHON, text, "install Python 3.11 or later and set PYTHON3 to it, then `make`")


def sandbox(run: Attempt = attempt) -> Finding:
    """Whether a program really runs in the sandbox, at once, and what stands between it and this machine."""
    tried = run(SANDBOX, 60.0)
    if tried.code != 0:
        remedy = "allow this user to fork and to set limits: outside a container that forbids it, or as another user"
        return Finding("sandbox", False, tried.complaint, remedy)
    seconds, *layers = tried.output.split()
    detail = f"a program ran, {float(seconds):.1f} s with the start of the sandbox; around it: {', '.join(layers)}"
    if "seccomp" not in layers:
        remedy = f"allow seccomp filters, as containers do by default; or set {PROCESS} to run programs without"
        return Finding("sandbox", False, f"{detail}; no seccomp, so programs are refused", remedy)
    if not {"mount", "landlock"} & set(layers):
        detail += "; programs can read this user's files: use a kernel with landlock (5.13), or allow mount namespaces"
    remedy = "the machine is overloaded or its disk is slow: end other work"
    return finding("sandbox", float(seconds) < SANDBOX_SECONDS, detail, remedy)


def browser(run: Attempt = attempt) -> Finding:
    """Which browser plays the web world's pages, and whether it does."""
    tried = run(BROWSER, 120.0)
    remedy = "as root: apt-get install chromium-headless-shell, or: playwright install chromium-headless-shell"
    detail = f"an episode was played by {tried.output.strip()}" if tried.code == 0 else tried.complaint
    return finding("browser", tried.code == 0, detail, f"{remedy}; only the web world needs it")


def solver(run: Attempt = attempt) -> Finding:
    """Whether the logic world's two solvers answer: clingo in process, z3 in its own."""
    tried = run(SOLVERS, 60.0)
    if tried.code == 0:
        return Finding("solvers", True, tried.output.strip())
    return Finding("solvers", False, tried.complaint, "pip install --no-deps -r requirements/cpu.lock")


def provers(which: Callable[[str], str | None] = shutil.which) -> Finding:
    """Information only: E and Prover9 check proofs again in audits and comparisons; no run needs them."""
    found = [f"{name} {which(binary) or 'absent'}" for name, binary in PROVERS.items()]
    return Finding("provers", True, f"{'; '.join(found)}; only audits ask them")


def port() -> Finding:
    """Whether one process can reach another over the loopback interface."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            number = server.getsockname()[1]
            with socket.create_connection(("127.0.0.1", number), timeout=5):
                return Finding("ports", True, f"a free one found (127.0.0.1:{number})")
    except OSError as error:
        return Finding("ports", False, f"127.0.0.1: {error}", "bring the loopback interface up: ip link set lo up")


def disk(free: float | None = None) -> Finding:
    """Room for runs, where $ENVISIONS_HOME or the current folder lies; `free` in bytes."""
    folder = Path(os.environ.get("ENVISIONS_HOME") or Path.cwd())
    existing = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    left = (shutil.disk_usage(existing).free if free is None else free) / GIB
    detail = f"{left:.1f} GiB free in {existing}; at least {DISK_GIB} are needed"
    return finding("disk", left >= DISK_GIB, detail, "free space there, or set ENVISIONS_HOME to another disk")


def shared_memory(free: float | None = None) -> Finding:
    """Room in /dev/shm, through which Ray passes objects; `free` in bytes."""
    if free is None:
        free = shutil.disk_usage("/dev/shm").free if Path("/dev/shm").is_dir() else 0
    detail = f"{free / GIB:.1f} GiB free in /dev/shm; at least {SHM_GIB} is needed"
    remedy = "mount -o remount,size=2G /dev/shm (in a container: --shm-size=2g)"
    return finding("shared memory", free / GIB >= SHM_GIB, detail, remedy)


def open_files(limit: int | None = None) -> Finding:
    """How many files one process may open; each actor holds dozens of connections."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    enough = soft >= OPEN_FILES or soft == resource.RLIM_INFINITY
    return finding("open files", enough, f"{soft}; at least {OPEN_FILES} are needed", "ulimit -n 65536")


def processor(flags: Sequence[str] | None = None, on_gpu: bool | None = None) -> Finding:
    """What vLLM computes with on a CPU; no matter where there is a GPU."""
    if flags is None:
        lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
        flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    has = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    good = "avx2" in has or "avx512f" in has or (bool(gpus()) if on_gpu is None else on_gpu)
    detail = f"{platform.machine()}, {', '.join(has) or 'neither AVX2 nor AVX-512'}"
    return finding("processor", good, detail, "vLLM needs AVX2 on a CPU: use another machine, or one with a GPU")


def compiler(which: Callable[[str], str | None] = shutil.which, headers: Path | None = None) -> Finding:
    """gcc and Python's headers: small C files are compiled at run time."""
    header = (headers or Path(sysconfig.get_path("include"))) / "Python.h"
    missing = ([] if which("gcc") else ["gcc"]) + ([] if header.exists() else ["python3-dev"])
    return finding(
        "compiler",
        not missing,
        f"no {' and no '.join(missing)}" if missing else "gcc and Python.h",
        f"as root: apt-get install {' '.join(missing)}",
    )


def graphics(found: Sequence[str] | None = None) -> Finding:
    """Information only: everything runs without a GPU."""
    found = gpus() if found is None else found
    return Finding("GPUs", True, "; ".join(found) or "none; the engines run on the CPU")


CHECKS: tuple[Callable[[], Finding], ...] = (
    python,
    *(partial(own_package, name) for name in OURS),
    *(partial(package, module) for module in PINNED),
    companions,
    partial(imports, "transformers", "import torch; from transformers import LlamaForCausalLM"),
    partial(imports, "vllm", "from vllm.v1.engine.async_llm import AsyncLLM"),
    partial(imports, "deepspeed", "import deepspeed"),
    sandbox,
    browser,
    solver,
    provers,
    port,
    disk,
    shared_memory,
    open_files,
    processor,
    compiler,
    graphics,
)


def diagnose(checks: Sequence[Callable[[], Finding]] = CHECKS) -> list[Finding]:
    """Every check's finding, in order. The imports take most of the time: about half a minute on two cores."""
    return [check() for check in checks]


def table(findings: Sequence[Finding]) -> Table:
    """One row a finding, with the remedy below what is wrong."""
    sheet = Table("", "check", "found")
    for each in findings:
        text = Text(each.detail)
        if not each.ok:
            text.append(f"\n-> {each.remedy}", style="bold")
        sheet.add_row("[green]ok[/green]" if each.ok else "[red]fault[/red]", each.name, text)
    return sheet


def main() -> None:
    """Print the table; exit code 1 when anything is wrong."""
    findings = diagnose()
    Console().print(table(findings))
    sys.exit(0 if all(each.ok for each in findings) else 1)


if __name__ == "__main__":
    main()

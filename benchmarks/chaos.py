"""Kill every kind of process of a training, at random and for good (SIGKILL), and count what is lost or doubled.

    python benchmarks/chaos.py --faults 440             scripted generator and learner, everything else real
    python benchmarks/chaos.py --faults 60 --real       vLLM and DeepSpeed too (examples/laptop.toml)

Three machines of Ray's own test cluster on this one: a head, and two that generate and execute, of which one at a time
is lost with all that runs on it. After each fault the books must balance. At the end no process may be left, no
attempt be lost or doubled, and, with the scripted parts, the accepted programs equal those of an undisturbed run.
"""

import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import psutil
import typer
from disturbed import SAMPLES
from machine import described, machine

from envisions.records import AttemptKey, Outcome
from pool.store import Store, StoreError

ROOT = Path(__file__).resolve().parent.parent
MARK = "ENVISIONS_CHAOS"  # an environment variable that every process of the run inherits
TITLES = {
    "generator": ("Policy", "DeliveredGenerator"),
    "environment": ("EnvironmentWorker",),
    "service": ("RewardService",),
    "memory": ("Memory",),
    "learner": ("DeliveredRank",),
}
CHILDREN = {"engine": "generator", "sandbox": "environment"}  # processes below those of an actor
SCRIPTED = ("generator", "environment", "sandbox", "service", "memory", "driver", "machine")
REAL = ("engine", "environment", "sandbox", "service", "memory", "learner", "driver", "machine")
REST_SECONDS = (1.0, 4.0)  # between two faults
LATEST_SECONDS = 300.0  # for anything to be there again
GRACE_SECONDS = 20.0  # for what belonged to a killed process to be gone too


class Machines:
    """A head and two others, each a raylet of its own."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        offers = {"environment": 1, "generator": 1}
        self._others = {"num_cpus": 2, "memory": 2**32, "resources": offers, "object_store_memory": 2**27}
        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 2, "memory": 2**32, "resources": {"head": 1}, "object_store_memory": 2**27},
        )
        self.address = self._cluster.address
        self._nodes = [self._cluster.add_node(**self._others) for _ in range(2)]

    def processes(self) -> list[psutil.Process]:
        """Every process below a raylet."""
        found = []
        for node in self._cluster.list_all_nodes():
            for info in node.all_processes.get("raylet", []):
                with suppress(psutil.Error):
                    found += psutil.Process(info.process.pid).children(recursive=True)
        return found

    def lose_one(self, dice: random.Random) -> None:
        """Kill a raylet, clear away what is left of its machine, and put another in its place."""
        node = dice.choice(self._nodes)
        for info in node.all_processes["raylet"]:
            os.kill(info.process.pid, signal.SIGKILL)
        time.sleep(1)  # its workers notice by themselves
        self._cluster.remove_node(node, allow_graceful=False)
        self._nodes.remove(node)
        self._nodes.append(self._cluster.add_node(**self._others))

    def close(self) -> None:
        self._cluster.shutdown()


class Run:
    """The training, in a process of its own that is started again whenever it is found dead."""

    def __init__(self, command: list[str], folder: Path, address: str) -> None:
        self.folder, self._command = folder, command
        self._environment = os.environ | {"RAY_ADDRESS": address}
        self.log = folder.with_suffix(".log")
        self.starts = 0
        self.start()

    def start(self) -> None:
        self.starts += 1
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )

    def ended(self) -> bool:
        """Whether it has come to its end; one that failed is an error of ours."""
        code = self.process.poll()
        if code not in (None, 0, -signal.SIGKILL):
            raise RuntimeError(f"the run failed with {code}:\n{self.log.read_text()[-3000:]}")
        return code == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)
        self.start()


def victims(machines: Machines, kind: str) -> list[psutil.Process]:
    """The processes of this kind that live now."""
    titles = TITLES[CHILDREN.get(kind, kind)]
    actors = [p for p in machines.processes() if _title(p).startswith(tuple(f"ray::{title}" for title in titles))]
    if kind not in CHILDREN:
        return actors
    return [child for actor in actors for child in _children(actor)]


def strike(kind: str, machines: Machines, run: Run, dice: random.Random) -> None:
    """One fault. Waits until there is something of this kind to kill."""
    if kind == "driver":
        return run.kill()
    if kind == "machine":
        return machines.lose_one(dice)
    end = time.monotonic() + LATEST_SECONDS
    while time.monotonic() < end and not run.ended():
        if found := victims(machines, kind):
            with suppress(psutil.NoSuchProcess):
                dice.choice(found).kill()
                return None
        time.sleep(0.2)
    if not run.ended():
        raise TimeoutError(f"no {kind} to kill within {LATEST_SECONDS:.0f} s")
    return None


# What must hold


def books(folder: Path) -> tuple[Counter[str], list[str]]:
    """Attempts by outcome, and every entry that is against the law.

    Dispatched = stored, by outcome, + in flight: a problem that counts as finished has all its attempts, each once, and
    a refinement for each that got a verdict; of one that does not, nothing is stored but what a broken machine left.
    """
    wrong: list[str] = []
    outcomes: Counter[str] = Counter()
    try:
        store = Store(folder / "memory.sqlite", read_only=True)
    except StoreError:  # not made yet
        return outcomes, wrong
    with store:
        attempts = store.attempts(kinds=("explore", "refine"), tokens=False)
        keys = Counter(t.key for t in attempts)
        wrong += [f"{key} is stored {n} times" for key, n in keys.items() if n > 1]
        slots: dict[tuple[int, str], dict[str, set[int]]] = {}
        for t in attempts:
            outcomes[t.feedback.outcome] += 1
            kinds = slots.setdefault(
                (t.key.iteration, t.key.problem), {"explore": set(), "judged": set(), "refine": set()}
            )
            kinds[t.key.kind].add(t.key.slot)
            if t.key.kind == "explore" and t.feedback.outcome.is_verdict:
                kinds["judged"].add(t.key.slot)
        finished = {i: store.finished(i, "train") for i in {iteration for iteration, _ in slots}}
        for (iteration, problem), kinds in slots.items():
            if problem not in finished[iteration]:
                continue
            if len(kinds["explore"]) < SAMPLES or kinds["judged"] != kinds["refine"]:
                wrong.append(f"{problem} of iteration {iteration} is finished and lacks attempts: {kinds}")
    return outcomes, wrong


def accepted(folder: Path) -> set[tuple[AttemptKey, str]]:
    with Store(folder / "memory.sqlite", read_only=True) as store:
        return {(t.key, t.program) for t in store.attempts(tokens=False) if t.feedback.outcome is Outcome.accepted}


def lost(folder: Path, problems: int, iterations: int) -> int:
    """Problems that a run which has ended did not finish."""
    with Store(folder / "memory.sqlite", read_only=True) as store:
        return sum(problems - len(store.finished(iteration, "train")) for iteration in range(1, iterations + 1))


def orphans(token: str, seen: set[psutil.Process]) -> list[str]:
    """Processes of the run that live on after all is over and a time of grace has passed.

    `seen` were below a raylet once: Ray writes its workers' titles over the place where their mark stands.
    """
    end = time.monotonic() + GRACE_SECONDS
    while True:
        marked_ones = {p for p in psutil.process_iter() if _mark(p) == token}
        left = [p for p in seen | marked_ones if _lives(p)]
        if not left or time.monotonic() > end:
            return [f"{p.pid} {_title(p)[:80]}" for p in left]
        time.sleep(0.5)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


# The whole


@contextmanager
def marked() -> Iterator[str]:
    """Everything started within carries a mark, and Ray's token."""
    token = secrets.token_hex(16)
    os.environ |= {
        MARK: token,
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }
    try:
        yield token
    finally:
        del os.environ[MARK]


def disturb(faults: int, kinds: tuple[str, ...], command: list[str], folder: Path, seed: int) -> dict[str, Any]:
    """Start the run, strike so many times, let it come to its end; what was seen."""
    dice = random.Random(seed)
    order = [kinds[i % len(kinds)] for i in range(faults)]
    dice.shuffle(order)
    struck: Counter[str] = Counter()
    wrong: list[str] = []
    seen: set[psutil.Process] = set()
    begun = time.monotonic()
    with marked() as token:
        machines = Machines()
        try:
            run = Run(command, folder, machines.address)
            for number, kind in enumerate(order, start=1):
                time.sleep(dice.uniform(*REST_SECONDS))
                if run.ended():
                    break
                seen.update(machines.processes())
                strike(kind, machines, run, dice)
                struck[kind] += 1
                outcomes, found = books(folder)
                wrong += [f"after fault {number} ({kind}): {entry}" for entry in found]
                print(
                    f"{number:4} {kind:<12} {outcomes.total():6,} stored  {dict(outcomes)}  {len(found)} wrong",
                    flush=True,
                )
            while not run.ended():
                time.sleep(1)
        finally:
            machines.close()
        left = orphans(token, seen)
    return {
        "faults": dict(struck),
        "seconds": round(time.monotonic() - begun),
        "starts of the driver": run.starts,
        "against the law": wrong,
        "orphans": left,
        "outcomes": dict(books(folder)[0]),
    }


def main(
    faults: Annotated[int, typer.Option()] = 440,
    real: Annotated[bool, typer.Option(help="vLLM and DeepSpeed instead of scripted parts.")] = False,
    iterations: Annotated[int, typer.Option()] = 20,
    problems: Annotated[int, typer.Option(help="In each iteration.")] = 100,
    seed: Annotated[int, typer.Option()] = 1,
    to: Annotated[Path | None, typer.Option(help="Default: benchmarks/results/chaos-DATE.json.")] = None,
) -> None:
    found = machine()
    print(described(found))
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "disturbed"
        sizes = ["--iterations", str(iterations), "--problems", str(problems)]
        script = [sys.executable, str(ROOT / "benchmarks" / "disturbed.py")]
        settings = [f"run.iterations={iterations}", f"world.problems={problems}", f"explore.samples={SAMPLES}"]
        placed = [f"actors.{kind}.node={kind}" for kind in ("environment", "generator")]
        train = [sys.executable, "-m", "envisions", "train", "examples/laptop.toml", f"run.folder={folder}"]
        command = [*train, *settings, *placed] if real else [*script, str(folder), *sizes]
        seen = disturb(faults, REAL if real else SCRIPTED, command, folder, seed)
        seen["lost"] = lost(folder, problems, iterations)
        if not real:
            whole = Path(scratch) / "undisturbed"
            subprocess.run([*script, str(whole), *sizes, "--alone"], cwd=ROOT, check=True)
            ours, theirs = accepted(folder), accepted(whole)
            seen |= {"accepted": len(ours), "accepted undisturbed": len(theirs), "differ": len(ours ^ theirs)}
    print(json.dumps(seen, indent=1))
    to = to or ROOT / "benchmarks" / "results" / f"chaos-{'real' if real else 'scripted'}-{found['date']}.json"
    to.parent.mkdir(exist_ok=True)
    to.write_text(json.dumps(found | {"chaos": seen}, indent=1) + "\n")
    if seen["against the law"] or seen["orphans"] or seen["lost"] or seen.get("differ"):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)

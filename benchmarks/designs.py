"""Ways to run programs: ours, with and without its layers, and those that it is compared with."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from annotations import Task, plainly, same

from actors.environment import EnvironmentWorker
from actors.fleet import FleetConfig, launch
from envisions import cluster
from envisions.records import Outcome, Problem
from envs.math.environment import MathEnvironment
from envs.sandbox.sandbox import Sandbox, SandboxConfig

PATIENT = {"seconds": 60.0, "cpu_seconds": 20}  # nothing may run out of time because others use the cores
IN_FLIGHT = 2  # programs with each zygote: one runs while the next is forked
IN_FLIGHT_RAY = 16  # with each worker: requests wait in letters, see actors.mailbox
WORKERS = 2
SYMPY = "import sympy\n"
PRINTING = "\nimport json\nprint(json.dumps(solution()))"
BUBBLEWRAP = ("--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev")


class Lap(NamedTuple):
    """How long some programs took together, and each of them."""

    seconds: float
    latencies: list[float]


Measure = Callable[[Sequence[Task]], Lap]


class Absent(Exception):
    """A design that this machine does not have."""


def each(run: Callable[[str], object], tasks: Sequence[Task], in_flight: int = 1) -> Lap:
    """Run these programs, so many at once; raises ValueError when one of them gives anything but its answer."""

    def one(task: Task) -> float:
        begun = time.perf_counter()
        value = run(task.program)
        seconds = time.perf_counter() - begun
        if not same(value, task.answer):
            raise ValueError(f"{task.program!r} gave {value!r} instead of {task.answer}")
        return seconds

    begun = time.perf_counter()
    if in_flight == 1:
        latencies = [one(task) for task in tasks]
    else:
        with ThreadPoolExecutor(in_flight) as threads:
            latencies = list(threads.map(one, tasks))
    return Lap(time.perf_counter() - begun, latencies)


@contextmanager
def zygotes(
    count: int, *, layers: Sequence[str] | None = None, in_flight: int | None = None, above: str = ""
) -> Iterator[Measure]:
    """Our sandbox; `above` is put before each program."""
    in_flight = in_flight or IN_FLIGHT * count
    with Sandbox(SandboxConfig(zygotes=count, parallel=in_flight, **PATIENT), layers=layers) as sandbox:
        yield lambda tasks: each(lambda program: sandbox.run(above + program).value, tasks, in_flight)


@contextmanager
def apart(run: Callable[[str], object]) -> Iterator[Measure]:
    """Everything in one process beside this one, which has one thread."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield lambda tasks: pool.submit(each, run, tasks).result()


def forked(program: str) -> object:
    """Run it in a fork that nothing confines or watches."""
    outlet, inlet = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(inlet, json.dumps(plainly(program)).encode())
        os._exit(0)
    os.close(inlet)
    value = json.loads(os.read(outlet, 1 << 16))
    os.close(outlet)
    os.waitpid(child, 0)
    return value


@contextmanager
def process_pool() -> Iterator[Measure]:
    """Python's own pool: nothing is confined, and nothing can be stopped."""
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        run = lambda program: pool.submit(plainly, program).result()  # noqa: E731
        yield lambda tasks: each(run, tasks, IN_FLIGHT * WORKERS)


@contextmanager
def command(*before: str, above: str = "") -> Iterator[Measure]:
    """A new Python for each program, perhaps within another command."""
    if before and shutil.which(before[0]) is None:
        raise Absent(f"{before[0]} not found")
    python = [*before, sys.executable, "-I", "-c"]

    def run(program: str) -> object:
        ran = subprocess.run([*python, above + program + PRINTING], capture_output=True, text=True, check=False)
        if ran.returncode and before:
            raise Absent(f"{before[0]}: {ran.stderr.strip()[-200:]}")
        return json.loads(ran.stdout)

    yield lambda tasks: each(run, tasks, WORKERS)


@contextmanager
def ray_workers() -> Iterator[Measure]:
    """Environment workers as in a run, a zygote each; they also compare the answers."""
    build = partial(MathEnvironment, SandboxConfig(parallel=IN_FLIGHT, **PATIENT))
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="sandbox-"))
        cluster.connect("sandbox", Path(folder))
        stack.callback(cluster.disconnect)
        loop = stack.enter_context(asyncio.Runner())
        fleet = launch("environment", EnvironmentWorker, (build,), FleetConfig(count=WORKERS, cores=0.5))
        stack.callback(lambda: loop.run(fleet.close()))
        loop.run(fleet.ready())
        gate = asyncio.Semaphore(IN_FLIGHT_RAY * WORKERS)

        async def one(task: Task) -> float:
            problem = Problem(id="", world="math", question="", answer=str(task.answer), split="train")
            async with gate:
                begun = time.perf_counter()
                feedback = await fleet.call(EnvironmentWorker.execute, problem, task.program)
                if feedback.outcome is not Outcome.accepted:
                    raise ValueError(f"{task.program!r} was {feedback.outcome}: {feedback.error}")
                return time.perf_counter() - begun

        async def together(tasks: Sequence[Task]) -> Lap:
            begun = time.perf_counter()
            latencies = await asyncio.gather(*map(one, tasks))
            return Lap(time.perf_counter() - begun, latencies)

        yield lambda tasks: loop.run(together(tasks))


class Design(NamedTuple):
    """A way to run programs, and which share of them it runs: the slow ones need fewer."""

    start: Callable[[], AbstractContextManager[Measure]]
    share: float = 1.0


DESIGNS = {
    "one_at_a_time": Design(partial(zygotes, 1, in_flight=1)),
    "zygote": Design(partial(zygotes, 1)),
    "zygotes_2": Design(partial(zygotes, 2)),
    "zygotes_4": Design(partial(zygotes, 4)),
    "without_layers": Design(partial(zygotes, 1, layers=())),
    "with_sympy": Design(partial(zygotes, 1, above=SYMPY)),
    "bare_fork": Design(partial(apart, forked)),
    "exec": Design(partial(apart, plainly)),
    "process_pool": Design(process_pool),
    "ray_workers": Design(ray_workers),
    "subprocess": Design(command, 0.2),
    "subprocess_with_sympy": Design(partial(command, above=SYMPY), 0.05),
    "bubblewrap": Design(partial(command, "bwrap", *BUBBLEWRAP), 0.2),
    "bubblewrap_with_sympy": Design(partial(command, "bwrap", *BUBBLEWRAP, above=SYMPY), 0.05),
}

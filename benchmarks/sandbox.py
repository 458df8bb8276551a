"""What confining programs costs: rates on the screen, every figure in results/sandbox-DATE.json.

    python benchmarks/sandbox.py            every design (about two minutes on two cores that do nothing else)
    python benchmarks/sandbox.py --quick    the same way, too short to mean anything

The designs take turns, a part of the programs each, so that what else the machine does hits all of them alike.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Annotated, Any, NamedTuple

import typer
from annotations import Task, tasks
from designs import DESIGNS, IN_FLIGHT, IN_FLIGHT_RAY, WORKERS, Absent, Lap, Measure
from machine import described, machine
from rich.console import Console
from rich.table import Table

from envisions.files import write_aside

ROOT = Path(__file__).resolve().parent.parent
NOTES = ROOT.parent / "shared" / "data" / "math" / "gsm8k_train.jsonl"


class Sizes(NamedTuple):
    """How much is measured."""

    programs: int
    rounds: int  # into which the programs are divided


FULL, QUICK = Sizes(programs=1000, rounds=10), Sizes(programs=4, rounds=1)


class Goal(NamedTuple):
    """What a design must reach: so many programs/s, or so many for each one of another design."""

    design: str
    least: float
    of: str = ""


GOALS = (
    Goal("zygote", 230),
    Goal("zygotes_2", 350),
    Goal("zygote", 0.85, "without_layers"),
    Goal("zygote", 50, "subprocess_with_sympy"),
    Goal("with_sympy", 50, "subprocess_with_sympy"),
    Goal("ray_workers", 0.8, "zygotes_2"),
)


def main(
    quick: Annotated[bool, typer.Option(help="Tiny sizes: does everything once, measures nothing.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Designs to measure, instead of all; once for each.")] = None,
    to: Annotated[
        Path | None, typer.Option(help="The JSON file. Default: benchmarks/results/sandbox-DATE.json.")
    ] = None,
) -> None:
    """Measure the sandbox against other ways to run programs."""
    sizes = QUICK if quick else FULL
    if unknown := set(only or ()) - DESIGNS.keys():
        raise typer.BadParameter(f"{min(unknown)!r} is no design; choose from {', '.join(DESIGNS)}")
    source, programs = tasks(NOTES, sizes.programs)
    found = machine() | {"quick": quick, "programs": {"source": source, "count": len(programs)}}
    found["settings"] = {"rounds": sizes.rounds, "in_flight": IN_FLIGHT, "in_flight_ray": IN_FLIGHT_RAY}
    found["settings"]["workers"] = WORKERS
    with Console(stderr=True).status("") as screen:
        laps, found["not_run"] = measure(only or list(DESIGNS), programs, sizes.rounds, screen.update)
    found["designs"] = {name: summary(each) for name, each in laps.items()}
    found["goals"] = list(reached(found["designs"]))
    print_tables(found)
    name = "-".join(filter(None, ("sandbox", found["date"], quick and "quick")))
    to = to or ROOT / "benchmarks" / "results" / f"{name}.json"
    write_aside(to, json.dumps(found, indent=1) + "\n")
    print(f"every figure: {to}")


def measure(
    names: Sequence[str], programs: Sequence[Task], rounds: int, say: Callable[[str], object]
) -> tuple[dict[str, list[Lap]], dict[str, str]]:
    """The laps of each design, and why some were not run. One program goes first and is not counted."""
    laps: dict[str, list[Lap]] = {}
    absent: dict[str, str] = {}
    with ExitStack() as stack:
        running: dict[str, Measure] = {}
        for name in names:
            say(f"{spoken(name)} starts")
            try:
                running[name] = stack.enter_context(DESIGNS[name].start())
                running[name](programs[:1])
                laps[name] = []
            except Absent as reason:
                running.pop(name, None)
                absent[name] = str(reason)
        part = math.ceil(len(programs) / rounds)
        for start in range(0, len(programs), part):
            for name, run in running.items():
                say(f"{start} of {len(programs)} programs: {spoken(name)}")
                count = math.ceil(DESIGNS[name].share * part)
                laps[name].append(run(programs[start : start + part][:count]))
    return laps, absent


def summary(laps: Sequence[Lap]) -> dict[str, Any]:
    """Programs/s over all laps, the latency of the middle program and of the slowest in a hundred, and each lap."""
    latencies = sorted(latency for lap in laps for latency in lap.latencies)
    return {
        "programs": len(latencies),
        "programs_per_second": len(latencies) / sum(lap.seconds for lap in laps),
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[int(0.99 * len(latencies))],
        "laps": [len(lap.latencies) / lap.seconds for lap in laps],
    }


def reached(designs: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each goal whose designs were run, and what was reached: a ratio is the median over the rounds."""
    for goal in GOALS:
        if goal.design not in designs or goal.of not in {"", *designs}:
            continue
        rate = designs[goal.design]["programs_per_second"]
        if goal.of:
            laps = zip(designs[goal.design]["laps"], designs[goal.of]["laps"], strict=True)
            rate = median(ours / theirs for ours, theirs in laps)
        yield {**goal._asdict(), "reached": rate}


def print_tables(found: dict[str, Any]) -> None:
    screen = Console()
    origin = f"{found['programs']['count']} programs from {found['programs']['source']}"
    quick = "; QUICK, so no measurement" if found["quick"] else ""
    screen.print(f"{described(found)}; {origin}{quick}", highlight=False)
    sheet = Table("design", "programs/s", "p50 ms", "p99 ms", "of one zygote")
    ours = found["designs"].get("zygote", {}).get("programs_per_second")
    for name, each in found["designs"].items():
        rate = each["programs_per_second"]
        share = f"{rate / ours:.2f}x" if ours else ""
        sheet.add_row(spoken(name), f"{rate:,.1f}", f"{each['p50_ms']:.2f}", f"{each['p99_ms']:.2f}", share)
    for name, reason in found["not_run"].items():
        sheet.add_row(spoken(name), f"not run: {reason}", "", "", "")
    screen.print(sheet)
    sheet = Table("goal", "at least", "reached")
    for goal in found["goals"]:
        title = f"{spoken(goal['design'])}, {'as a multiple of ' + spoken(goal['of']) if goal['of'] else 'programs/s'}"
        sheet.add_row(title, f"{goal['least']:g}", f"{goal['reached']:.2f}")
    screen.print(sheet)


def spoken(name: str) -> str:
    return name.replace("_", " ")


if __name__ == "__main__":
    typer.run(main)

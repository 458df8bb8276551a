"""Episodes a second of the web world's browser against other ways to drive one: tables, and results/browser-DATE.json.

    python benchmarks/browser.py            every design (a few minutes on two cores that do nothing else)
    python benchmarks/browser.py --quick    the same way, too short to mean anything

Every episode is one click, half of them of click-test and half of click-button, and must succeed. The designs take
turns, a part of the episodes each, so that what else the machine does hits all of them alike. Two designs need more
than the product does: pip install miniwob (with its dependencies) and apt-get install chromium-driver; pip install
browsergym-miniwob. What is missing is said.
"""

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Annotated, Any, NamedTuple

import typer
from browsers import DESIGNS, PATIENT, Episode, Lap, one_click
from designs import Absent
from machine import described, machine
from rich.console import Console
from rich.table import Table

from envisions.files import write_aside
from envs.web.episode import EpisodeConfig
from envs.web.farm import Farm

ROOT = Path(__file__).resolve().parent.parent
RECORDED = ROOT.parent / "shared" / "data" / "web" / "miniwob_scripts.jsonl"


class Sizes(NamedTuple):
    """How much is measured."""

    episodes: int  # a round and design; the slow designs get a share
    rounds: int


FULL, QUICK = Sizes(episodes=400, rounds=5), Sizes(episodes=10, rounds=1)


class Goal(NamedTuple):
    """What the best of some designs must reach: so many episodes/s, or so many for each one of the best of others."""

    title: str
    designs: str
    least: float
    of: str = ""


GOALS = (
    Goal("ours at its best, episodes/s", "ours", 250),
    Goal("recorded scripts on one page, episodes/s", "recorded", 25),
    Goal("ours for each episode of Selenium with screenshots", "ours", 15, "selenium_with_screenshots"),
    Goal("ours for each episode of Selenium without", "ours", 5, "selenium_without_screenshots"),
    Goal("ours for each episode in a browser of its own", "ours", 50, "browser_per_episode"),
)


def main(
    quick: Annotated[bool, typer.Option(help="Tiny sizes: does everything once, measures nothing.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Designs to measure, instead of all.")] = None,
    to: Annotated[Path | None, typer.Option(help="Default: benchmarks/results/browser-DATE.json.")] = None,
) -> None:
    """Measure the web world's browser against other ways to drive one."""
    sizes = QUICK if quick else FULL
    if unknown := set(only or ()) - DESIGNS.keys():
        raise typer.BadParameter(f"{min(unknown)!r} is no design; choose from {', '.join(DESIGNS)}")
    found = machine() | {"quick": quick, "settings": sizes._asdict()}
    episodes, found["browser"] = drawn(sizes.episodes * sizes.rounds + 1)
    with Console(stderr=True).status("") as screen:
        laps, found["not_run"] = measure(only or list(DESIGNS), episodes, sizes, screen.update)
    found["designs"] = {name: summary(each) for name, each in laps.items()}
    found["goals"] = list(reached(found["designs"]))
    print_tables(found)
    name = "-".join(filter(None, ("browser", found["date"], quick and "quick")))
    to = to or ROOT / "benchmarks" / "results" / f"{name}.json"
    write_aside(to, json.dumps(found, indent=1) + "\n")
    print(f"every figure: {to}")


def measure(
    names: Sequence[str], episodes: Sequence[Episode], sizes: Sizes, say: Callable[[str], object]
) -> tuple[dict[str, list[Lap]], dict[str, str]]:
    """The laps of each design, and why some were not run. One episode goes first and is not counted.

    Each design is alone in memory while it runs: an idle browser would disturb its neighbours.
    """
    laps: dict[str, list[Lap]] = {}
    absent: dict[str, str] = {}
    for number in range(sizes.rounds):
        for name in (name for name in names if name not in absent):
            say(f"round {number + 1} of {sizes.rounds}: {name.replace('_', ' ')}")
            design = DESIGNS[name]
            part = episodes[1 + number * sizes.episodes :][: max(2, round(design.share * sizes.episodes))]
            part = sorted(part)  # task by task, as a run has them: a page is loaded when its task changes
            try:
                with ExitStack() as stack:
                    run = stack.enter_context(design.start(RECORDED))
                    run(episodes[:1])
                    laps.setdefault(name, []).append(run(part))
            except Absent as reason:
                absent[name] = str(reason)
    return laps, absent


def drawn(count: int) -> tuple[list[Episode], str]:
    """Episodes under seeds that differ, each with the click that ends it well, and the browser that drew them."""
    farm = Farm(EpisodeConfig(pages=1, seconds=PATIENT))
    try:
        return [one_click(farm, number) for number in range(count)], farm.version
    finally:
        farm.close()


def summary(laps: Sequence[Lap]) -> dict[str, Any]:
    """Episodes/s: the median lap, each lap; and the memory of all processes together at its highest."""
    rates = [lap.episodes / lap.seconds for lap in laps]
    used = [lap.episodes / lap.cpu_seconds for lap in laps if lap.cpu_seconds]
    return {
        "episodes": sum(lap.episodes for lap in laps),
        "episodes_per_second": median(rates),
        "episodes_per_cpu_second": median(used) if used else None,
        "memory_mib": max(lap.memory_mib for lap in laps),
        "laps": rates,
    }


def reached(designs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Each goal whose designs were run, and what was reached, each side at its best."""

    def best(prefix: str) -> float | None:
        rates = [each["episodes_per_second"] for name, each in designs.items() if name.startswith(prefix)]
        return max(rates, default=None)

    lines = []
    for goal in GOALS:
        ours, theirs = best(goal.designs), best(goal.of) if goal.of else 1.0
        if ours is not None and theirs is not None:
            lines.append({**goal._asdict(), "reached": ours / theirs})
    return lines


def print_tables(found: dict[str, Any]) -> None:
    screen = Console()
    quick = "; QUICK, so no measurement" if found["quick"] else ""
    load = f"; load {os.getloadavg()[0]:.1f} after, {time.strftime('%H:%M')}"
    screen.print(f"{described(found)}{load}{quick}", highlight=False)
    best = max((each["episodes_per_second"] for name, each in found["designs"].items() if "ours" in name), default=0)
    sheet = Table("design", "episodes/s", "per cpu-s", "memory MiB", "ours at its best is")
    for name, each in found["designs"].items():
        rate, used = each["episodes_per_second"], each["episodes_per_cpu_second"]
        ratio = f"{best / rate:.1f}x" if best else ""
        cpu = f"{used:,.1f}" if used else ""
        sheet.add_row(name.replace("_", " "), f"{rate:,.1f}", cpu, f"{each['memory_mib']:,.0f}", ratio)
    for name, reason in found["not_run"].items():
        sheet.add_row(name.replace("_", " "), f"not run: {reason}", "", "", "")
    screen.print(sheet)
    sheet = Table("goal", "at least", "reached")
    for goal in found["goals"]:
        sheet.add_row(goal["title"], f"{goal['least']:g}", f"{goal['reached']:.1f}")
    screen.print(sheet)


if __name__ == "__main__":
    typer.run(main)

"""ENVISIONS beside its ablations and its rivals: the same problems, model and sampling budget, several seeds.

    python benchmarks/strategies.py                                 # hours; the same call goes on where it was cut off
    python benchmarks/strategies.py --world math --strategy envisions --strategy iter-sft --seed 1

One JSON a cell (world x strategy x seed) in the folder `--to`, with date, versions, hardware and every test problem's
verdict; then table.md and table.json over all cells that are there. A cell that is there is not run again. Each
strategy may try as many programs of a problem as ENVISIONS samples and refines.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import psutil
import typer
from machine import machine

from envisions.config import RunConfig, load
from envisions.files import write_aside
from envisions.folder import flat
from envisions.records import Outcome
from pool.store import Store

ROOT = Path(__file__).parents[1]
SEEDS = (1, 2, 3)
LIMIT = 600.0  # seconds of a cell
DRAWS = 10_000  # of the bootstrap
MEASURE = "envisions"  # what the others are compared with
FEW = ("envisions", "no-refinement", "star-env", "iter-sft")
SMALL_STEPS = ("learn.dpo.rate=2e-5",)  # the paper's rate moves nothing at this size


@dataclass(frozen=True, slots=True)
class Field:
    """One world's part of the grid: a run file, what is changed in it, and the strategies."""

    run_file: str
    strategies: Sequence[str] = FEW
    overrides: Sequence[str] = ()
    of_strategy: Mapping[str, Sequence[str]] = field(default_factory=dict)  # further changes, for one of them


GRID = {
    "math": Field(
        "examples/laptop.toml",
        strategies=(*FEW, "no-self-reward", "no-memory", "no-l2", "iter-sft-dpo", "self-rewarding-likelihood"),
        of_strategy={"iter-sft-dpo": SMALL_STEPS, "self-rewarding-likelihood": SMALL_STEPS},
    ),
    "logic": Field("examples/logic.toml"),
    "web": Field("examples/web.toml"),
}


class Cell(NamedTuple):
    world: str
    strategy: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.world}-{self.strategy}-{self.seed}"


Train = Callable[
    [RunConfig, Sequence[str], Path, float], bool
]  # run, its arguments, folder, seconds -> whether it ended


def arguments(cell: Cell, grid: Mapping[str, Field], folder: Path) -> list[str]:
    """Run file and overrides of a cell. Who does not refine samples twice as many instead."""
    place = grid[cell.world]
    run_file = str(ROOT / place.run_file)
    changes = [*place.overrides, *place.of_strategy.get(cell.strategy, ())]
    changes += [f"run.strategy={cell.strategy}", f"run.seed={cell.seed}"]
    changes += [f"run.name={cell.name}", f"run.folder={folder}"]
    budget = programs(load(run_file, [*place.overrides, f"run.strategy={MEASURE}"]))
    samples = budget // (2 if load(run_file, changes).explore.refine else 1)
    return [run_file, *changes, f"explore.samples={samples}"]


def programs(run: RunConfig) -> int:
    """How many programs a run tries of each problem in an iteration."""
    return run.explore.samples * (2 if run.explore.refine else 1)


def train(run: RunConfig, given: Sequence[str], folder: Path, limit: float) -> bool:
    """`envisions train` in a process of its own, ended with all it started when the time is up."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "envisions", "train", *given], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            if code := process.wait(limit):
                raise RuntimeError(f"{folder.name} ended with code {code}; {log.name} says why")
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.poll() is None:
                for child in (*psutil.Process(process.pid).children(recursive=True), process):
                    child.kill()
                process.wait()
    return True


def measured(cell: Cell, run: RunConfig, folder: Path) -> dict[str, Any]:
    """What a run came to: its reports, and the verdict on every test problem at its end (1 = accepted)."""
    with Store(folder / "memory.sqlite", read_only=True) as store:
        if not (reports := store.reports()):
            raise RuntimeError(f"{folder} has not even the base's report after the cell's time; raise --limit")
        last = store.attempts(iterations=[reports[-1].iteration], kinds=["evaluate"], tokens=False)
    verdicts = {
        f"{t.problem.split}/{t.key.problem}": int(t.feedback.outcome is Outcome.accepted)
        for t in last
        if t.feedback.outcome.is_verdict
    }
    return {
        **cell._asdict(),
        "programs_per_problem": programs(run),
        "accuracy": [{name: share.value for name, share in report.accuracy.items()} for report in reports],
        "verdicts": verdicts,
        "attempts": sum(report.attempts for report in reports),
        "tokens": {name: sum(report.tokens.get(name, 0) for report in reports) for name in ("sampled", "trained")},
        "lessons": [dict(report.lessons) for report in reports],
        "seconds": sum(sum(report.seconds.values()) for report in reports),
        "settings": flat(run.model_dump(mode="json", exclude_none=True)),
    }


def run_cells(
    cells: Sequence[Cell], to: Path, grid: Mapping[str, Field] = GRID, limit: float = LIMIT, how: Train = train
) -> Iterator[dict[str, Any]]:
    """Run the cells that have no file yet; yields every cell's measurements."""
    for cell in cells:
        file = to / f"{cell.name}.json"
        if not file.exists():
            folder = (to / "runs" / cell.name).absolute()
            given = arguments(cell, grid, folder)
            run = load(given[0], given[1:])
            made_with = machine()
            ended = how(run, given, folder, limit)
            found = {**made_with, **measured(cell, run, folder), "ended": ended}
            write_aside(file, json.dumps(found, indent=1) + "\n")
        yield json.loads(file.read_text())


# The table


def difference(ours: np.ndarray, theirs: np.ndarray, draws: int = DRAWS, seed: int = 0) -> dict[str, float]:
    """Paired bootstrap of the difference of two accuracies: seeds and, within them, test problems are drawn anew.

    Both arrays are (seeds, problems) of 0 and 1. `interval` holds 95 %; `p` is two-sided.
    """
    gaps_SP = ours.astype(float) - theirs.astype(float)
    seeds, problems = gaps_SP.shape
    dice = np.random.default_rng(seed)
    drawn = np.empty(draws)
    for i in range(draws):
        of_seeds, of_problems = dice.integers(seeds, size=seeds), dice.integers(problems, size=problems)
        drawn[i] = gaps_SP[of_seeds][:, of_problems].mean()
    low, high = np.quantile(drawn, (0.025, 0.975))
    p = min(1.0, 2 * min((drawn <= 0).mean(), (drawn >= 0).mean()))
    return {"mean": float(gaps_SP.mean()), "low": float(low), "high": float(high), "p": float(p)}


def table(cells: Sequence[Mapping[str, Any]], draws: int = DRAWS) -> list[dict[str, Any]]:
    """One row a world and strategy: accuracy over seeds, and what ENVISIONS has more, over the seeds both have."""
    rows = []
    for world in dict.fromkeys(cell["world"] for cell in cells):
        by_strategy: dict[str, dict[int, Mapping[str, Any]]] = {}
        for cell in cells:
            if cell["world"] == world:
                by_strategy.setdefault(cell["strategy"], {})[cell["seed"]] = cell
        of_world = [
            _row(world, name, found, by_strategy.get(MEASURE, {}), draws) for name, found in by_strategy.items()
        ]
        of_world.sort(key=lambda row: -row["accuracy"])
        rows += [{**row, "rank": rank} for rank, row in enumerate(of_world, start=1)]
    return rows


def _row(
    world: str, name: str, found: Mapping[int, Mapping[str, Any]], measure: Mapping[int, Mapping[str, Any]], draws: int
) -> dict[str, Any]:
    accuracies = [float(np.mean(list(cell["verdicts"].values()))) for cell in found.values()]
    row = {
        "world": world,
        "strategy": name,
        "seeds": sorted(found),
        "accuracy": float(np.mean(accuracies)),
        "spread": float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else 0.0,
        "base": float(np.mean([_mean_of_sets(cell) for cell in found.values()])),
        "attempts": float(np.mean([cell["attempts"] for cell in found.values()])),
        "seconds": float(np.mean([cell["seconds"] for cell in found.values()])),
        "cut_off": sum(not cell["ended"] for cell in found.values()),
    }
    shared = sorted(found.keys() & measure.keys())
    if name == MEASURE or not shared:
        return row
    pairs = [(measure[seed]["verdicts"], found[seed]["verdicts"]) for seed in shared]
    problems = sorted(set.intersection(*(set(verdicts) for pair in pairs for verdicts in pair)))
    ours, theirs = (np.array([[pair[side][p] for p in problems] for pair in pairs]) for side in (0, 1))
    return {**row, "envisions_more": difference(ours, theirs, draws)}


def _mean_of_sets(cell: Mapping[str, Any]) -> float:
    """The base's accuracy over the test sets, each by its number of problems; what else was measured left out."""
    sizes: dict[str, int] = {}
    for name in cell["verdicts"]:
        sizes[name.partition("/")[0]] = sizes.get(name.partition("/")[0], 0) + 1
    return sum(cell["accuracy"][0][name] * n for name, n in sizes.items()) / sum(sizes.values())


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table for people; percentages, and points of difference."""
    lines = [
        "| world | rank | strategy | base | accuracy | seeds | ENVISIONS has more by | attempts | seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        more = row.get("envisions_more")
        gap = (
            "-"
            if more is None
            else f"{100 * more['mean']:+.1f} ({100 * more['low']:+.1f} to {100 * more['high']:+.1f})"
        )
        seeds = f"{len(row['seeds'])}" + (f", {row['cut_off']} cut off" if row["cut_off"] else "")
        lines.append(
            f"| {row['world']} | {row['rank']} | {row['strategy']} | {100 * row['base']:.1f} "
            f"| {100 * row['accuracy']:.1f} ± {100 * row['spread']:.1f} | {seeds} | {gap} "
            f"| {row['attempts']:,.0f} | {row['seconds']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main(
    to: Annotated[Path, typer.Option(help="Where cells and table go.")] = Path("runs/strategies"),
    world: Annotated[list[str] | None, typer.Option(help="Only these worlds.")] = None,
    strategy: Annotated[list[str] | None, typer.Option(help="Only these strategies.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Only these seeds.")] = None,
    limit: Annotated[float, typer.Option(help="Seconds of a cell.")] = LIMIT,
) -> None:
    """Run what has not been run, seed by seed; then print the table of all that is there."""
    cells = [
        Cell(name, chosen, number)
        for number in seed or SEEDS
        for name, place in GRID.items()
        for chosen in place.strategies
        if name in (world or GRID) and chosen in (strategy or place.strategies)
    ]
    found = []
    for number, cell in enumerate(run_cells(cells, to, limit=limit), start=1):
        found.append(cell)
        last = ", ".join(f"{name} {100 * value:.1f} %" for name, value in cell["accuracy"][-1].items())
        print(f"{number}/{len(cells)} {cell['world']} {cell['strategy']} {cell['seed']}: {last}", flush=True)
        rows = table(found)
        write_aside(to / "table.json", json.dumps({**machine(), "rows": rows}, indent=1) + "\n")
        write_aside(to / "table.md", markdown(rows))
    print(markdown(table(found)))


if __name__ == "__main__":
    typer.run(main)

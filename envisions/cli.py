"""The command line: a run file and overrides. Nothing here imports an engine, so `--help` answers at once."""

import asyncio
import json
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich import print as show_rich

from envisions import check as checking
from envisions import cluster, folder
from envisions import collect as collecting
from envisions import doctor as diagnosis
from envisions import plan as planning
from envisions import report as reporting
from envisions import show as showing
from envisions.activity import Activity
from envisions.config import RunConfig, load
from envisions.console import Console
from envisions.execution import execution
from envisions.loop import self_train
from envisions.make_base import Recipe
from envisions.make_base import make_base as make
from envisions.records import IterationReport
from envisions.tune import load_stage, tune
from envisions.wiring import LiveParts, checked
from envs.base import InfrastructureError
from pool.store import Store, StoreError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A language model trains itself on symbolic tasks, with an environment instead of a human as its teacher.",
)
RunFile = Annotated[Path, typer.Argument(help="A run file such as examples/laptop.toml.")]
Overrides = Annotated[list[str] | None, typer.Argument(help="Settings to change: section.field=value ...")]
StageFile = Annotated[Path, typer.Argument(help="A stage file such as examples/symbols/inject.toml.")]
RunFolder = Annotated[Path, typer.Argument(help="A run folder such as runs/laptop.")]


@app.command()
def train(run_file: RunFile, overrides: Overrides = None) -> None:
    """Self-train a model. The same call again goes on where an interrupted one stopped."""
    start(load(run_file, overrides or ()))


@app.command()
def resume(run_folder: RunFolder) -> None:
    """Go on with an interrupted run."""
    start(folder.config_of(run_folder))


@app.command("eval")
def evaluate(
    run_file: RunFile,
    model: Annotated[str, typer.Argument(help="A model folder, such as runs/laptop/weights/4, or a hub id.")],
    overrides: Overrides = None,
) -> None:
    """The accuracy of any model on the run's test sets, greedy; kept in a run folder of its own."""
    named = [f"run.name=eval-{Path(model).absolute().parts[-3]}-{Path(model).name}"] if Path(model).is_dir() else []
    where = str(Path(model).resolve()) if Path(model).is_dir() else model
    start(load(run_file, [*named, *(overrides or ()), f"run.model={json.dumps(where)}"]), iterations=0)


@app.command()
def plan(run_file: RunFile, overrides: Overrides = None) -> None:
    """What would be placed where, and whether it fits; starts nothing."""
    config = load(run_file, overrides or ())
    show_rich(planning.table(planning.placements(config), planning.local_nodes()))
    for warning in planning.warnings(config):
        print(f"warning: {warning}")
    planning.require(config, planning.local_nodes())


@app.command()
def doctor() -> None:
    """Check this machine: versions, engines, sandbox, ports, disk; each fault with its remedy."""
    diagnosis.main()


@app.command()
def check(world: str, file: Path) -> None:
    """Execute given programs against given problems, without a model; one JSON line a record."""
    for line in checking.check(world, file):
        print(json.dumps(line), flush=True)


@app.command("exec")
def execute(
    file: Annotated[str, typer.Argument(help="A Python file, or - to read the program from a pipe.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Limits to change: sandbox.seconds=5 ...")] = None,
    inputs: Annotated[str, typer.Option(help="JSON: a list of arguments, or an object of them by name.")] = "[]",
    call: Annotated[str, typer.Option(help="The function whose value is wanted; '' runs the file only.")] = "solution",
) -> None:
    """Run one program in the sandbox; what became of it, as JSON."""
    print(json.dumps(execution(file, inputs, call, overrides or ())))


@app.command()
def validate(
    source: Annotated[str, typer.Argument(help="What the records are: gsm8k, math, svamp ...")],
    file: Annotated[Path | None, typer.Argument(help="Default: from the hub, or generated.")] = None,
    count: Annotated[int, typer.Option(help="How many records; 0 takes all.")] = 0,
) -> None:
    """Check a set of problems: each gold answer must be accepted and a wrong one rejected. Lists the bad records."""
    bad: Counter[bool] = Counter()
    for place, fault in checking.validate(source, file, count):
        bad[bool(fault)] += 1
        if fault:
            print(f"{place}: {fault}", flush=True)
    print(f"{bad.total()} records of {source}, {bad[True]} bad")
    if bad[True]:
        raise typer.Exit(1)


@app.command()
def show(run_folder: RunFolder, problem: str) -> None:
    """One problem and all attempts at it."""
    with Store(run_folder / "memory.sqlite", read_only=True) as store:
        show_rich(showing.show(store, problem))


@app.command()
def report(run_folder: RunFolder) -> None:
    """Write report.jsonl and report.html anew from what memory holds."""
    with Store(run_folder / "memory.sqlite", read_only=True) as store:
        reporting.write(run_folder, store.reports())
    print(run_folder / "report.html")


@app.command()
def collect(
    tasks: Annotated[str, typer.Option(help="Tasks of the manifest, with commas between them, or all.")] = "all",
    data: Annotated[Path | None, typer.Option(help="Where the files of data sets lie.")] = None,
    to: Annotated[Path, typer.Option(help="The folder to write.")] = Path("collection"),
    count: Annotated[int, typer.Option(help="The most records read of each source; 0 takes all.")] = 0,
    generated: Annotated[int, typer.Option(help="Pairs to generate for each part of a task.")] = 1000,
    seed: int = 0,
    offline: Annotated[bool, typer.Option(help="Download nothing.")] = False,
    all_licences: Annotated[bool, typer.Option(help="Also what is non-commercial or without a licence.")] = False,
) -> None:
    """Build the collection of symbol tasks; a line for every task: built, or what it would need.

    What the manifest knows by its checksum is downloaded into the data folder, where one is given.
    """
    wanted = collecting.Wanted(data, count, generated, seed, all_licences, offline)
    for built in collecting.collect(tasks.split(","), wanted, to):
        print(built, flush=True)
    print(to / collecting.CARD)


@app.command()
def inject(stage_file: StageFile, overrides: Overrides = None) -> None:
    """First stage: tune a model on symbols. The same call again goes on where an interrupted one stopped."""
    tuned(stage_file, overrides)


@app.command()
def infuse(stage_file: StageFile, overrides: Overrides = None) -> None:
    """Second stage: tune an injected model on symbols and general text. `envisions train` goes on from either."""
    tuned(stage_file, overrides)


def tuned(stage_file: Path, overrides: list[str] | None) -> None:
    log = tune(load_stage(stage_file, overrides or ()))
    print(
        json.dumps({name: log[name] for name in ("texts", "dropped", "tokens", "seconds", "held_out", "fingerprint")})
    )


@app.command("make-base")
def make_base(
    recipe: Path, to: Annotated[Path | None, typer.Argument(help="Default: beside the recipe.")] = None
) -> None:
    """Make a small base model from a recipe, where none can be downloaded."""
    beside = recipe.parent.resolve()
    read = Recipe.model_validate(tomllib.loads(recipe.read_text()), context={"folder": beside})
    log = make(read, (to or beside).resolve())
    print(json.dumps({name: log[name] for name in ("parameters", "texts", "tokens", "seconds", "fingerprint")}))


def start(config: RunConfig, iterations: int | None = None) -> None:
    """Check all that can be checked before an actor starts; then train. No iterations: evaluate only."""
    iterations = config.run.iterations if iterations is None else iterations
    world = checked(config)
    if not cluster.is_given():
        planning.require(config, planning.local_nodes())
    at = folder.open_for(config)
    if world.removed.counts:
        print(world.removed)
    activity = Activity()
    parts = LiveParts(config, world, at, activity)
    nodes = cluster.connect(config.run.name, at / "logs")
    try:
        planning.require(config, planning.nodes_of(nodes))
        asyncio.run(drive(iterations, at, parts, activity))
    finally:
        cluster.disconnect()


async def drive(iterations: int, at: Path, parts: LiveParts, activity: Activity) -> None:
    """Run the loop, showing and writing down what it reports."""
    reports: list[IterationReport] = []
    with Console(activity, iterations) as console:
        try:
            await parts.start(learner=iterations > 0)
            reports = await parts.reports()
            async for event in self_train(parts, iterations=iterations):
                if isinstance(event, IterationReport):
                    reports.append(event)
                    reporting.write(at, reports)
                    console.report(event)
        finally:
            await parts.close()
    with Store(at / "memory.sqlite", read_only=True) as store:
        console.summary(at, reports, showing.some_solved(store))


def main() -> None:
    """Run a command. What the user can mend ends with one line and exit code 2, not with a traceback."""
    try:
        app()
    except (ValueError, LookupError, StoreError, InfrastructureError) as error:
        print(f"envisions: {error}", file=sys.stderr)
        sys.exit(2)

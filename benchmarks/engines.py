"""What our parts cost beside the bare engines: ratios on the screen, every figure in results/engines-DATE.json.

    python benchmarks/engines.py            all four measurements (about ten minutes on two cores that do nothing else)
    python benchmarks/engines.py --quick    the same way, too short to mean anything

The settings are those of examples/laptop.toml, the model is examples/base, or a random one of its shape.
"""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

import typer
from generation import generation
from iteration import iteration
from machine import described, machine
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from training import Say, apart, training
from update import update

from envisions import cluster
from envisions.config import RunConfig, load
from envisions.files import write_aside
from envisions.make_base import Recipe, save_untrained, texts, train_tokenizer
from envs.math.sources import SourceConfig
from envs.math.sources import load as load_problems
from envs.math.world import MathConfig, MathWorld

ROOT = Path(__file__).resolve().parent.parent


class Part(StrEnum):
    generation = "generation"
    learner = "learner"
    update = "update"
    orchestration = "orchestration"


class Sizes(NamedTuple):
    """How much of everything is measured."""

    rounds: int
    problems: int  # sampled in a round
    lessons: int
    loads: int
    explored: int  # problems of the iteration
    tested: int


FULL = Sizes(rounds=3, problems=120, lessons=1000, loads=9, explored=150, tested=60)
QUICK = Sizes(rounds=1, problems=8, lessons=64, loads=2, explored=8, tested=4)


def main(
    quick: Annotated[bool, typer.Option(help="Tiny sizes: does everything once, measures nothing.")] = False,
    only: Annotated[Part | None, typer.Option(help="One measurement instead of all four.")] = None,
    to: Annotated[
        Path | None, typer.Option(help="The JSON file. Default: benchmarks/results/engines-DATE.json.")
    ] = None,
) -> None:
    """Measure our parts against the bare engines."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # of every model that is loaded here
    sizes = QUICK if quick else FULL
    screen = Progress(
        SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"), console=Console(stderr=True)
    )
    with screen, TemporaryDirectory(prefix="engines-") as temporary:
        run, model = settings(sizes, Path(temporary), quick)
        found: dict[str, Any] = about(run, model, sizes, quick)
        for part in [only] if only else Part:
            task = screen.add_task(part, total=1)
            folder = Path(temporary, part)
            say = lambda text, task=task, part=part: screen.update(task, description=f"{part}: {text}")  # noqa: E731
            start = time.perf_counter()
            found[part] = measure(part, run, folder, sizes, say)
            found[part]["took_seconds"] = round(time.perf_counter() - start, 1)
            screen.update(task, completed=1, description=part)
    print_tables(found)
    name = "-".join(filter(None, ("engines", found["date"], only, "quick" if quick else "")))
    to = to or ROOT / "benchmarks" / "results" / f"{name}.json"
    write_aside(to, json.dumps(found, indent=1) + "\n")
    print(f"every figure: {to}")


def measure(part: Part, run: RunConfig, folder: Path, sizes: Sizes, say: Say) -> dict[str, Any]:
    """One measurement. Those that use Ray have a cluster of their own, which ends with them."""
    if part is Part.learner:
        return training(run, sizes.lessons, sizes.rounds, say)
    folder.mkdir()
    say("Ray starts")
    cluster.connect(f"engines-{part}", folder / "logs")
    try:
        match part:
            case Part.generation:
                return asyncio.run(generation(run, folder, sizes.problems, sizes.rounds, say))
            case Part.update:
                return asyncio.run(update(run, folder, sizes.loads, say))
        return asyncio.run(iteration(run, folder, say))
    finally:
        cluster.disconnect()


# What is measured, and on what


def settings(sizes: Sizes, temporary: Path, quick: bool) -> tuple[RunConfig, str]:
    """The laptop run in the size wanted, and what its model is."""
    changes = [
        'run.name="engines"',
        "run.iterations=1",
        f"world.problems={sizes.explored}",
        f"world.train.count={4 * sizes.explored}",
        f"world.test.stories.count={sizes.tested}",
    ]
    if quick:
        changes += ["learn.examples_per_step=16", "learn.threads=1"]
    base = ROOT / "examples" / "base"
    if (base / "model.safetensors").is_file():
        return load(ROOT / "examples" / "laptop.toml", [*changes, f'run.model="{base}"']), "examples/base"
    model = temporary / "untrained"
    # It never ends by itself, so what it may write is about what a trained model writes.
    run = load(ROOT / "examples" / "laptop.toml", [*changes, f'run.model="{model}"', "explore.max_tokens=40"])
    with apart() as run_apart:
        run_apart(make_untrained, run.world, model)
    return run, "random weights"


def make_untrained(world: MathConfig, folder: Path) -> None:
    recipe = Recipe(questions=SourceConfig(name="stories", count=3000, seed=41), other_worlds=300)
    examples = list(texts(recipe, MathWorld(world), load_problems(recipe.questions, "train")))
    save_untrained(recipe, train_tokenizer(recipe, examples), folder)


def about(run: RunConfig, model: str, sizes: Sizes, quick: bool) -> dict[str, Any]:
    """Date, versions, machine and settings."""
    sections = run.model_dump(mode="json", include={"explore", "learn", "engine", "actors", "sandbox", "select"})
    return {
        **machine(),
        "quick": quick,
        "model": model,
        "settings": {"sizes": sizes._asdict(), **sections},
    }


# What a person sees


def print_tables(found: dict[str, Any]) -> None:
    """One table for each measurement."""
    screen = Console()
    quick = "; QUICK, so no measurement" if found["quick"] else ""
    screen.print(f"{described(found)}; model: {found['model']}{quick}", highlight=False)
    for part, rows in TABLES.items():
        if part not in found:
            continue
        title, *columns = next(lines := rows(found[part]))
        table = Table(title, *columns, title=part, title_justify="left")
        for column in table.columns[1:]:
            column.justify = "right"
        for line in lines:
            table.add_row(*line)
        screen.print(table)


def generation_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    same, of = found["identical"]
    yield f"{of} requests, {same} identical, {found['mean_tokens']:.0f} tokens each", "tokens/s", "ratio", "goal"
    for name, rate in found["tokens_per_second"].items():
        yield spoken(name), f"{rate:,.0f}", *ratio(found, name)


def learner_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    yield f"{found['lessons']} lessons, {found['tokens']:,} tokens", "tokens/s", "padding", "limit", "learner", "goal"
    for name, rate in found["tokens_per_second"].items():
        padding = found["share_of_padding"].get(name)
        share = f"{found['share_of_matrix_product'][name]:.0%}"
        yield spoken(name), f"{rate:,.0f}", "" if padding is None else f"{padding:.0%}", share, *ratio(found, name)
    yield f"(limit: bf16 matrix product, {found['matrix_product_gflops']:,.0f} GFLOP/s)", "", "", "100%", "", ""


def update_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    yield f"median of {found['loads']} loads", "ms", "of the bare calls"
    for name, laps in found["seconds"].items():
        for lap, seconds in laps.items():
            share = seconds / found["seconds"]["bare"]["whole"]
            yield f"{name}: {spoken(lap)}", f"{1000 * seconds:.1f}", f"{share:.2f}x"


def orchestration_rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The waterfall; its last column is what is neither sampling or scoring, nor training, nor loading."""
    stages = found["stages"]
    total = {kind: sum(stage[kind] for stage in stages.values()) for kind in next(iter(stages.values()))}
    taught = found["lessons"]["taught"]
    yield f"{found['attempts']} attempts, {taught} lessons", "seconds", "engine", "learner", "load", "rest", "rest %"
    for name, stage in {**stages, "the iteration": total}.items():
        yield spoken(name), *(f"{seconds:.2f}" for seconds in stage.values()), f"{stage['rest'] / total['seconds']:.1%}"
    without = f"{found['share_without_learner_set_up']:.1%}"
    yield "without setting the learner up and writing its weights", "", "", "", "", "", without


TABLES = {
    "generation": generation_rows,
    "learner": learner_rows,
    "update": update_rows,
    "orchestration": orchestration_rows,
}


def ratio(found: dict[str, Any], name: str) -> tuple[str, str]:
    """The ratio to what is compared, and the goal: two cells."""
    value, goal = found["ratio"].get(name), found["goal"].get(name)
    return "" if value is None else f"{value:.2f}x", "" if goal is None else f"{goal}x"


def spoken(name: str) -> str:
    return name.replace("_", " ")


if __name__ == "__main__":
    typer.run(main)

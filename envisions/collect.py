"""`envisions collect`: the collection of symbol tasks as a folder of Parquet files, and what became of every task."""

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from envisions.files import write_aside
from envs.rows import SourceError
from envs.sandbox.sandbox import SandboxConfig
from envs.symbols.collection import Built, Wanted, build
from envs.symbols.environment import SymbolsEnvironment
from envs.symbols.folder import PARTS, write_pairs
from envs.symbols.manifest import Task, tasks
from envs.symbols.world import instructed

ALL = "all"
CARD, REPORT = "README.md", "collection.json"


def collect(names: Sequence[str], wanted: Wanted, to: Path) -> Iterator[Built]:
    """Build the tasks one after the other into a folder; yields what became of each, and writes the card at the end.

    Raises SourceError where a name is no task, or the data folder is none.
    """
    chosen = named(names)
    if wanted.data is not None and not wanted.data.is_dir():
        raise SourceError(f"data folder {wanted.data} does not exist; correct --data or leave it out")
    environment = SymbolsEnvironment(SandboxConfig())
    done = []
    try:
        for task in chosen:
            built = build(task, wanted, environment)
            for part in PARTS:
                if built.pairs[part]:
                    told = {one.id: instructed(one) for one in built.pairs[part]}
                    write_pairs(to / task.name / f"{part}.parquet", built.pairs[part], told)
            done.append(built)
            yield built
    finally:
        environment.close()
    write_aside(to / REPORT, json.dumps([facts(built) for built in done], indent=1) + "\n")
    write_aside(to / CARD, card(done, wanted))


def named(names: Sequence[str]) -> list[Task]:
    """The tasks of these names; all where `all` is among them. Raises SourceError."""
    known = tasks()
    if ALL in names:
        return list(known.values())
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            way = f"did you mean {near[0]}?" if near else f"it must be one of {', '.join(known)}"
            raise SourceError(f"task is {name!r}; {way}")
    return [known[name] for name in names]


def facts(built: Built) -> dict[str, object]:
    """What the report holds of a task, as JSON values."""
    return {
        "task": built.task.name,
        "number": built.task.number,
        "language": built.task.language,
        "pairs": {part: len(found) for part, found in built.pairs.items()},
        "sources": built.sources,
        "dropped": dict(built.dropped),
        "examples": built.examples,
        "needs": built.needs,
    }


def card(done: Sequence[Built], wanted: Wanted) -> str:
    """A dataset card as the hub reads it: a configuration for each task, then sources and licences in a table."""
    made = [built for built in done if any(built.pairs.values())]
    lines = ["---", "license: other", "task_categories: [text-generation]", "configs:"]
    for built in made:
        lines += [f"- config_name: {built.task.name}", "  data_files:"]
        for part in PARTS:
            if built.pairs[part]:
                lines += [f"  - split: {part}", f"    path: {built.task.name}/{part}.parquet"]
    lines += ["---", "", "# A collection of symbol tasks", ""]
    lines += [
        "Words in, symbols out. Every gold text was read and accepted by the verifier of its language. Train and test",
        f"share no question. Made by `envisions collect`, seed {wanted.seed}. Each source keeps its own licence.",
        "",
        "| task | language | train | test | licences | sources | dropped |",
        "|---|---|---|---|---|---|---|",
    ]
    for built in made:
        everyone = [one for part in PARTS for one in built.pairs[part]]
        licences = ", ".join(sorted({str(one.setup.get("licence")) for one in everyone}))
        sources = ", ".join(sorted({str(one.setup.get("source")) for one in everyone}))
        counts = " | ".join(str(len(built.pairs[part])) for part in PARTS)
        dropped = ", ".join(f"{count} {why}" for why, count in built.dropped.items()) or "none"
        lines.append(f"| {built.task.name} | {built.task.language} | {counts} | {licences} | {sources} | {dropped} |")
    lines += ["", "Not built:", ""]
    lines += [f"- {built.task.name}: needs {'; '.join(built.needs)}" for built in done if built not in made]
    return "\n".join(lines) + "\n"

"""A collection on disk: a Parquet file for each task and part, readable by `datasets` and by people."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from envisions.records import Problem
from envs.rows import SourceError
from envs.symbols.names import Part
from envs.symbols.pairs import WORLD

PARTS: tuple[Part, ...] = ("train", "test")
COLUMNS = ("id", "task", "language", "split", "instruction", "input", "output", "licence", "source", "setup")


def write_pairs(file: Path, pairs: Iterable[Problem], instructions: Mapping[str, str]) -> None:
    """Write the pairs, whole or not at all. `instructions`: the full instruction of each pair, by id."""
    import pyarrow
    import pyarrow.parquet

    rows = [_row(one, instructions[one.id]) for one in pairs]
    schema = pyarrow.schema([(name, pyarrow.string()) for name in COLUMNS])
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.{os.getpid()}.new")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema), aside)
    with aside.open("rb") as stream:
        os.fsync(stream.fileno())
    aside.replace(file)


def read_pairs(folder: Path, tasks: Iterable[str], part: Part) -> dict[str, Iterator[Problem]]:
    """The pairs of a part by task; of all tasks where none is named. Raises SourceError for one that is not there."""
    wanted = tuple(tasks) or tuple(sorted(found.parent.name for found in folder.glob(f"*/{part}.parquet")))
    for task in wanted:
        if not (folder / task / f"{part}.parquet").is_file():
            raise SourceError(f"{folder} holds no {part} pairs of task {task}; run `envisions collect` to make them")
    if not wanted:
        raise SourceError(f"{folder} holds no collection; run `envisions collect` to make one")
    return {task: _pairs(folder / task / f"{part}.parquet") for task in wanted}


def _pairs(file: Path) -> Iterator[Problem]:
    import pyarrow.parquet

    for row in pyarrow.parquet.read_table(file).to_pylist():
        yield Problem(
            id=row["id"],
            world=WORLD,
            question=row["input"],
            answer=row["output"],
            split=row["split"],
            setup=json.loads(row["setup"]),
        )


def _row(problem: Problem, instruction: str) -> dict[str, Any]:
    setup = problem.setup
    return {
        "id": problem.id,
        "task": setup["task"],
        "language": setup["language"],
        "split": problem.split,
        "instruction": instruction,
        "input": problem.question,
        "output": problem.answer,
        "licence": setup.get("licence", ""),
        "source": setup.get("source", ""),
        "setup": json.dumps(setup),
    }

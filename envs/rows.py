"""The rows of a data set, from a local file or from the hub, each with its place for an error message."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]


class SourceError(ValueError):
    """A set of problems that cannot be read: one line with the place, the rule and the way out."""


class RecordError(ValueError):
    """A record against the rules of its data set; the text names the field and the rule."""


@dataclass(frozen=True)
class Hub:
    """Where a data set lies on the hub. `None` stands for the only configuration of a repository."""

    id: str
    train: str = "train"
    test: str = "test"
    configs: tuple[str | None, ...] = (None,)


def file_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Each line of a JSONL file, or each record of a JSON list, with its place for an error message."""
    if not path.is_file():
        raise SourceError(
            f"data set file {path} does not exist; correct the path, or set hub = true to download the set"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise SourceError(f"{path}: {fault}; it must be a readable file of UTF-8 text") from None
    if text.lstrip().startswith("["):
        try:
            rows = json.loads(text)
        except ValueError as fault:
            raise SourceError(f"{path}: no JSON ({fault}); mend it or take it out") from None
        return ((f"{path} record {number}", row) for number, row in enumerate(rows, start=1))
    return ((f"{path} line {number}", line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())


def hub_rows(hub: Hub | None, wanted: bool | str, split: str) -> Iterator[tuple[str, Any]]:
    """Each record of a hub repository (or of a local folder laid out like one), with its place for an error message."""
    import datasets

    repository = wanted if isinstance(wanted, str) else hub.id if hub else ""
    part = (hub.train if split == "train" else hub.test) if hub else ("train" if split == "train" else "test")
    for config in hub.configs if hub else (None,):
        place = f"{repository} ({config}, {part})" if config else f"{repository} ({part})"
        try:
            rows = datasets.load_dataset(repository, config, split=part)
        except Exception as fault:
            reason = (str(fault).splitlines() or [type(fault).__name__])[0]
            raise SourceError(
                f"{place} cannot be read: {reason}; check name and network, or give a local path"
            ) from None
        yield from ((f"{place} record {number}", row) for number, row in enumerate(rows, start=1))


def record(row: Any) -> Record:
    """The row itself, or what it says as a line of JSON, when that is an object."""
    if isinstance(row, str):
        try:
            row = json.loads(row)
        except ValueError as fault:
            raise RecordError(f"no JSON ({fault})") from None
    if not isinstance(row, dict):
        raise RecordError(f"a {type(row).__name__} stands where a JSON object must stand")
    return row


def text(row: Record, *names: str) -> str:
    """The first of these fields that the record has, as text without white space at its ends."""
    value = field(row, *names)
    if not isinstance(value, str) or not value.strip():
        raise RecordError(f"{named(row, names)} is {value!r:.60}; it must be text")
    return value.strip()


def field(row: Record, *names: str) -> Any:
    """The first of these fields that the record has."""
    for name in names:
        if row.get(name) is not None:
            return row[name]
    raise RecordError(f"field {' or '.join(names)} is missing")


def named(row: Record, names: tuple[str, ...]) -> str:
    """Which of these fields the record has, the first of them."""
    return next(name for name in names if row.get(name) is not None)

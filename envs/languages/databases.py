"""Databases for queries: schemas, random instances of them, and SQLite that only reads, within a budget."""

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from envs.languages.base import ExecutionError, words

ROWS = 40  # of a table of an instance, at most; at least half of them
SEEDED, EMPTY = 0.6, 0.03  # shares of cells that hold a literal of the query, and nothing
STEPS, SECONDS, MOST_ROWS = 20_000_000, 5.0, 50_000  # of one query: virtual machine instructions, wall clock, result
WORDS = sorted(words("amber birch cedar delta ember frost grove haven iris jade kite lotus maple north olive pearl"))
ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
Literals = Mapping[str, Sequence[str | float]]  # column, or "" for any -> the literals it is compared with


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables with the types of their columns ("number" or another), keys, and pairs of (table, column) that refer."""

    tables: Mapping[str, Mapping[str, str]]
    keys: Sequence[tuple[str, str]] = ()
    references: Sequence[tuple[str, str, str, str]] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Schema":
        """From {"tables": {table: {column: type}}, "keys": [[table, column]], "references": [[t, c, t, c]]}."""
        tables = {
            table.lower(): {name.lower(): kind for name, kind in columns.items()}
            for table, columns in value["tables"].items()
            if not table.lower().startswith("sqlite_")  # SQLite keeps such names for itself
        }
        keys, references = (
            [tuple(map(str.lower, one)) for one in value.get(name, ())] for name in ("keys", "references")
        )
        return cls(tables, keys, references)  # type: ignore[arg-type]

    def as_json(self) -> dict[str, Any]:
        return {
            "tables": {table: dict(columns) for table, columns in self.tables.items()},
            "keys": [list(one) for one in self.keys],
            "references": [list(one) for one in self.references],
        }


def spider_schema(record: Mapping[str, Any]) -> dict[str, Any]:
    """A schema in JSON from a record of Spider's tables.json."""
    tables = record["table_names_original"]
    columns = [(tables[at] if at >= 0 else "", name) for at, name in record["column_names_original"]]
    typed: dict[str, dict[str, str]] = {table: {} for table in tables}
    for (table, name), kind in zip(columns, record["column_types"], strict=True):
        if table:
            typed[table][name] = kind
    return {
        "tables": typed,
        "keys": [list(columns[at]) for at in record["primary_keys"]],
        "references": [[*columns[child], *columns[parent]] for child, parent in record["foreign_keys"]],
    }


def instance(schema: Schema, literals: Literals, dice: Random) -> sqlite3.Connection:
    """A database in memory, filled by lot. Whoever asks for it closes it."""
    cells = {
        (table, name): _column(name, kind, (table, name) in schema.keys, literals, dice)
        for table, columns in schema.tables.items()
        for name, kind in columns.items()
    }
    # Tables differ in length, or a number could stand for a count.
    lengths = {table: dice.randint(ROWS // 2, ROWS) for table in schema.tables}
    for _ in range(2):  # once more, for chains of references
        for child, name, parent, key in schema.references:
            if (child, name) in cells and (parent, key) in cells:
                cells[child, name] = dice.choices(cells[parent, key][: lengths[parent]], k=ROWS)
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    for table, columns in schema.tables.items():
        typed = ", ".join(
            f"{quoted(name)} {'NUMERIC' if kind == 'number' else 'TEXT'}" for name, kind in columns.items()
        )
        connection.execute(f"CREATE TABLE {quoted(table)} ({typed})")
        rows = islice(zip(*(cells[table, name] for name in columns), strict=True), lengths[table])
        connection.executemany(f"INSERT INTO {quoted(table)} VALUES ({', '.join('?' * len(columns))})", rows)
    return connection


def _column(name: str, kind: str, key: bool, literals: Literals, dice: Random) -> list[Any]:
    own = [_typed(one, kind) for one in literals.get(name, ())]
    general = [_typed(one, kind) for one in literals.get("", ()) if (kind == "number") == isinstance(one, int | float)]
    if key:
        known = list(dict.fromkeys(own))[: ROWS // 2]
        fresh: Iterable[Any] = (
            range(1, 2 * ROWS) if kind == "number" else (f"{WORDS[n % 16]}{n}" for n in range(2 * ROWS))
        )
        cells = [*known, *(one for one in fresh if one not in known)][:ROWS]
        dice.shuffle(cells)
        return cells
    return [_cell(kind, own or general, dice) for _ in range(ROWS)]


def _cell(kind: str, seeds: Sequence[Any], dice: Random) -> Any:
    if dice.random() < EMPTY:
        return None
    if seeds and dice.random() < SEEDED:
        seed = dice.choice(seeds)
        return seed + dice.choice((-1, 0, 0, 1)) if isinstance(seed, int | float) else seed
    if kind == "number":
        return dice.choice((dice.randint(0, 9), dice.randint(0, 2_000), dice.randint(0, 500) / 4))
    if kind == "time":
        return f"{dice.randint(1990, 2020)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
    return dice.choice(WORDS)


def _typed(literal: str | float, kind: str) -> Any:
    """A literal as a column of this kind would hold it; a pattern as a text that fits it."""
    if kind != "number":
        return str(literal).replace("%", "").replace("_", "x")
    try:
        return float(literal) if "." in str(literal) else int(literal)
    except ValueError:
        return literal


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def rows_of(query: str, database: sqlite3.Connection | Path | str) -> list[tuple[Any, ...]]:
    """What one query gives. It can only read. Raises ExecutionError where it fails or does not end in its budget."""
    if not isinstance(database, sqlite3.Connection):
        uri = f"{Path(database).resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            return rows_of(query, connection)
    left, deadline = STEPS // 10_000, time.monotonic() + SECONDS

    def spent() -> bool:
        nonlocal left
        left -= 1
        return left < 0 or time.monotonic() > deadline

    database.set_authorizer(_allowed)
    database.set_progress_handler(spent, 10_000)
    try:
        rows = database.execute(query).fetchmany(MOST_ROWS + 1)
    except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError) as fault:
        raise ExecutionError(f"SQLite: {fault}") from None
    finally:
        database.set_authorizer(None)
        database.set_progress_handler(None, 0)
    if len(rows) > MOST_ROWS:
        raise ExecutionError(f"it gives more than {MOST_ROWS} rows")
    return rows


def _allowed(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    harmless = action in ALLOWED and second != "load_extension"
    return sqlite3.SQLITE_OK if harmless else sqlite3.SQLITE_DENY

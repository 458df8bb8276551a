"""SQL over a memory: it reads, it writes nothing, and it ends in time."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from pool import file
from pool.file import StoreError

READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
STEPS = 10_000  # of SQLite's machine, between two looks at the clock


def query(path: Path, sql: str, seconds: float = 10.0) -> Iterator[tuple[Any, ...]]:
    """The names of the columns, then the rows, as they come. Raises StoreError, one line."""
    with closing(file.connect(path, read_only=True)) as db:
        ends = time.monotonic() + seconds
        db.set_progress_handler(lambda: time.monotonic() > ends, STEPS)
        db.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY)
        try:
            found = db.execute(sql)
            yield tuple(column for column, *_ in found.description or ())
            yield from found
        except sqlite3.DatabaseError as error:
            raise StoreError(_said(str(error), seconds)) from error


def _said(error: str, seconds: float) -> str:
    match error:
        case "interrupted":
            return f"the query took longer than {seconds:g} s; narrow it, or give it more with --seconds"
        case "not authorized":
            return "the query would change something; write one that begins with SELECT or WITH"
    return f"the query cannot be answered ({error}); `SELECT sql FROM sqlite_master` shows the tables"

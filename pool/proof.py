"""Whether memory still says what was once written: the digest of every attempt, and what fails it in quarantine."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from pool import file
from pool.rows import PROVED, digest

CHANGED = "its bytes have changed since it was stored"


def changed(path: Path) -> Iterator[int]:
    """Rows of the attempts that are not, or whose problem is not, what their digest was made of; reads every byte."""
    with closing(file.connect(path, read_only=True)) as db:
        db.text_factory = bytes  # a changed byte may have left no text
        columns = ", ".join(f"a.{name}" for name in PROVED.split(", "))
        found = db.execute(
            f"SELECT a.row, a.digest, p.id, p.split, p.body, {columns} "
            "FROM attempts a LEFT JOIN problems p ON p.row = a.problem_row ORDER BY a.row"
        )
        for row, stored, *values in found:
            if digest(values) != stored:
                yield row


def quarantine(db: sqlite3.Connection, reasons: Mapping[int, str]) -> int:
    """Bar attempts, by row, from ever becoming lessons; the first reason stands. Returns how many are barred newly."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rows = [(row, reason, now) for row, reason in reasons.items()]
    before = db.total_changes
    db.executemany("INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?)", rows)
    return db.total_changes - before


def damage(db: sqlite3.Connection) -> str | None:
    """What SQLite says of a file whose structure is broken: only a snapshot can mend that."""
    (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
    return None if said == "ok" else str(said)

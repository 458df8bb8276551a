"""The file under the store: opened by one writer, durable at each commit, copied whole."""

import fcntl
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from pool.schema import SCHEMA, SCHEMA_VERSION


class StoreError(RuntimeError):
    """The store cannot be opened, or was given what does not belong in it. One line: value, rule, way out."""


def lock(path: Path, wait: float) -> int:
    """Take the writer's lock, which the system drops when this process ends however it ends. Returns its descriptor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the file: to close a second descriptor of the database itself would drop SQLite's own locks.
    held = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= deadline:
                owner = os.pread(held, 20, 0).decode(errors="replace").strip() or "unknown"
                os.close(held)
                raise StoreError(
                    f"{path} is being written by process {owner}; a run has one writer: "
                    "wait for that process, end it, or choose another run folder"
                ) from None
            time.sleep(0.05)
    os.ftruncate(held, 0)
    os.pwrite(held, str(os.getpid()).encode(), 0)
    return held


def connect(path: Path, read_only: bool) -> sqlite3.Connection:
    """A connection in autocommit mode whose commits are on the disk when they return."""
    mode = "ro" if read_only else "rwc"
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=30, check_same_thread=False)
        db.isolation_level = None
        try:
            if not read_only:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                db.execute("PRAGMA foreign_keys = ON")
                prepare(db)
            (schema,) = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be opened as memory ({error}); give the memory.sqlite of a run") from error
    if schema != str(SCHEMA_VERSION):
        db.close()
        raise StoreError(
            f"{path} has schema {schema}, this program reads and writes {SCHEMA_VERSION}; use another run folder, or "
            "the version of the program that made this one"
        )
    return db


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables of a new file; leaves those of another version as they are."""
    (made,) = db.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'meta'").fetchone()
    if not made or db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone() is None:
        version = f"INSERT OR IGNORE INTO meta (name, value) VALUES ('schema', '{SCHEMA_VERSION}');"
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} {version} COMMIT;")


def copy(db: sqlite3.Connection, target: Path) -> None:
    """A consistent copy of an open database, whole or not at all."""
    aside = target.with_name(target.name + ".part")
    aside.unlink(missing_ok=True)
    with closing(sqlite3.connect(aside)) as part:
        db.backup(part)
        part.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
    sync(aside)
    aside.replace(target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Force a file or folder onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The books of a run: every attempt that was dispatched is stored, noted as spoiled, or still in flight; each once.

    dispatched = accepted + rejected + failed + timed_out + unverifiable + infra_failed + cancelled + in_flight

holds between any two transactions, whoever was killed when. The left side is a counter that only grows, the right side
counts rows of three tables, so that the law can be broken, and would tell of an attempt that was lost or doubled.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from envisions.records import AttemptKey, Outcome
from pool.rows import marks
from pool.schema import KEY

THIS = f"WHERE ({KEY}) = ({marks(5)})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Balance:
    """What became of the attempts of one kind in one iteration."""

    iteration: int
    kind: str
    dispatched: int = 0
    in_flight: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """Attempts that were lost; below zero: that were doubled."""
        return self.dispatched - self.in_flight - sum(self.outcomes.values())


def balances(db: sqlite3.Connection) -> list[Balance]:
    """The books at this moment, by iteration and kind."""
    found: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for iteration, kind, entry, n in db.execute("SELECT iteration, kind, entry, n FROM ledger"):
        entries = found[iteration, kind]
        entries[entry] = entries.get(entry, 0) + n
    return [
        Balance(
            iteration=iteration,
            kind=kind,
            dispatched=entries.pop("dispatched", 0),
            in_flight=entries.pop("in_flight", 0),
            outcomes={outcome.value: entries[outcome] for outcome in Outcome if outcome in entries},
        )
        for (iteration, kind), entries in sorted(found.items())
    ]


def dispatch(db: sqlite3.Connection, keys: Iterable[AttemptKey]) -> int:
    """Enter attempts that are about to be made; what is stored already stays so. Returns how many are in flight now."""
    flying = 0
    for key in keys:
        if _has(db, "attempts", key):
            continue
        flying += 1
        known = _has(db, "failures", key)
        if db.execute(f"INSERT OR IGNORE INTO in_flight VALUES ({marks(5)})", key).rowcount and not known:
            _dispatched(db, key)
    return flying


def land(db: sqlite3.Connection, key: AttemptKey, *, stored: bool) -> None:
    """Take an attempt that was just stored, or is about to be noted as spoiled, out of the air.

    One that nobody had dispatched counts as dispatched now. `stored`: it is new in the table of attempts.
    """
    if db.execute(f"DELETE FROM in_flight {THIS}", key).rowcount or _has(db, "failures", key):
        return
    if stored or not _has(db, "attempts", key):
        _dispatched(db, key)


def ground(db: sqlite3.Connection, iteration: int) -> int:
    """End an iteration: what is in flight will not be waited for, and is noted as cancelled. Returns how many."""
    db.execute(
        f"INSERT INTO failures SELECT {KEY}, 'cancelled', 'the iteration ended without it', 1 FROM in_flight "
        "WHERE iteration = ? "
        "ON CONFLICT DO UPDATE SET outcome = excluded.outcome, error = excluded.error, times = times + 1",
        (iteration,),
    )
    return db.execute("DELETE FROM in_flight WHERE iteration = ?", (iteration,)).rowcount


def increase(db: sqlite3.Connection, iteration: int, name: str, by: int) -> None:
    """Raise a counter: "duplicate", "dispatched:" and a kind of attempt, or "retry:" and a kind of actor."""
    db.execute(
        "INSERT INTO counters (iteration, name, value) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET value = value + excluded.value",
        (iteration, name, by),
    )


def _dispatched(db: sqlite3.Connection, key: AttemptKey) -> None:
    increase(db, key.iteration, f"dispatched:{key.kind}", 1)


def _has(db: sqlite3.Connection, table: str, key: AttemptKey) -> bool:
    return db.execute(f"SELECT 1 FROM {table} {THIS}", key).fetchone() is not None

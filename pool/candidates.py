"""The attempts that a selection can still choose: few, however often the same programs are written again.

Of all attempts at a problem that wrote the same program (by its canonical form) only the first, in the order of keys,
can become a lesson, because all others are the same program with the same self-reward. Two attempts at one slot that
are right with two programs are kept together, because which of them survives depends on their self-rewards: once for
each such pair of programs. The table `candidates` holds these; it grows with what is new, not with what is tried.

That is exact for the usual settings (`chooses_by_program`); `tests/pool/test_candidates.py` compares both ways.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from envisions.records import VERDICTS, Outcome
from pool.counts import TRAINING_KINDS
from pool.rows import marks
from pool.select import SelectConfig

ALONE = 0  # in place of the other program where a role needs none


class Seen(NamedTuple):
    """What a role depends on, of one stored attempt."""

    row: int
    run: str
    iteration: int
    slot: int
    kind: str
    outcome: str
    form: int

    @property
    def right(self) -> bool:
        return self.outcome == Outcome.accepted


def chooses_by_program(config: SelectConfig) -> bool:
    """Whether a selection with these settings comes to the same from the candidates as from all attempts."""
    ranked = config.label == "environment" and config.rank == "current"
    usual = ranked and config.memory and config.wrong_refinements
    return usual and config.dedupe == "program" and not config.docstring_iterations


def form(canonical: str) -> int:
    """A program's canonical form as a number; 0 where there is no program."""
    if not canonical.strip():
        return 0
    return int.from_bytes(blake2b(canonical.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True) or 1


def enter(db: sqlite3.Connection, problem: str, attempts: Iterable[Seen]) -> None:
    """Take note of whole slots of new attempts; of attempts in the same role the first, by its key, stays."""
    db.executemany(
        f"INSERT INTO candidates VALUES ({marks(10)}) ON CONFLICT DO UPDATE SET run = excluded.run, "
        "iteration = excluded.iteration, slot = excluded.slot, kind = excluded.kind, attempt = excluded.attempt "
        "WHERE (excluded.run, excluded.iteration, excluded.slot, excluded.kind) < (run, iteration, slot, kind)",
        [
            (problem, seen.right, seen.form, other, seen.kind if other else "", *seen[1:5], seen.row)
            for seen, other in roles(attempts)
        ],
    )


def rebuild(db: sqlite3.Connection, problem: str) -> None:
    """Find the candidates of a problem anew: a slot was completed late, or an attempt is not trusted any more."""
    db.execute("DELETE FROM candidates WHERE problem = ?", (problem,))
    found = db.execute(
        f"SELECT row, run, iteration, slot, kind, outcome, form FROM attempts WHERE problem = ? "
        f"AND kind IN ({marks(len(TRAINING_KINDS))}) AND row NOT IN (SELECT attempt FROM quarantine)",
        (problem, *TRAINING_KINDS),
    )
    enter(db, problem, [Seen(*row) for row in found])


def roles(attempts: Iterable[Seen]) -> Iterator[tuple[Seen, int]]:
    """The attempts that may be chosen, each with the program it competes with for its slot, or ALONE."""
    slots: dict[tuple[str, int, int], dict[str, Seen]] = defaultdict(dict)
    for seen in attempts:
        if seen.form and seen.kind in TRAINING_KINDS and seen.outcome in VERDICTS:
            slots[seen.run, seen.iteration, seen.slot][seen.kind] = seen
    for slot in slots.values():
        explored, refined = slot.get("explore"), slot.get("refine")
        if explored and refined and explored.right and refined.right:
            if explored.form == refined.form:
                yield explored, ALONE
            else:
                yield explored, refined.form
                yield refined, explored.form
        elif explored and refined and refined.right:
            yield refined, ALONE  # it has taken the slot
        else:
            yield from ((seen, ALONE) for seen in slot.values())

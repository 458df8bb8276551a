"""What an earlier run has to give: its accepted programs, each once, none whose bytes have changed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from envisions.records import Outcome, Trajectory
from pool.counts import TRAINING_KINDS
from pool.dedupe import first_seen
from pool.store import Store


def accepted(path: Path) -> list[Trajectory]:
    """The first accepted attempt of each program at each train problem of a memory. Raises StoreError."""
    with Store(path, read_only=True) as store:
        spoilt = set(store.changed())
        found = store.by_row(trusted=True, kind=TRAINING_KINDS, outcome=[Outcome.accepted])
    whole = [t for row, t in found.items() if row not in spoilt]
    return first_seen(whole, lambda t: (t.problem.id, t.program))


def recalled(attempts: Sequence[Trajectory]) -> list[Trajectory]:
    """The same as attempts from before the first iteration: `origin` says what each was in its run.

    A refinement stands for itself now. Slots are numbered when they are stored.
    """
    return [
        replace(t, key=t.key._replace(iteration=0, slot=n, kind="explore"), origin=t.origin or t.key, parent=None)
        for n, t in enumerate(attempts)
    ]

"""The books balance after every step, in whatever order attempts are dispatched, stored, spoiled and repeated."""

import sqlite3
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from test_store import attempt, base_report, problem_named, ten

from envisions.records import AttemptKey, Outcome
from pool.ledger import Balance
from pool.store import NOT_FINAL, Store

PROBLEM = problem_named("p")
slots = st.integers(0, 5)
dispatches = st.lists(slots, min_size=1, max_size=4)
landings = st.lists(st.tuples(slots, st.sampled_from(Outcome)), min_size=1, max_size=4)
ends = st.just("the iteration ends")


class Model:
    """What became of each slot: in flight, or its last outcome; a final one stands."""

    def __init__(self) -> None:
        self.slots: dict[int, Outcome | None] = {}
        self.ended = False

    def dispatch(self, slot: int) -> None:
        if not self._final(slot):
            self.slots[slot] = None

    def land(self, slot: int, outcome: Outcome) -> None:
        if not self._final(slot):
            self.slots[slot] = outcome

    def end(self) -> None:
        if not self.ended:
            self.slots = {slot: outcome or Outcome.cancelled for slot, outcome in self.slots.items()}
        self.ended = True

    def _final(self, slot: int) -> bool:
        outcome = self.slots.get(slot)
        return outcome is not None and outcome not in NOT_FINAL

    def balance(self) -> list[Balance]:
        if not self.slots:
            return []
        outcomes = Counter(outcome.value for outcome in self.slots.values() if outcome)
        flying = sum(outcome is None for outcome in self.slots.values())
        return [
            Balance(iteration=1, kind="explore", dispatched=len(self.slots), in_flight=flying, outcomes=dict(outcomes))
        ]


@settings(deadline=None, max_examples=40)
@given(events=st.lists(dispatches | landings | ends, max_size=10))
def test_what_was_dispatched_is_stored_spoiled_or_in_flight_after_every_step(events: list) -> None:
    model = Model()
    with TemporaryDirectory() as folder, Store(Path(folder) / "memory.sqlite") as store:
        store.commit(base_report())
        for event in events:
            if isinstance(event, str):
                store.commit(base_report(1))
                model.end()
            elif isinstance(event[0], int):
                store.dispatch([attempt(PROBLEM, slot).key for slot in event])
                for slot in event:
                    model.dispatch(slot)
            else:
                store.add(PROBLEM, [attempt(PROBLEM, slot, outcome) for slot, outcome in event])
                ordered = sorted(event, key=lambda landing: landing[1] in NOT_FINAL)  # as they are stored
                for slot, outcome in ordered:
                    model.land(slot, outcome)
            assert store.balances() == model.balance()
            assert all(books.missing == 0 for books in store.balances())


def test_an_attempt_that_is_lost_or_doubled_shows(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    with Store(path) as store:
        store.dispatch([t.key for t in ten(PROBLEM)])
        assert [books.in_flight for books in store.balances()] == [5, 5]
        store.add(PROBLEM, ten(PROBLEM))
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM attempts WHERE slot = 3 AND kind = 'refine'")
        db.execute("INSERT INTO in_flight VALUES ('run', 1, 'p', 2, 'explore')")
    with Store(path) as store:
        assert {books.kind: books.missing for books in store.balances()} == {"explore": -1, "refine": 1}


def test_the_books_can_be_read_with_sql(tmp_path: Path) -> None:
    with Store(tmp_path / "m") as store:
        store.add(PROBLEM, [attempt(PROBLEM), attempt(PROBLEM, 1, Outcome.timed_out)])
        store.dispatch([AttemptKey("run", 1, "p", 2, "explore")])
        found = store._db.execute("SELECT entry, n FROM ledger ORDER BY entry").fetchall()
        assert found == [("accepted", 1), ("dispatched", 3), ("in_flight", 1), ("timed_out", 1)]

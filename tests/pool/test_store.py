"""The store: records come back as they went in, keys count once, and what was acknowledged survives a kill."""

import random
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envisions.records import (
    Accuracy,
    AttemptKey,
    Candidate,
    Feedback,
    IterationReport,
    Lesson,
    Outcome,
    Problem,
    Trajectory,
    Weights,
)
from pool.rows import lesson_id
from pool.store import NOT_FINAL, Store, StoreError

ROOT = Path(__file__).parents[2]


def problem_named(name: str, split: str = "train") -> Problem:
    return Problem(id=name, world="toy", question="how many?", answer="1", split=split)


def attempt(
    problem: Problem,
    slot: int = 0,
    outcome: Outcome = Outcome.accepted,
    *,
    iteration: int = 1,
    kind: str = "explore",
    run: str = "run",
) -> Trajectory:
    return Trajectory(
        key=AttemptKey(run, iteration, problem.id, slot, kind),
        problem=problem,
        candidate=Candidate(
            text=f"text {slot}", tokens=(1, 2, 3), logprob=-0.5, weights=iteration, seed=slot, finish="stop"
        ),
        program=f"program {slot}",
        feedback=Feedback(outcome=outcome, output="1", evidence={"exit": 0}),
    )


def ten(problem: Problem, iteration: int = 1) -> list[Trajectory]:
    return [attempt(problem, n // 2, iteration=iteration, kind=("explore", "refine")[n % 2]) for n in range(10)]


def base_report(iteration: int = 0) -> IterationReport:
    weights = Weights(version=iteration, path=f"weights/{iteration}", fingerprint=f"sha {iteration}")
    return IterationReport(iteration=iteration, weights=weights, accuracy={"test": Accuracy(value=0.25, n=40)})


# Round trip

any_text = st.text(st.characters(exclude_categories=()), max_size=30)  # surrogates and NUL too
name = st.text(max_size=10)
number = st.floats(allow_nan=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | number | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=5,
)
json_object = st.dictionaries(any_text, json_values, max_size=3)
keys = st.builds(
    AttemptKey, st.just("run"), st.just(1), st.just("p"), st.integers(0, 40), st.sampled_from(["explore", "refine"])
)
problems = st.builds(
    Problem, id=st.just("p"), world=name, question=any_text, answer=any_text, split=name, setup=json_object
)
candidates = st.builds(
    Candidate,
    text=any_text,
    tokens=st.lists(st.integers(0, 2**32 - 1), max_size=9).map(tuple),
    logprob=number,
    weights=st.integers(0, 99),
    seed=st.integers(0, 2**63 - 1),
    finish=st.sampled_from(["stop", "length"]),
)
feedbacks = st.builds(
    Feedback,
    outcome=st.sampled_from([outcome for outcome in Outcome if outcome not in NOT_FINAL]),
    output=st.none() | any_text,
    error=any_text,
    seconds=number,
    evidence=json_object,
)


@st.composite
def any_trajectories(draw: st.DrawFn) -> list[Trajectory]:
    problem = draw(problems)
    one = st.builds(
        Trajectory,
        key=keys,
        problem=st.just(problem),
        candidate=candidates,
        program=any_text,
        feedback=feedbacks,
        parent=st.none() | keys,
    )
    return draw(st.lists(one, min_size=1, max_size=6, unique_by=lambda t: t.key))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(trajectories=any_trajectories(), lessons=st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 5))))
def test_attempts_and_lessons_come_back_as_they_went_in(
    trajectories: list[Trajectory], lessons: list[tuple[int, int | None]]
) -> None:
    ordered = sorted(trajectories, key=lambda t: t.key)
    pick = [ordered[n % len(ordered)] for n in range(6)]
    saved = [Lesson(right=pick[right], wrong=None if wrong is None else pick[wrong]) for right, wrong in lessons]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "memory.sqlite"
        with Store(path) as store:
            assert store.add(trajectories[0].problem, trajectories) == len(trajectories)
            store.save_lessons(1, saved)
        with Store(path) as store:
            assert store.attempts() == ordered
            assert [store.attempt(t.key) for t in ordered] == ordered
            assert store.lessons(1) == saved
            bare = [replace(t, candidate=replace(t.candidate, tokens=())) for t in ordered]
            assert store.attempts(problem="p", tokens=False) == bare


counted = st.dictionaries(name, st.integers(0, 10**9), max_size=3)
reports = st.builds(
    IterationReport,
    iteration=st.integers(0, 3),
    weights=st.builds(Weights, version=st.integers(0, 3), path=any_text.map(ascii), fingerprint=name),
    accuracy=st.dictionaries(name, st.builds(Accuracy, value=number, n=st.integers(0, 99)), max_size=3),
    outcomes=counted,
    lessons=counted,
    tokens=counted,
    retries=counted,
    loss=st.lists(number, max_size=4).map(tuple),
    seconds=st.dictionaries(name, number, max_size=3),
    goodput=number,
)


@settings(deadline=None, max_examples=30)
@given(report=reports)
def test_a_report_comes_back_as_it_went_in_and_the_first_one_stands(report: IterationReport) -> None:
    with TemporaryDirectory() as folder, Store(Path(folder) / "memory.sqlite") as store:
        assert store.commit(report) == report
        assert store.commit(replace(report, goodput=123.0)) == report
        assert store.reports() == [report]
        assert store.latest_weights() == store.weights(report.weights.version) == report.weights


def test_a_log_probability_that_is_no_number_is_stored(tmp_path: Path) -> None:
    problem = problem_named("p")
    odd = attempt(problem)
    with Store(tmp_path / "m") as store:
        store.add(problem, [replace(odd, candidate=replace(odd.candidate, logprob=float("nan")))])
        (stored,) = store.attempts()
        assert stored.candidate.logprob != stored.candidate.logprob


# Keys count once


@settings(deadline=None, max_examples=30)
@given(batches=st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=5), max_size=6))
def test_a_key_is_stored_once_however_often_it_is_added(batches: list[list[int]]) -> None:
    problem = problem_named("p")
    with TemporaryDirectory() as folder, Store(Path(folder) / "memory.sqlite") as store:
        new = sum(store.add(problem, [attempt(problem, slot) for slot in batch]) for batch in batches)
        slots = sorted({slot for batch in batches for slot in batch})
        assert new == len(slots)
        assert [t.key.slot for t in store.attempts()] == slots
        assert store.counts(1)["duplicates"] == sum(map(len, batches)) - len(slots)


def test_the_first_arrival_of_a_key_stands(tmp_path: Path) -> None:
    problem = problem_named("p")
    with Store(tmp_path / "m") as store:
        assert store.add(problem, [attempt(problem)]) == 1
        assert store.add(problem, [attempt(problem, outcome=Outcome.failed)]) == 0
        assert store.attempts() == [attempt(problem)]


def test_an_attempt_the_machine_spoiled_is_tried_again(tmp_path: Path) -> None:
    problem = problem_named("p")
    with Store(tmp_path / "m") as store:
        assert store.add(problem, [attempt(problem), attempt(problem, 1, Outcome.infra_failed)]) == 1
        assert store.finished(1) == set()
        assert store.counts(1)["outcomes"] == {"accepted": 1, "infra_failed": 1}
        assert store.attempt(attempt(problem, 1).key) is None
        assert store.add(problem, [attempt(problem), attempt(problem, 1, Outcome.rejected)]) == 1
        assert store.finished(1) == {"p"}
        assert store.counts(1)["outcomes"] == {"accepted": 1, "rejected": 1}
        assert store.add(problem, [attempt(problem, 1, Outcome.cancelled)]) == 0
        assert store.counts(1)["outcomes"] == {"accepted": 1, "rejected": 1}


def test_finished_problems_are_known_by_iteration_and_split(tmp_path: Path) -> None:
    train, test = problem_named("a"), problem_named("b", "test")
    with Store(tmp_path / "m") as store:
        store.add(train, [attempt(train)])
        store.add(test, [attempt(test, kind="evaluate")])
        assert store.add(train, []) == 0
        assert store.finished(1) == {"a", "b"}
        assert store.finished(1, "test") == {"b"}
        assert store.finished(2) == set()


@pytest.mark.parametrize(
    "strange",
    [
        attempt(problem_named("q")),
        attempt(problem_named("p", "test")),
        attempt(problem_named("p"), iteration=2),
        attempt(problem_named("p"), run="other"),
    ],
    ids=["other id", "other content", "other iteration", "other run"],
)
def test_what_does_not_belong_is_refused_whole(tmp_path: Path, strange: Trajectory) -> None:
    problem = problem_named("p")
    with Store(tmp_path / "m") as store:
        with pytest.raises(StoreError, match=str(strange.key)):
            store.add(problem, [attempt(problem), strange])
        assert store.attempts() == []
        store.add(problem, [attempt(problem)])


def test_evidence_that_is_no_json_is_refused_whole(tmp_path: Path) -> None:
    problem = problem_named("p")
    odd = replace(attempt(problem, 1), feedback=Feedback(outcome=Outcome.failed, evidence={"page": object()}))
    with Store(tmp_path / "m") as store:
        with pytest.raises(ValueError, match="evidence of run/1/p/1/explore cannot be stored"):
            store.add(problem, [attempt(problem), odd])
        assert store.attempts() == []
        assert store.finished(1) == set()


def test_an_attempt_that_breaks_a_rule_of_the_table_is_not_taken_for_a_duplicate(tmp_path: Path) -> None:
    problem = problem_named("p")
    broken = replace(attempt(problem), candidate=replace(attempt(problem).candidate, finish=None))  # type: ignore[arg-type]
    with Store(tmp_path / "m") as store, pytest.raises(sqlite3.IntegrityError):
        store.add(problem, [broken])


# Reading


def test_attempts_are_chosen_by_iteration_problem_and_kind(tmp_path: Path) -> None:
    with Store(tmp_path / "m") as store:
        for iteration in (2, 1):
            for problem in (problem_named("b"), problem_named("a")):
                store.add(problem, ten(problem, iteration))
        everything = store.attempts()
        assert [t.key for t in everything] == sorted(t.key for t in everything)
        assert len(everything) == 40
        assert {t.key.iteration for t in store.attempts(iterations=[1])} == {1}
        assert len(store.attempts(iterations=range(3), problem="a", kinds=["refine"])) == 10
        assert store.attempts(iterations=[]) == store.attempts(problem="c") == []


def test_counts_are_those_of_the_attempts(tmp_path: Path) -> None:
    with Store(tmp_path / "m") as store:
        store.commit(base_report())
        a, b, test = problem_named("a"), problem_named("b"), problem_named("t", "test")
        store.add(a, ten(a))
        store.add(b, [attempt(b, 0, Outcome.rejected), attempt(b, 1, Outcome.unverifiable)])
        store.add(test, [attempt(test, kind="evaluate")])
        store.retried("generator", 2)
        store.retried("generator")
        store.retried("environment")
        assert store.counts(1) == {
            "attempts": 12,
            "outcomes": {"accepted": 10, "rejected": 1, "unverifiable": 1},
            "problems": 2,
            "solved": 1,
            "distinct": 5,
            "tokens": 36,
            "retries": {"environment": 1, "generator": 3},
            "duplicates": 0,
        }
        assert store.counts(1, ["evaluate"])["attempts"] == 1
        assert store.counts(7) == {
            "attempts": 0, "outcomes": {}, "problems": 0, "solved": 0,
            "distinct": 0, "tokens": 0, "retries": {}, "duplicates": 0,
        }  # fmt: skip


def test_lessons_and_steps_are_replaced_by_a_second_training_of_the_iteration(tmp_path: Path) -> None:
    problem = problem_named("p")
    right, wrong = attempt(problem), attempt(problem, 1, Outcome.rejected)
    lessons = [Lesson(right=right), Lesson(right=right, wrong=wrong)]
    steps = [(0, lesson_id(lessons[1])), (0, lesson_id(lessons[0])), (1, lesson_id(lessons[0]))]
    with Store(tmp_path / "m") as store:
        store.add(problem, [right, wrong])
        for _ in range(2):
            store.save_lessons(1, lessons)
            store.save_steps(1, steps)
        assert store.lessons(1) == lessons
        assert store.steps(1) == steps
        assert store.lessons(2) == store.steps(2) == []
        with pytest.raises(LookupError, match="is not in memory; add it first"):
            store.save_lessons(1, [Lesson(right=attempt(problem, 7))])
        assert store.lessons(1) == lessons


def test_the_latest_weights_are_known_before_their_report(tmp_path: Path) -> None:
    with Store(tmp_path / "m") as store:
        assert store.latest_weights() is None
        store.commit(base_report())
        trained = Weights(version=1, path="weights/1", fingerprint="sha 1")
        store.save_weights(trained)
        assert store.latest_weights() == store.weights(1) == trained
        assert store.weights(2) is None
        assert [report.iteration for report in store.reports()] == [0]


# One writer, many readers


def test_a_second_writer_is_refused_in_one_line_and_a_reader_is_not(tmp_path: Path) -> None:
    path, problem = tmp_path / "run" / "memory.sqlite", problem_named("p")
    with Store(path) as store:
        with pytest.raises(StoreError, match="a run has one writer") as refused:
            Store(path)
        assert "\n" not in str(refused.value)
        with Store(path, read_only=True) as reader:
            store.add(problem, ten(problem))
            assert reader.finished(1) == {"p"}
            assert reader.attempts() == store.attempts()
            with pytest.raises(sqlite3.OperationalError):
                reader.save_weights(Weights(version=0, path="", fingerprint=""))
    Store(path).close()


def test_a_writer_that_waits_gets_its_turn(tmp_path: Path) -> None:
    first = Store(tmp_path / "m")
    timer = threading.Timer(0.2, first.close)
    timer.start()
    Store(tmp_path / "m", wait=20).close()
    timer.join()


def test_a_file_that_is_no_memory_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("not a database, but long enough to be looked at as one " * 40)
    with pytest.raises(StoreError, match="notes cannot be opened as memory"):
        Store(tmp_path / "notes")
    with pytest.raises(StoreError, match="does not exist"):
        Store(tmp_path / "nothing", read_only=True)
    with Store(tmp_path / "m") as store:
        store._db.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    for _ in range(2):  # the lock is free again after a failure
        with pytest.raises(StoreError, match="has schema 99"):
            Store(tmp_path / "m")


def test_threads_may_share_a_store(tmp_path: Path) -> None:
    with Store(tmp_path / "m") as store:

        def write(first: int) -> None:
            for n in range(first, 40, 4):
                store.add(problem_named(f"{n}"), ten(problem_named(f"{n}")))
                store.counts(1)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert store.counts(1)["attempts"] == 400
        assert len(store.finished(1)) == 40


def test_a_snapshot_is_a_whole_memory_in_one_file(tmp_path: Path) -> None:
    problem = problem_named("p")
    copy = tmp_path / "copy" / "memory.sqlite"
    copy.parent.mkdir()
    with Store(tmp_path / "m") as store:
        store.add(problem, ten(problem))
        store.snapshot(copy)
        store.commit(base_report())
        store.snapshot(copy)
        assert [found.name for found in copy.parent.iterdir()] == ["memory.sqlite"]
        with Store(copy) as copied:
            assert copied.attempts() == store.attempts()
            assert copied.reports() == store.reports()


# What was acknowledged survives

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[2]) / "tests" / "pool"))
from pool.store import Store
from test_store import problem_named, ten
with Store(sys.argv[1], wait=20) as store:
    done = len(store.finished(1))
    print("open", flush=True)
    for n in range(done, done + 100_000):
        problem = problem_named(f"p{n}")
        store.dispatch([t.key for t in ten(problem)])
        store.add(problem, ten(problem))
        print(problem.id, flush=True)
"""


def kill_writers(path: Path, times: int) -> None:
    chance, acknowledged = random.Random(0), set[str]()
    for _ in range(times):
        command = [sys.executable, "-c", WRITER, str(path), str(ROOT)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "open\n"
            time.sleep(chance.uniform(0, 0.1))
            writer.kill()
            acknowledged |= {line.strip() for line in writer.stdout if line.endswith("\n")}
        with Store(path, read_only=True) as store:
            assert acknowledged <= store.finished(1)
            assert [books.missing for books in store.balances()] in ([0, 0], [])
    with Store(path) as store:
        finished, stored = store.finished(1), store.attempts()
        assert len(acknowledged) >= times
        assert len(finished) <= len(acknowledged) + times  # one at most was written and not acknowledged
        assert stored == [t for name in sorted(finished) for t in ten(problem_named(name))]
        assert store.counts(1)["duplicates"] == 0
        assert store.changed() == []
        assert sum(books.in_flight for books in store.balances()) in (0, 10)  # of the last problem
        assert store._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_every_acknowledged_attempt_survives_ten_kills(tmp_path: Path) -> None:
    kill_writers(tmp_path / "memory.sqlite", 10)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_acknowledged_attempt_survives_two_hundred_kills(tmp_path: Path) -> None:
    kill_writers(tmp_path / "memory.sqlite", 200)

"""A finished run is asked where its samples come from, and whether what it claims can be shown again."""

import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import tiny_model
from test_loop import config, train
from transformers import AutoTokenizer

from envisions import audit, folder, lineage, replay
from envisions.records import AttemptKey, Feedback, Outcome
from learner.batches import digest, encode, joined, micro_batches
from pool.proof import CHANGED
from pool.store import Store


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two iterations; its one gradient step has the digest of the batch that the learner was given."""
    at = tmp_path_factory.mktemp("runs")
    run = config(tiny_model(at / "model"))
    run = run.model_copy(update={"run": run.run.model_copy(update={"folder": str(at / "run")})})
    _, parts = train(run, folder.open_for(run))
    tokenizer = AutoTokenizer.from_pretrained(at / "model")
    with Store(at / "run" / "memory.sqlite") as store:
        for iteration, lessons in parts.learner.lessons.items():  # type: ignore[attr-defined]
            texts = [encode(tokenizer, lesson.prompt, lesson.completion) for lesson in lessons]
            made = micro_batches(texts, row_length=run.learn.row_length, tokens=run.learn.micro_batch_tokens)
            store.save_steps(iteration, [(0, lesson.id) for lesson in lessons], [joined([digest(made)])])
    return at / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def accepted(run: Path) -> list[AttemptKey]:
    with Store(run / "memory.sqlite", read_only=True) as store:
        return store.keys([Outcome.accepted])


def facts(lines: list[str]) -> dict[str, str]:
    return {line[:12].strip(): line[13:] for line in lines}


# Lineage


def test_a_sample_names_all_that_it_was_made_from_and_all_that_learnt_from_it(finished: Path) -> None:
    with Store(finished / "memory.sqlite", read_only=True) as store:
        lesson = next(lesson for lesson in store.lessons(1) if lesson.right.key.kind == "refine")
    told = facts(list(lineage.of_sample(finished, str(lesson.right.key))))
    assert told["sample"] == str(lesson.right.key)
    assert told["refines"].startswith(str(lesson.right.parent))
    assert re.search(r"0, fingerprint [0-9a-f]{64}", told["weights"])
    assert re.search(r"[0-9a-f]{16}", told["prompt"])
    assert re.fullmatch(r"[0-9a-f]{16}", told["environment"])
    assert "sympy 1.14.0" in told["verifiers"]
    lessons = [line for line in lineage.of_sample(finished, told["sample"]) if line.startswith("lesson")]
    assert any("steps 1/0, of weights 1, fingerprint scripted-1" in line for line in lessons)
    parent = facts(list(lineage.of_sample(finished, str(lesson.right.parent))))
    assert parent["refined by"].startswith(str(lesson.right.key))


def test_a_step_names_its_lessons_and_its_batch_can_be_made_again(finished: Path) -> None:
    told = list(lineage.of_step(finished, "2/0", rebuild=True))
    assert facts(told)["to weights"] == "2, fingerprint scripted-2"
    assert facts(told)["rebuilt"].endswith("(equal)")
    with Store(finished / "memory.sqlite", read_only=True) as store:
        assert sum(line.startswith("lesson") for line in told) == len(store.lessons(2))


def test_a_batch_with_one_other_letter_is_not_equal(run: Path) -> None:
    with closing(sqlite3.connect(run / "memory.sqlite")) as db, db:
        db.execute(
            "UPDATE attempts SET program = REPLACE(program, 'return', 'retvrn') "
            "WHERE row = (SELECT right_row FROM lessons WHERE iteration = 2 LIMIT 1)"
        )
    assert facts(list(lineage.of_step(run, "2/0", rebuild=True)))["rebuilt"].endswith("(not equal)")


@pytest.mark.parametrize(("step", "said"), [("7/0", "has none"), ("2/9", "has 0 to 0"), ("two", "ITERATION/STEP")])
def test_a_step_that_is_not_there_is_refused_with_what_is(finished: Path, step: str, said: str) -> None:
    with pytest.raises((LookupError, ValueError), match=said):
        list(lineage.of_step(finished, step))


# Audit


def test_a_sound_run_passes_its_audit(run: Path) -> None:
    findings = audit.audit(run)
    assert findings.sound
    assert findings.accepted == len(accepted(run)) > 0
    assert 0 < findings.programs <= findings.accepted
    assert findings.unchecked == findings.differing == []
    assert sum(books.dispatched for books in findings.books) == findings.attempts
    assert list(findings.lines())[-1] == "sound"


def planted(run: Path, **other: Any) -> AttemptKey:
    """One more accepted attempt, a copy of another but for what is given."""
    with Store(run / "memory.sqlite") as store:
        good = store.attempts(outcomes=[Outcome.accepted])[0]
        one = replace(good, key=good.key._replace(slot=77, kind="explore"), **other)
        store.add(one.problem, [one])
    return one.key


def test_one_changed_byte_bars_exactly_that_sample(run: Path) -> None:
    with Store(run / "memory.sqlite", read_only=True) as store:
        candidate = store.attempts(outcomes=[Outcome.accepted])[0].candidate
    key = planted(run, candidate=replace(candidate, text="a text that occurs once"))
    file = run / "memory.sqlite"
    content = file.read_bytes()
    spot = content.index(b"a text that occurs once")
    file.write_bytes(content[:spot] + b"\xff" + content[spot + 1 :])
    (barred,) = audit.audit(run, execute=False).barred
    assert barred.endswith(f"{key}: {CHANGED}")
    assert audit.audit(run, execute=False).barred == [barred]  # and is found again
    with Store(file, read_only=True) as store:
        assert list(store.quarantined().values()) == [CHANGED]
        assert key not in {t.key for t in store.attempts(trusted=True)}


def test_a_changed_problem_bars_the_attempts_at_it(run: Path) -> None:
    problem = accepted(run)[0].problem
    with closing(sqlite3.connect(run / "memory.sqlite")) as db, db:
        db.execute("UPDATE problems SET body = REPLACE(body, '{', '{ ') WHERE id = ?", (problem,))
        (attempts,) = db.execute("SELECT COUNT(*) FROM attempts WHERE problem = ?", (problem,)).fetchone()
    assert len(audit.audit(run, execute=False).barred) == attempts > 1


def test_an_accepted_program_that_is_wrong_is_barred_by_its_environment(run: Path) -> None:
    key = planted(run, program="def solution(*args, **kwargs):\n    return -12345\n")
    (barred,) = audit.audit(run).barred
    assert barred.startswith(str(key))
    assert "evidence.program_sha256 was" in barred
    with Store(run / "memory.sqlite", read_only=True) as store:
        assert key not in {t.key for t in store.attempts(trusted=True)}
        assert key in {t.key for t in store.attempts()}


def test_books_that_do_not_balance_are_told(run: Path) -> None:
    with closing(sqlite3.connect(run / "memory.sqlite")) as db, db:
        db.execute("DELETE FROM attempts WHERE row = (SELECT row FROM attempts WHERE kind = 'explore' LIMIT 1)")
    findings = audit.audit(run, execute=False)
    assert not findings.sound
    assert "books: iteration 1, explore: 1 lost" in list(findings.lines())


# Replay


def test_every_stored_attempt_is_observed_as_it_was(finished: Path) -> None:
    seen = list(replay.replay(finished, count=20))
    assert len(seen) > 10
    assert [difference for _, difference in seen if difference] == []


def test_a_replay_names_the_first_difference(run: Path) -> None:
    key = accepted(run)[0]
    with closing(sqlite3.connect(run / "memory.sqlite")) as db, db:
        db.execute(
            "UPDATE attempts SET evidence = json_set(evidence, '$.value', 123456), output = '123456' "
            "WHERE (run, iteration, problem, slot, kind) = (?, ?, ?, ?, ?)",
            key,
        )
    ((attempt, difference),) = replay.replay(run, str(key))
    assert attempt.key == key
    assert difference.startswith("evidence.value was 123456, now ")


def test_nested_observations_are_compared_in_the_order_they_were_made() -> None:
    actions = [{"action": ["click", "//a"], "dom": "4f"}, {"action": ["click", "//b"], "dom": "5e"}]
    then = Feedback(outcome=Outcome.accepted, output="1", evidence={"actions": actions, "dom": "6d"}, seconds=1.0)
    now = Feedback(outcome=Outcome.rejected, output="0", evidence={"actions": [actions[0]], "dom": "7c"}, seconds=2.0)
    assert replay.first_difference(then, then) == ""
    assert replay.first_difference(then, now) == 'evidence.actions.1.action.0 was "click", now not there'
    fewer = Feedback(outcome=Outcome.accepted, output="1", evidence={"actions": actions[:1], "dom": "6d"})
    assert replay.first_difference(fewer, then) == 'evidence.actions.1.action.0 was not there, now "click"'


def test_an_attempt_that_is_not_there_is_named(finished: Path) -> None:
    with pytest.raises(LookupError, match="looped/1/nobody/0/explore is not in memory"):
        list(replay.replay(finished, "looped/1/nobody/0/explore"))
    with pytest.raises(ValueError, match="RUN/ITERATION/PROBLEM/SLOT/KIND"):
        list(replay.replay(finished, "nobody"))

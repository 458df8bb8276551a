"""What leaves memory: as Parquet, as data sets that others train on, and as answers to SQL."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import tiny_model
from test_store import attempt, base_report, problem_named

from envisions.records import Outcome, Problem
from pool.export import export
from pool.file import StoreError
from pool.parquet import snapshot
from pool.query import query
from pool.store import Store


class Toy:
    """The parts of a world that an export asks for."""

    def prompt(self, problem: Problem) -> str:
        return f"{problem.id}: {problem.question}\n"

    def completion(self, problem: Problem, program: str) -> str:
        return f"{program}\nend"

    def canonical(self, program: str) -> str:
        return program.casefold()


def filled(folder: Path) -> Path:
    """Two solved problems, one unsolved, one of a test set; and one sample in quarantine."""
    path = folder / "memory.sqlite"
    a, b, c, test = (problem_named(name, "test" if name == "t" else "train") for name in "abct")
    with Store(path) as store:
        store.commit(base_report())
        likely = attempt(a, 1)
        likely = replace(likely, candidate=replace(likely.candidate, logprob=-0.1))
        same = replace(attempt(a, 2), program="PROGRAM 0")  # as another attempt spells it
        wrong = [attempt(a, n, Outcome.rejected) for n in (3, 4, 5)]
        store.add(a, [attempt(a), likely, same, *wrong, attempt(a, 6, Outcome.unverifiable)])
        store.add(b, [attempt(b), attempt(b, 1)])
        store.add(c, [attempt(c, 0, Outcome.failed)])
        store.add(test, [attempt(test, kind="evaluate")])
        (row,) = (row for row, t in store.by_row(problem=["b"]).items() if t.key.slot == 1)
        store.quarantine({row: "for the test"})
    return path


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    assert export(filled(folder), Toy(), str(folder / "sets")) == {  # type: ignore[arg-type]
        "prompt-completion": 3,
        "preference": 2,
        "conversational": 3,
    }
    return folder / "sets"


def loaded(folder: Path, form: str) -> Any:
    import datasets

    return datasets.load_dataset(str(folder), form, split="train", cache_dir=str(folder.parent / "cache"))


def test_each_accepted_program_of_train_problems_is_exported_once_the_likeliest_first(exported: Path) -> None:
    rows = loaded(exported, "prompt-completion")
    assert rows["sample"] == ["run/1/a/1/explore", "run/1/a/0/explore", "run/1/b/0/explore"]
    assert rows[0]["prompt"] == "a: how many?\n"
    assert rows[0]["completion"] == "program 1\nend"


def test_pairs_are_a_right_and_a_wrong_program_of_one_problem(exported: Path) -> None:
    rows = loaded(exported, "preference")
    assert [(row["problem"], row["chosen"], row["rejected"]) for row in rows] == [
        ("a", "program 1\nend", "program 3\nend"),
        ("a", "program 0\nend", "program 4\nend"),
    ]
    assert rows[0]["rejected_sample"] == "run/1/a/3/explore"


def test_a_conversation_is_the_same_as_messages(exported: Path) -> None:
    assert loaded(exported, "conversational")[0]["messages"] == [
        {"role": "user", "content": "a: how many?\n"},
        {"role": "assistant", "content": "program 1\nend"},
    ]


TRL = Path(__file__).parents[2] / "build" / "trl"  # beside the environment: accelerate changes what transformers does
READS = """
import json, sys
import datasets, trl
from transformers import AutoModelForCausalLM, AutoTokenizer
model, sets, out = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(model)
tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\\n{% endfor %}"
def first(kind, form):
    trainer = getattr(trl, kind + "Trainer")(
        model=AutoModelForCausalLM.from_pretrained(model),
        args=getattr(trl, kind + "Config")(output_dir=out, report_to=[], use_cpu=True, bf16=False),
        train_dataset=datasets.load_dataset(sets, form, split="train", cache_dir=out),
        processing_class=tokenizer,
    )
    row = trainer.train_dataset[0]
    return {name: tokenizer.decode(ids) for name, ids in row.items() if name.endswith("_ids")}
print(json.dumps([first("SFT", "prompt-completion"), first("SFT", "conversational"), first("DPO", "preference")]))
"""


@pytest.mark.skipif(not TRL.is_dir(), reason="TRL is not there; `make trl` puts it into build/trl")
@pytest.mark.timeout(600)
def test_trl_reads_what_was_exported_in_both_of_its_trainers(exported: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", READS, str(tiny_model(tmp_path / "model")), str(exported), str(tmp_path / "out")]
    path = os.pathsep.join([str(TRL), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=590)
    assert ran.returncode == 0, ran.stderr[-3000:]
    supervised, conversation, preferred = json.loads(ran.stdout.splitlines()[-1])
    assert "a: how many?\nprogram 1\nend" in supervised["input_ids"]
    assert "user: a: how many?\n" in conversation["input_ids"]
    assert "assistant: program 1\nend" in conversation["input_ids"]
    assert preferred["prompt_ids"].endswith("a: how many?\n")
    assert preferred["chosen_ids"].startswith("program 1\nend")
    assert preferred["rejected_ids"].startswith("program 3\nend")


# Snapshots


def test_a_snapshot_holds_every_table_for_pandas_and_duckdb(tmp_path: Path) -> None:
    import pandas

    path = filled(tmp_path)
    written = snapshot(path, str(tmp_path / "snapshot"))
    assert written["attempts"] == 11
    assert {"problems", "reports", "quarantine", "versions"} <= written.keys()
    attempts = pandas.read_parquet(tmp_path / "snapshot" / "attempts.parquet")
    assert sorted(attempts[attempts.outcome == "accepted"].problem) == ["a", "a", "a", "b", "b", "t"]
    assert attempts.logprob.max() == -0.1
    assert [found.suffix for found in (tmp_path / "snapshot").iterdir()] == [".parquet"] * len(written)
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    at = tmp_path / "snapshot"
    counted = duckdb.sql(
        f"SELECT p.split, COUNT(*) FROM '{at}/attempts.parquet' a JOIN '{at}/problems.parquet' p "
        "ON p.row = a.problem_row GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert counted == [("test", 1), ("train", 10)]


def test_a_snapshot_goes_to_any_file_system_that_arrow_knows(tmp_path: Path) -> None:
    snapshot(filled(tmp_path), (tmp_path / "far").as_uri())
    assert (tmp_path / "far" / "lessons.parquet").is_file()


def test_half_a_character_does_not_stop_a_snapshot(tmp_path: Path) -> None:
    import pandas

    odd = replace(attempt(problem_named("p")), program="print('\ud800')")
    with Store(tmp_path / "m") as store:
        store.add(odd.problem, [odd])
    snapshot(tmp_path / "m", str(tmp_path / "snapshot"))
    assert list(pandas.read_parquet(tmp_path / "snapshot" / "attempts.parquet").program) == ["print('?')"]


# Queries


def test_a_query_gives_columns_and_rows_while_the_run_writes(tmp_path: Path) -> None:
    path = filled(tmp_path)
    with Store(path):
        found = list(query(path, "SELECT outcome, COUNT(*) AS n FROM attempts GROUP BY outcome ORDER BY n DESC, 1"))
    assert found[:3] == [("outcome", "n"), ("accepted", 6), ("rejected", 3)]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM attempts", "would change something"),
        ("ATTACH 'other.sqlite' AS other", "would change something"),
        ("SELECT aught FROM attempts", "no such column: aught"),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n", "longer than 0.2 s"),
    ],
)
def test_a_query_that_writes_or_does_not_end_is_refused_in_one_line(tmp_path: Path, sql: str, said: str) -> None:
    path = filled(tmp_path)
    with pytest.raises(StoreError, match=said) as refused:
        list(query(path, sql, seconds=0.2))
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "other.sqlite").exists()

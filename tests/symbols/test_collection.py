"""The collection: from the generators alone, from what a user gives, and from the data sets beside the project."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from languages.data import shared
from typer.testing import CliRunner

from envisions.cli import app
from envisions.collect import collect, named
from envs.languages.registry import LANGUAGES
from envs.rows import SourceError
from envs.symbols import downloads
from envs.symbols.annotations import program_of
from envs.symbols.collection import Wanted
from envs.symbols.generators.registry import GENERATORS
from envs.symbols.manifest import RESTRICTED, tasks
from envs.symbols.readers import READERS
from envs.symbols.world import SymbolSource, load


def test_the_manifest_names_all_34_tasks_and_only_what_there_is() -> None:
    assert sorted(task.number for task in tasks().values() if task.number) == list(range(1, 35))
    for task in tasks().values():
        assert task.language in LANGUAGES
        assert not task.generator or task.generator in GENERATORS
        assert task.sources or task.generator or task.needs
        for source in task.sources:
            assert source.reader in READERS
            assert source.repository
            assert len(source.revision) == 40


def test_every_task_is_built_or_says_what_it_needs(tmp_path: Path) -> None:
    built = list(collect(["all"], Wanted(generated=3), tmp_path))
    assert [one.task.name for one in built] == list(tasks())
    for one in built:
        assert any(one.pairs.values()) or one.needs, one
        assert one.task.name in str(one)
        assert not any(one.pairs.values()) or one.task.generator
    report = json.loads((tmp_path / "collection.json").read_text())
    card = (tmp_path / "README.md").read_text()
    assert len(report) == len(tasks())
    assert all(name in card for name in tasks())
    assert load(SymbolSource(path=tmp_path, tasks=("scan",)), "train")[0].setup["licence"] == "made here"


def test_what_a_user_gives_is_read_checked_and_kept_apart(tmp_path: Path) -> None:
    rows = [("jump", "I_JUMP"), ("Jump!", "I_JUMP"), ("walk", "I_WALK"), ("look", "I_FLY"), ("run", "")]
    held = [("walk", "I_WALK")]
    for part, lines in (("train", rows), ("test", held)):
        file = tmp_path / "data" / "scan" / f"{part}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps({"input": one, "output": other}) + "\n" for one, other in lines))
    (built,) = collect(["scan"], Wanted(data=tmp_path / "data"), tmp_path / "out")
    assert [one.question for one in built.pairs["train"]] == ["jump"]
    assert built.dropped == Counter(
        {"its gold is malformed": 1, "there is no gold": 1, "duplicates": 1, "also in the test part": 1}
    )
    assert "I_FLY" in built.examples["its gold is malformed"][0]


def test_a_task_that_is_none_and_a_folder_that_is_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="task is 'spidr'; did you mean spider"):
        named(["spidr"])
    with pytest.raises(SourceError, match="does not exist; correct --data"):
        list(collect(["scan"], Wanted(data=tmp_path / "none"), tmp_path / "out"))


def test_the_command_prints_a_line_for_each_task(tmp_path: Path) -> None:
    out = CliRunner().invoke(app, ["collect", "--tasks", "scan,amr3", "--generated", "2", "--to", str(tmp_path)])
    scan, amr, card = out.output.splitlines()
    assert "built: 2 train, 2 test" in scan
    assert "not built; needs" in amr
    assert "LDC2020T02" in amr
    assert card.endswith("README.md")


@pytest.mark.parametrize(
    ("licence", "restricted"),
    [
        ("MIT", False),
        ("CC BY-SA 4.0", False),
        ("CC BY-NC-SA 4.0", True),
        ("LDC", True),
        ("none (tests only)", True),
        ("", True),
    ],
)
def test_what_may_not_be_shared_is_left_out(licence: str, restricted: bool) -> None:
    assert bool(RESTRICTED.search(licence)) is restricted


@pytest.mark.parametrize(
    ("notes", "program"),
    [
        ("<<48/2=24>> <<48+24=72>>", "def solution():\n    step1 = 48 / 2\n    step2 = 48 + step1\n    return step2"),
        ("<<20%*50=10>>", "def solution():\n    step1 = 20 / 100 * 50\n    return step1"),
        ("<<5*x=3>>", ""),
        ("none", ""),
    ],
)
def test_notes_become_programs(notes: str, program: str) -> None:
    assert program_of(notes) == program


def test_what_is_missing_is_downloaded_and_known_by_its_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tasks()["scan"].sources[0]
    far = tmp_path / "far" / source.repository / source.revision / source.paths[0]
    far.parent.mkdir(parents=True)
    far.write_text("IN: jump OUT: I_JUMP\n")
    monkeypatch.setattr(downloads, "PLACE", (tmp_path / "far").as_uri())
    assert downloads.fetch(source, tmp_path / "data").endswith("has another checksum than the manifest knows")
    known = source.model_copy(update={"sha256": (hashlib.sha256(far.read_bytes()).hexdigest(),)})
    assert downloads.fetch(known, tmp_path / "data") == ""
    assert (tmp_path / "data" / source.files[0]).read_text() == far.read_text()
    lost = known.model_copy(update={"files": ("lost.txt",), "paths": ("lost.txt",)})
    assert "cannot be read" in downloads.fetch(lost, tmp_path / "data")


def test_a_file_that_is_not_what_the_manifest_knows_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "data" / "symbols" / "scan_simple_train.txt"
    file.parent.mkdir(parents=True)
    file.write_text("IN: jump OUT: I_JUMP\n")
    (built,) = collect(["scan"], Wanted(data=tmp_path / "data", generated=2), tmp_path / "out")
    assert any("checksum differs" in need for need in built.needs)
    assert built.sources == ["its generator"]


AT_HAND = ["scan", "cogs", "nl2bash", "nl2rx", "gsm8k-code", "folio", "spider", "chebi20", "nl2python"]


def test_what_lies_beside_the_project_is_built(tmp_path: Path) -> None:
    data = shared("MANIFEST.json").parent
    for built in collect(AT_HAND, Wanted(data=data, count=12), tmp_path):
        kept = sum(map(len, built.pairs.values()))
        assert kept >= 6, built
        assert kept + sum(built.dropped.values()) >= 12, built


def test_what_is_restricted_is_built_on_demand_only(tmp_path: Path) -> None:
    data = shared("MANIFEST.json").parent
    (shy,) = collect(["nlmaps"], Wanted(data=data, count=5), tmp_path)
    (free,) = collect(["nlmaps"], Wanted(data=data, count=5, restricted=True), tmp_path)
    assert not any(shy.pairs.values())
    assert any("--all-licences" in need for need in shy.needs)
    assert sum(map(len, free.pairs.values())) == 5
    assert free.pairs["train"][0].setup["glosses"]["key"]

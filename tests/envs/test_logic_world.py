"""The logic world: problems from files, prompts, and the way from a program to a completion and back."""

import json
import pickle
from pathlib import Path

import pytest

from envisions.check import check
from envisions.records import Feedback, Outcome
from envs.logic.sources import LogicSource, load
from envs.logic.task import posed
from envs.logic.world import LogicConfig, LogicWorld, _shots
from envs.rows import SourceError

DATA = Path(__file__).parents[3] / "shared/data/logic"
PROGRAM = "Facts:\nKind(Anne, True)\nRules:\nKind($x, True) >>> Green($x, True)\nQuery:\nGreen(Anne, True)"
SETUP = {"semantics": "rules-owa", "context": "Anne is kind. Kind people are green.", "asked": "Anne is green."}


@pytest.fixture
def world(tmp_path: Path) -> LogicWorld:
    row = {**SETUP, "question": "Anne is green.", "answer": "True"}
    for name, context in (("train", "Anne is kind."), ("test", "Bob likes the old bear.")):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({**row, "id": 1, "context": context}))
    train, test = (LogicSource(name="file", path=tmp_path / f"{name}.jsonl") for name in ("train", "test"))
    return LogicWorld(LogicConfig(train=train, test={"held-out": test}, shots=1))


def test_problems_come_from_files_and_travel(world: LogicWorld) -> None:
    again = pickle.loads(pickle.dumps(world))
    (problem,) = again.problems("train", 1)
    assert (problem.answer, problem.setup["asked"], problem.setup["semantics"]) == (
        "True",
        "Anne is green.",
        "rules-owa",
    )
    assert len(again.problems("held-out", 0)) == 1


def test_a_completion_reads_back_as_its_program(world: LogicWorld) -> None:
    problem = posed("p", "train", {**SETUP, "answer": "True"})
    for text in (world.completion(problem, PROGRAM), f"Here it is:\n```\n{PROGRAM}\n```\nDone."):
        assert world.program(problem, text) == PROGRAM


def test_the_prompt_never_tells_the_answer(world: LogicWorld) -> None:
    problem = posed("p", "train", {**SETUP, "answer": "Unknown"})
    refined = world.refine_prompt(problem, PROGRAM, Feedback(outcome=Outcome.rejected, error="True: Green follows"))
    for prompt in (world.prompt(problem), world.first_prompt(problem), refined):
        assert "Unknown" not in prompt
        assert prompt.endswith("\n```\n")


def test_programs_that_differ_in_names_layout_and_glosses_are_one(world: LogicWorld) -> None:
    renamed = PROGRAM.replace("Kind", "Nice").replace("$x", "$y").replace("Rules:", "\n\nRules:").replace("Anne", "Bob")
    assert world.canonical(f"{renamed} ::: a gloss") == world.canonical(PROGRAM)
    assert world.canonical(PROGRAM.replace("Green(Anne, True)", "Kind(Anne, True)")) != world.canonical(PROGRAM)


def test_the_worked_examples_are_right(tmp_path: Path) -> None:
    golds = ["Unknown", "False", "False"]
    rows = [
        {**shot.setup, "id": shot.id, "question": shot.setup["asked"], "program": shot.answer, "answer": gold}
        for shot, gold in zip(_shots(), golds, strict=True)
    ]
    (tmp_path / "shots.jsonl").write_text("\n".join(map(json.dumps, rows)))
    lines = list(check("logic", tmp_path / "shots.jsonl"))
    assert [(line["outcome"], line["output"]) for line in lines] == [("accepted", gold) for gold in golds]


def test_a_record_without_semantics_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text(json.dumps({"id": 1, "program": "", "answer": "True"}))
    with pytest.raises(SourceError, match="semantics is None; it must be one of rules-owa"):
        check("logic", tmp_path / "bad.jsonl")


@pytest.mark.parametrize(
    ("name", "file", "count"),
    [
        ("proofwriter", "proofwriter_dev.json", 600),
        ("prontoqa", "prontoqa_dev.json", 500),
        ("folio", "folio_train.jsonl", 1_004),
    ],
)
def test_the_data_sets_at_hand_are_read(name: str, file: str, count: int) -> None:
    if not (DATA / file).is_file():
        pytest.skip(f"{DATA / file} is not at hand")
    assert len(load(LogicSource(name=name, path=DATA / file), "test")) == count

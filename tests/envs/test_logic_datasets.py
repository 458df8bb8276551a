"""Gold labels of the data sets are what their own sentences prove, and translations of every sentence are accepted."""

import json
from pathlib import Path
from random import Random

import pytest
from templated import program

from envisions.records import Outcome
from envs.logic.environment import LogicEnvironment
from envs.logic.sources import LogicSource, load

DATA = Path(__file__).parents[3] / "shared/data/logic"
EVERY = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "file", "count"),
    [
        ("proofwriter", "proofwriter_train.json", 200),
        ("proofwriter", "proofwriter_dev.json", 200),
        ("proofwriter", "proofwriter_test.json", 200),
        ("prontoqa", "prontoqa_dev.json", 200),
        *(pytest.param("proofwriter", f"proofwriter_{part}.json", 0, marks=EVERY) for part in ("train", "dev", "test")),
        pytest.param("prontoqa", "prontoqa_dev.json", 0, marks=EVERY),
    ],
)
def test_gold_labels_follow_from_the_sentences_and_the_translation_is_seen_to_be_one(
    name: str, file: str, count: int
) -> None:
    """Every statement of the programs is compared with the text, so that a label cannot be right for a wrong reason."""
    if not (DATA / file).is_file():
        pytest.skip(f"{DATA / file} is not at hand")
    problems = load(LogicSource(name=name, path=DATA / file), "test")
    environment = LogicEnvironment()
    for problem in Random(5).sample(problems, count or len(problems)):
        feedback = environment.execute(problem, program(problem.setup["context"], problem.setup["asked"]))
        assert feedback.outcome is Outcome.accepted, (feedback.error, json.dumps(dict(problem.setup)), problem.answer)

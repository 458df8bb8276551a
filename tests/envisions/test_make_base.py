"""`envisions make-base` with a real DeepSpeed rank: a folder that a run can start from."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from envisions.make_base import END, Recipe, texts
from envs.math.sources import load
from envs.math.world import MathConfig, MathWorld
from learner import weights

RECIPE = """
kept = 0.5
questions = { name = "stories", count = 60, slots = true }
model = { vocabulary = 320, width = 32, layers = 1, heads = 2, inner = 64, context = 512 }
learn = { rate = 1e-3, examples_per_step = 32, row_length = 256 }
"""


def test_a_recipe_makes_a_model_folder_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    command = [sys.executable, "-m", "envisions", "make-base", "recipe.toml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    weights.check_folder(tmp_path)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.eos_token == END
    assert tokenizer.tokenize("12 345") == ["1", "2", "Ġ", "3", "4", "5"]
    log = json.loads((tmp_path / "log.json").read_text())
    assert log["recipe"]["kept"] == 0.5
    assert (log["texts"], log["fingerprint"]) == (60, weights.fingerprint(str(tmp_path)))
    assert (tmp_path / "recipe.toml").read_text() == RECIPE
    assert not list(tmp_path.glob(".*"))


def test_the_questions_of_a_recipe_are_looked_for_beside_it(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('questions = { name = "mwp", path = "none.jsonl" }')
    done = subprocess.run(
        [sys.executable, "-m", "envisions", "make-base", tmp_path / "recipe.toml"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert f"{tmp_path / 'none.jsonl'} does not exist" in done.stderr


@pytest.mark.parametrize("read", [0.0, 1.0])
def test_a_text_is_a_prompt_of_the_world_with_a_program_or_read_from_its_second_word_on(read: float) -> None:
    recipe = Recipe.model_validate({"questions": {"name": "stories", "count": 30}, "refinements": 0, "read": read})
    world = MathWorld(MathConfig(train=recipe.questions, test={"unused": recipe.questions}))
    problems = load(recipe.questions, "train")
    for problem, text in zip(problems, texts(recipe, world, problems), strict=True):
        prompt = world.prompt(problem)
        assert (text.prompt + text.completion).startswith(prompt)
        assert text.prompt == (prompt.split(" ")[0] if read else prompt)
        assert world.program(problem, (text.prompt + text.completion).removeprefix(prompt))


def test_a_base_goes_on_from_another_under_its_tokenizer(tmp_path: Path) -> None:
    for name, start in (("first", ""), ("second", 'start = "../first"\n')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipe.toml").write_text(start + RECIPE)
        command = [sys.executable, "-m", "envisions", "make-base", tmp_path / name / "recipe.toml"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
    first, second = tmp_path / "first", tmp_path / "second"
    log = json.loads((second / "log.json").read_text())
    assert log["start"] == weights.fingerprint(first) != log["fingerprint"]
    assert (second / "tokenizer.json").read_bytes() == (first / "tokenizer.json").read_bytes()


def test_a_recipe_that_starts_from_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none does not exist; name a Hugging Face folder"):
        Recipe.model_validate(tomllib.loads(RECIPE) | {"start": "none"}, context={"folder": tmp_path})

"""Bad input stops with one line (value, rule, way out) before any actor starts and before anything is written."""

import json
import shutil
from pathlib import Path

import pytest
from builders import tiny_model
from typer.testing import CliRunner

from envisions import cli, folder
from envisions.config import ConfigError, load
from envs.web.world import WebConfig

WEB = Path(__file__).parents[2] / "examples" / "web.toml"
RUN = """
[run]
name = "trial"
model = "model"
iterations = 1

[world]
problems = 4

[world.train]
name = "file"
path = "train.jsonl"

[world.test.held-out]
name = "stories"
count = 5
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("config") / "model")


@pytest.fixture
def run_file(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENVISIONS_HOME", str(tmp_path / "home"))
    shutil.copytree(model, tmp_path / "model")
    records = [{"id": n, "question": f"What is {n} and {n} together?", "answer": str(2 * n)} for n in range(8)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (tmp_path / "run.toml").write_text(RUN)
    return tmp_path / "run.toml"


def refused(run_file: Path, *overrides: str) -> str:
    """What `envisions train` says of a run that must not start."""
    with pytest.raises((ValueError, LookupError)) as caught:
        cli.start(load(run_file, overrides))
    assert "\n" not in str(caught.value)
    assert not (run_file.parent / "home").exists(), "nothing may be written for a run that cannot start"
    return str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("learn.rtae=1", "learn.rtae is unknown; did you mean learn.rate?"),
        ("world.name=lgic", "world: name is 'lgic'; did you mean logic?"),
        ("world.name=chess", "world: name is 'chess'; it must be one of math, logic"),
        ("world.shtos=1", "world.shtos is unknown; did you mean world.shots?"),
        ("qqqq=1", "qqqq is unknown; it must be one of actors, curriculum, engine, evaluate, explore, learn, memory"),
        ("explore.samples=0", "explore.samples is 0; it must be at least 1"),
        ("learn.rate=fast", "learn.rate is 'fast'; it must be a valid number"),
        ("world.train.path=gone.jsonl", "gone.jsonl does not exist; correct the path"),
        ("actors.generator.count=40", "actors need"),
        ("actors.generator.gpus=7", "lower actors.generator"),
        ("actors.memory.count=2", "the store has one writer: it must be 1"),
        ("run.model=nowhere", "it must be a model folder or a hub id"),
    ],
)
def test_a_wrong_setting_is_refused_with_a_remedy(run_file: Path, override: str, message: str) -> None:
    assert message in refused(run_file, override)


def test_a_malformed_record_is_named_by_file_and_line(run_file: Path) -> None:
    with (run_file.parent / "train.jsonl").open("a") as file:
        file.write('{"id": 9, "question": "No answer?"}\n')
    assert "train.jsonl line 9" in refused(run_file)


def test_a_model_folder_without_weights_is_refused(run_file: Path) -> None:
    (run_file.parent / "model" / "model.safetensors").unlink()
    assert "has no *.safetensors" in refused(run_file)


def test_a_tokenizer_without_an_end_of_text_is_refused(run_file: Path) -> None:
    path = run_file.parent / "model" / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    del settings["eos_token"]
    path.write_text(json.dumps(settings))
    assert "has no eos_token" in refused(run_file)


def test_the_folder_of_another_run_is_refused_and_left_as_it_is(run_file: Path) -> None:
    at = folder.open_for(load(run_file))
    before = (at / "run.toml").read_text()
    with pytest.raises(folder.FolderError, match=r"its run\.seed is 0, here it is 1"):
        folder.open_for(load(run_file, ["run.seed=1"]))
    assert (at / "run.toml").read_text() == before


def test_a_run_folder_gives_back_the_run_it_was_made_for(run_file: Path) -> None:
    config = load(run_file, ["explore.samples=3", "learn.rate=1e-4"])
    held = folder.config_of(folder.open_for(config))
    assert folder.difference(held, config) is None


def test_a_file_that_is_no_toml_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("[run\n")
    with pytest.raises(ConfigError, match=r"run\.toml: .*line 1"):
        load(tmp_path / "run.toml")


def test_an_unknown_run_file_ends_the_command_with_one_line() -> None:
    result = CliRunner().invoke(cli.app, ["train", "absent.toml"])
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == "absent.toml does not exist; name a run file such as examples/laptop.toml"


@pytest.mark.parametrize(
    "file", sorted((Path(__file__).parents[2] / "examples").glob("*.toml")), ids=lambda file: file.stem
)
def test_every_example_is_a_valid_run(file: Path) -> None:
    assert load(file).world.name in file.read_text()


def test_the_web_run_names_its_world_and_its_tasks() -> None:
    config = load(WEB, ["world.episode.pages=3"])
    assert isinstance(config.world, WebConfig)
    assert config.world.episode.pages == 3
    assert config.world.train.tasks == ("easy",)
    with pytest.raises(ConfigError, match="did you mean"):
        load(WEB, ["world.episode.page=3"])
    with pytest.raises(ConfigError, match="'click-buton' is no task; did you mean click-button"):
        load(WEB, ["world.train.tasks=click-buton"])

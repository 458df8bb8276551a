"""What the two tuning stages train on, and that they train, with a real DeepSpeed rank."""

import json
from pathlib import Path

import pytest
from builders import tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from envisions.cli import app
from envisions.config import ConfigError
from envisions.tune import load_stage
from envs.symbols.mixture import GeneralSource, MixtureConfig, mixture
from envs.symbols.world import SymbolSource
from learner import weights

PAIRS = SymbolSource(tasks=("scan",), count=30)
STORIES = GeneralSource(name="stories", count=50)


def symbolic(mixed: list[object]) -> int:
    return sum(getattr(one, "id").startswith("scan") for one in mixed)  # noqa: B009


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 60), st.integers(1, 90))
def test_a_mixture_has_the_shares_that_are_asked_for(symbols: int, general: int) -> None:
    mixed = mixture(MixtureConfig(symbols=PAIRS, general=(STORIES,), texts=(symbols, general)), seed=1)
    ours = symbolic(mixed)
    others = len(mixed) - ours
    assert len({one.id for one in mixed}) == len(mixed)
    assert ours <= min(symbols, 30)
    assert others <= min(general, 50)
    assert abs(ours * general - others * symbols) <= max(symbols, general)  # the ratio, up to rounding
    assert ours == symbols or others == general or ours == 30 or others == 50


def test_the_paper_shares_are_the_default() -> None:
    mixed = mixture(MixtureConfig(symbols=PAIRS, general=(STORIES,)), seed=1)
    assert (symbolic(mixed), len(mixed) - symbolic(mixed)) == (30, round(30 * 310 / 260))


def test_a_mixture_follows_from_its_seed_and_is_whole_without_general_text(tmp_path: Path) -> None:
    config = MixtureConfig(symbols=PAIRS, general=(STORIES,), texts=(10, 10))
    assert mixture(config, 1) == mixture(config, 1)
    assert mixture(config, 1) != mixture(config, 2)
    assert len(mixture(MixtureConfig(symbols=PAIRS), 1)) == 30
    (tmp_path / "teacher.jsonl").write_text('{"prompt": "jump", "completion": "I_JUMP"}\n')
    taught = MixtureConfig(symbols=PAIRS, lessons=(tmp_path / "teacher.jsonl",))
    assert mixture(taught, 1)[-1].completion == "I_JUMP"


def test_a_stage_file_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml does not exist; name a stage file"):
        load_stage(tmp_path / "none.toml")
    (tmp_path / "stage.toml").write_text('model = "m"\nfolder = "f"\n[mixture.symbols]\ntasks = ["scna"]\ncount = 3\n')
    with pytest.raises(ConfigError, match="'scna' cannot be made"):
        load_stage(tmp_path / "stage.toml")


STAGE = """
model = "base"
folder = "out/{name}"
[mixture]
texts = [20, 20]
symbols = {{ tasks = ["scan"], count = 24, evolved = 0.5 }}
{general}
[held_out]
symbols = {{ tasks = ["scan"], count = 4 }}
general = {{ name = "stories", count = 4 }}
[learn]
rate = 1e-3
examples_per_step = 8
row_length = 512
micro_batch_tokens = 1024
"""


def test_injection_and_infusion_write_models_and_the_loss_of_held_out_text(tmp_path: Path) -> None:
    tiny_model(tmp_path / "base")
    (tmp_path / "inject.toml").write_text(STAGE.format(name="injected", general=""))
    general = '[[mixture.general]]\nname = "stories"\ncount = 30\n'
    (tmp_path / "infuse.toml").write_text(STAGE.format(name="infused", general=general))
    for command, folder, more in (("inject", "injected", []), ("infuse", "infused", ['model="out/injected"'])):
        done = CliRunner().invoke(app, [command, str(tmp_path / f"{command}.toml"), *more], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        weights.check_folder(tmp_path / "out" / folder)
        log = json.loads((tmp_path / "out" / folder / "stage.json").read_text())
        assert log["held_out"]["symbols"]["after"] < log["held_out"]["symbols"]["before"]
        assert log["texts"] == (24 if command == "inject" else 40)
        assert log["fingerprint"] == weights.fingerprint(str(tmp_path / "out" / folder))
    again = CliRunner().invoke(app, ["infuse", str(tmp_path / "infuse.toml"), 'model="out/injected"'])
    assert (
        json.loads(again.output.splitlines()[-1])["fingerprint"] == log["fingerprint"]
    )  # done already, not done again

"""What the two tuning stages train on, and that they train, with a real DeepSpeed rank."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from builders import tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from envisions.config import ConfigError
from envisions.tune import load_stage
from envs.symbols.mixture import GeneralSource, MixtureConfig, mixture
from envs.symbols.world import SymbolSource
from learner import weights

ROOT = Path(__file__).parents[2]
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


def staged(folder: Path, command: str, name: str, general: str = "") -> dict[str, Any]:
    """What a stage wrote down. Each has a process of its own: DeepSpeed does not start twice in one."""
    (folder / f"{command}.toml").write_text(STAGE.format(name=name, general=general))
    call = [sys.executable, "-m", "envisions", command, str(folder / f"{command}.toml")]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    log: dict[str, Any] = json.loads((folder / "out" / name / "stage.json").read_text())
    weights.check_folder(folder / "out" / name)
    assert log["fingerprint"] == weights.fingerprint(str(folder / "out" / name))
    return log


def test_injection_writes_a_model_that_foretells_symbols_better(tmp_path: Path) -> None:
    tiny_model(tmp_path / "base")
    log = staged(tmp_path, "inject", "injected")
    assert log["texts"] == 24
    assert log["held_out"]["symbols"]["after"] < log["held_out"]["symbols"]["before"]


@pytest.mark.slow
def test_infusion_mixes_general_text_in_and_is_not_done_twice(tmp_path: Path) -> None:
    tiny_model(tmp_path / "base")
    general = '[[mixture.general]]\nname = "stories"\ncount = 30\n'
    log = staged(tmp_path, "infuse", "infused", general)
    assert log["texts"] == 40
    assert log["held_out"]["general"]["after"] < log["held_out"]["general"]["before"]
    again = staged(tmp_path, "infuse", "infused", general)
    assert (again["fingerprint"], again["seconds"]) == (log["fingerprint"], log["seconds"])

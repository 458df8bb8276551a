"""The run files that ship: each can be read, and the paper's hold the paper's settings for every model of the paper."""

import re
from pathlib import Path

import pytest

from envisions.config import load

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))
PAPER = [file for file in EXAMPLES if file.stem in ("gsm8k-7b", "paper-logic", "paper-web")]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_a_run_file_can_be_read(file: Path) -> None:
    assert load(file).run.strategy == "envisions"


@pytest.mark.parametrize("file", PAPER, ids=lambda file: file.stem)
def test_each_model_of_the_paper_is_one_line_of_overrides(file: Path) -> None:
    told = re.findall(r"^#   (\w+) +(run\.name=.+)$", file.read_text(), flags=re.MULTILINE)
    assert [name for name, _ in told][:2] == ["13B", "DeepSeek"]
    names = {load(file).run.name}
    for _, overrides in told:
        run = load(file, overrides.split())
        assert run.run.profile == "reference-compat"
        assert (run.explore.samples, run.learn.rate, run.select.rank) == (5, 2e-5, "sampled")
        names.add(run.run.name)
    assert len(names) == 1 + len(told)
    assert "Not run." in file.read_text()

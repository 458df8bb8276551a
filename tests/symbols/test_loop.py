"""The run file of the example."""

from pathlib import Path

from envisions.config import load

ROOT = Path(__file__).parents[2]


def test_the_run_file_of_the_example_is_read() -> None:
    config = load(ROOT / "examples" / "symbols.toml")
    assert config.world.name == "symbols"
    assert set(config.world.test) == {"original", "evolved", "length"}

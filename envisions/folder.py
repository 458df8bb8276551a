"""The run folder: run.toml, report.jsonl, report.html, memory.sqlite, weights/ and logs/."""

import os
import tomllib
from pathlib import Path
from typing import Any

from envisions.config import RunConfig, validated
from envisions.files import write_aside

NAMES = (
    *("run.toml", "report.jsonl", "report.html", "results.jsonl", "results.tex"),
    *("memory.sqlite", "weights", "logs"),
)
FREE = ("folder", "model")  # paths of [run] that may differ when a run goes on; the model itself is compared elsewhere


class FolderError(ValueError):
    """A run folder that cannot be used: one line with the place, the rule and the way out."""


def place(config: RunConfig) -> Path:
    """Where a run is kept: its own `run.folder`, or runs/NAME under $ENVISIONS_HOME or the current directory.

    Under `ray job submit` the current directory is the job's temporary copy of the code, so there it is
    ~/envisions/runs/NAME on the head node.
    """
    if config.run.folder:
        return Path(config.run.folder).expanduser().absolute()
    if home := os.environ.get("ENVISIONS_HOME"):
        return Path(home).absolute() / "runs" / config.run.name
    in_job = "runtime_resources" in Path.cwd().parts  # where Ray unpacks what a job was submitted with
    return (Path.home() / "envisions" if in_job else Path.cwd()) / "runs" / config.run.name


def open_for(config: RunConfig) -> Path:
    """The folder of a run, made when it is new; the folder of another run is refused."""
    at = place(config)
    at.mkdir(parents=True, exist_ok=True)
    text = toml(config)
    held = at / "run.toml"
    if not held.exists():
        if strange := sorted({entry.name for entry in at.iterdir()} - set(NAMES)):
            raise FolderError(f"{at} holds {strange[0]} and is no run folder; name another with run.folder")
        write_aside(held, text)
    elif (differs := difference(config_of(at), config)) is not None:
        raise FolderError(
            f"{at} is the folder of another run ({differs}); give this one another run.name, or delete the folder"
        )
    return at


def config_of(at: Path) -> RunConfig:
    """The settings that a run folder was made with."""
    held = at / "run.toml"
    if not held.is_file():
        raise FolderError(f"{at} has no run.toml and is no run folder; name one such as runs/laptop")
    config = validated(tomllib.loads(held.read_text()), at)
    base = at.absolute() / "weights" / "0"
    here = {"folder": str(at.absolute()), "model": str(base) if base.is_dir() else config.run.model}
    return config.model_copy(update={"run": config.run.model_copy(update=here)})


def difference(held: RunConfig, asked: RunConfig) -> str | None:
    """The first setting in which two runs differ, as a line; None when they are one run."""
    old, new = flat(held.model_dump(mode="json")), flat(asked.model_dump(mode="json"))
    for name in sorted(old.keys() | new.keys()):
        if name not in {f"run.{free}" for free in FREE} and old.get(name) != new.get(name):
            return f"its {name} is {old.get(name)!r}, here it is {new.get(name)!r}"
    return None


def flat(section: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested sections as `a.b` keys."""
    values: dict[str, Any] = {}
    for name, value in section.items():
        values |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return values


def toml(config: RunConfig) -> str:
    """A run as TOML, every setting written out."""
    import tomli_w

    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))

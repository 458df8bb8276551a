"""Which tasks there are, where their pages lie, and what has to be known of single ones (`tasks.toml`)."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("tasks.toml")


class TaskError(ValueError):
    """A task or group that there is not, with the nearest one that there is; or no pages at all."""


@dataclass(frozen=True, slots=True)
class Task:
    """One page and what `tasks.toml` says of it."""

    name: str
    path: str  # of its page, below `root()`
    reload: bool
    still: bool
    beside: bool
    restless: bool


@cache
def root() -> Path:
    """The folder with all pages and what they load. Raises TaskError where the miniwob package is missing."""
    found = find_spec("miniwob")  # found, not imported: its own environment would bring a second browser driver
    if found is None or not found.submodule_search_locations:
        raise TaskError("the miniwob package is not installed; pip install --no-deps -r requirements/cpu.lock")
    return Path(found.submodule_search_locations[0]) / "html"


@cache
def pages() -> Mapping[str, str]:
    """The path of every task's page, by the task's name."""
    plain = {page.stem: f"miniwob/{page.name}" for page in (root() / "miniwob").glob("*.html")}
    flights = {f"flight.{page.parent.name}": f"flight/{page.parent.name}/wrapper.html" for page in _wrappers()}
    return dict(sorted((plain | flights).items()))


def task(name: str) -> Task:
    """The task of this name; raises TaskError."""
    if name not in pages():
        near = get_close_matches(name, [*pages(), *_table()["groups"]], n=1)
        raise TaskError(f"{name!r} is no task" + (f"; did you mean {near[0]}?" if near else f": see {root()}"))
    known = _table()["pages"]
    marks = {mark: name in known[mark] for mark in ("reload", "still", "beside", "restless")}
    return Task(name=name, path=pages()[name], **marks)


def named(names: str | Sequence[str]) -> list[str]:
    """The tasks of a group (`paper`, `easy`, `all`), or those named, each once; raises TaskError."""
    found: dict[str, None] = {}
    for name in [names] if isinstance(names, str) else names:
        for each in pages() if name == "all" else _table()["groups"].get(name, [name]):
            found[task(each).name] = None
    return list(found)


def _wrappers() -> list[Path]:
    return list((root() / "flight").glob("*/wrapper.html"))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))

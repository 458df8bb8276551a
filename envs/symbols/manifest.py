"""The tasks of the collection: language, metric and sources of each, as the manifest beside this file has them."""

import hashlib
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from envs.symbols.names import Part

FILE = Path(__file__).parent / "manifest.toml"
RESTRICTED = re.compile(r"\bNC\b|\bLDC\b|^none|^$", re.IGNORECASE)


class Source(BaseModel):
    """Files that belong together, from one revision of one repository. `files` lie under the data folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: Part
    reader: str
    files: tuple[str, ...]
    repository: str = ""
    revision: str = ""
    paths: tuple[str, ...] = ()
    sha256: tuple[str, ...] = ()
    licence: str = ""
    substitute: bool = False

    @property
    def restricted(self) -> bool:
        """Whether its licence is non-commercial, of the LDC, or none at all."""
        return bool(RESTRICTED.search(self.licence))

    def changed(self, folder: Path) -> str:
        """The first file that is not the one that the manifest knows; empty where all are."""
        for name, known in zip(self.files, self.sha256, strict=False):
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != known:
                return name
        return ""


class Needs(BaseModel):
    """Where the data of a task lies that is not at hand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: str
    licence: str


class Task(BaseModel):
    """One task. `number`: its place in the paper's tables; 0 where it is none of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    number: int = 0
    language: str
    metric: Literal["EM", "BLEU", "Smatch", "LE", "F1"]
    verified: str
    sources: tuple[Source, ...] = ()
    generator: str = ""
    needs: Needs | None = None


@cache
def tasks() -> dict[str, Task]:
    """All tasks by name, in the order of the manifest."""
    read = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {name: Task(name=name, **fields) for name, fields in read.items()}

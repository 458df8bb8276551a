"""Where logic problems come from: data sets by file or hub. Nothing is executed here."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from envisions.records import Problem
from envs.logic.checking import SEMANTICS
from envs.math.formats import Record, RecordError, record, text
from envs.math.sources import Hub, SourceError, file_rows, hub_rows

LETTERS = {"A": "True", "B": "False", "C": "Unknown"}
LABELS = {"true": "True", "false": "False", "unknown": "Unknown", "uncertain": "Unknown"}
ABOUT = "?"  # what stands before it asks whether the statement behind it is true


class LogicSource(BaseModel):
    """One set of logic problems: its name, which settles the semantics, and where its records lie."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """What the records are: proofwriter, proofwriter-cwa, ruletaker, folio, prontoqa or file."""
    path: Path | None = None
    """A local file, one JSON record a line (or one JSON list); relative to the run file."""
    hub: str = ""
    """The id of a repository on the Hugging Face hub whose records have the same fields."""
    count: int = Field(default=0, ge=0)
    """How many problems; 0 takes all."""
    skip: int = Field(default=0, ge=0)
    """How many problems to leave out at the beginning."""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in READERS:
            raise ValueError(f"{name!r} is no source of logic problems; it must be one of {', '.join(READERS)}")
        return name

    @field_validator("path")
    @classmethod
    def _beside_the_run_file(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        folder = (info.context or {}).get("folder")
        return Path(folder, path) if path and folder else path

    @model_validator(mode="after")
    def _one_place(self) -> "LogicSource":
        if bool(self.path) == bool(self.hub):
            found = "both path and hub are" if self.path else "neither path nor hub is"
            raise ValueError(f"{found} given for {self.name}; give one: a local file, or the id of a repository")
        return self


def load(source: LogicSource, split: str) -> list[Problem]:
    """The problems of one set, in order, each with an id of its own. Raises SourceError, one line."""
    end = source.skip + source.count if source.count else None
    problems = list(islice(_each(source, split), source.skip, end))
    place = source.path or source.hub
    if len(problems) < max(source.count, 1):
        raise SourceError(
            f"{place} holds {len(problems)} problems after the first {source.skip}; "
            f"{max(source.count, 1)} are asked for: lower count or skip"
        )
    seen: set[str] = set()
    for problem in problems:
        if problem.id in seen:
            raise SourceError(f"{place}: id {problem.id!r} occurs twice; give each record its own id")
        seen.add(problem.id)
    return problems


def _each(source: LogicSource, split: str) -> Iterator[Problem]:
    rows = file_rows(source.path) if source.path else hub_rows(Hub(source.hub), source.hub, split)
    for index, (place, row) in enumerate(rows):
        try:
            found = record(row)
            yield posed(f"{source.name}-{split}-{found.get('id', index)}", split, READERS[source.name](found))
        except RecordError as fault:
            raise SourceError(f"{place}: {fault}; mend it or take it out") from None


def posed(name: str, split: str, setup: Mapping[str, Any]) -> Problem:
    """A problem from semantics, context, asked and answer."""
    told = {key: setup[key] for key in ("semantics", "context", "asked")}
    question = f"{told['context']}\n{told['asked']}".strip()
    return Problem(id=name, world="logic", question=question, answer=setup["answer"], split=split, setup=told)


def label(row: Record, *names: str) -> str:
    """The gold label, from a letter, a word or a truth value."""
    value = next((row[name] for name in names if row.get(name) is not None), None)
    found = LETTERS.get(str(value).strip()) or LABELS.get(str(value).strip().lower())
    if found is None:
        raise RecordError(f"{' or '.join(names)} is {value!r:.60}; it must be True, False or Unknown, or A, B or C")
    return found


def _rules(semantics: str) -> Callable[[Record], Mapping[str, Any]]:
    def read(row: Record) -> Mapping[str, Any]:
        asked = text(row, "question", "statement")
        return {
            "semantics": semantics,
            "context": text(row, "context", "theory"),
            "asked": asked.partition(ABOUT)[2].strip() or asked,
            "answer": label(row, "answer", "label"),
        }

    return read


def _folio(row: Record) -> Mapping[str, Any]:
    premises = row.get("premises")
    told = " ".join(premises) if isinstance(premises, list) else text(row, "premises")
    return {"semantics": "fol", "context": told, "asked": text(row, "conclusion"), "answer": label(row, "label")}


def checked(row: Record) -> Mapping[str, Any]:
    """A record that names its own semantics; context and question are needed for alignment only."""
    if row.get("semantics") not in SEMANTICS:
        raise RecordError(f"semantics is {row.get('semantics')!r:.60}; it must be one of {', '.join(SEMANTICS)}")
    asked = str(row.get("question") or "")
    return {
        "semantics": row["semantics"],
        "context": str(row.get("context") or ""),
        "asked": asked.partition(ABOUT)[2].strip() or asked,
        "answer": label(row, "answer"),
    }


READERS: Mapping[str, Callable[[Record], Mapping[str, Any]]] = {
    "proofwriter": _rules("rules-owa"),
    "proofwriter-cwa": _rules("rules-cwa"),
    "ruletaker": _rules("rules-cwa"),
    # ProntoQA states what is not so outright, and its queries always follow.
    "prontoqa": _rules("rules-owa"),
    "folio": _folio,
    "file": checked,
}

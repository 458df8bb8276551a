"""Where logic problems come from: data sets by file or hub. Nothing is executed here."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field, field_validator, model_validator

from envisions.records import Problem
from envs.logic import syllogisms
from envs.logic.task import SEMANTICS, posed
from envs.logic.theories import DEEPEST, generate
from envs.problems import SetConfig, chosen
from envs.rows import Hub, Record, RecordError, SourceError, file_rows, hub_rows, record, text

LETTERS = {"A": "True", "B": "False", "C": "Unknown"}
LABELS = {
    **{"true": "True", "false": "False", "unknown": "Unknown", "uncertain": "Unknown"},
    **{"entailment": "True", "not entailment": "False"},  # RuleTaker on the hub
}
ABOUT = "?"  # what stands before it asks whether the statement behind it is true


class LogicSource(SetConfig):
    """One set of logic problems: its name, which settles the semantics, and where its records lie."""

    name: str
    """What the records are: theories, syllogisms, proofwriter, proofwriter-cwa, ruletaker, folio, prontoqa or file."""
    hub: str = ""
    """The id of a repository on the Hugging Face hub whose records have the same fields."""
    depth: int = Field(default=2, ge=0, le=DEEPEST)
    """The most rules, one upon the other, that the answer of a generated theory takes."""
    negation: bool = True
    """Whether generated theories deny things."""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in (*GENERATED, *READERS):
            known = ", ".join((*GENERATED, *READERS))
            raise ValueError(f"{name!r} is no source of logic problems; it must be one of {known}")
        return name

    @model_validator(mode="after")
    def _one_place(self) -> "LogicSource":
        if self.name in GENERATED:
            if self.path or self.hub:
                raise ValueError(f"{self.name} are generated; leave out path and hub")
            if not self.count:
                raise ValueError(f"count is 0; {self.name} are generated, so it must be at least 1")
        elif bool(self.path) == bool(self.hub):
            found = "both path and hub are" if self.path else "neither path nor hub is"
            raise ValueError(f"{found} given for {self.name}; give one: a local file, or the id of a repository")
        return self


def load(source: LogicSource, split: str) -> list[Problem]:
    """The problems of one set, in order, each with an id of its own. Raises SourceError, one line."""
    each = GENERATED.get(source.name, _each)
    return chosen(each(source, split), source, source.path or source.hub or source.name)


def _each(source: LogicSource, split: str) -> Iterator[Problem]:
    rows = file_rows(source.path) if source.path else hub_rows(Hub(source.hub), source.hub, split)
    for index, (place, row) in enumerate(rows):
        try:
            found = record(row)
            yield grouped(posed(f"{source.name}-{split}-{found.get('id', index)}", split, READERS[source.name](found)))
        except RecordError as fault:
            raise SourceError(f"{place}: {fault}; mend it or take it out") from None


def grouped(problem: Problem) -> Problem:
    """A problem of ProofWriter with its kind and depth, which stand in its id: ...AttNeg-OWA-D5-1041_Q2."""
    found = re.search(r"_((?:Att|Rel)(?:Neg|Noneg))-[OC]WA-D(\d)", problem.id)
    if not found:
        return problem
    return replace(problem, setup={**problem.setup, "groups": {"kind": found[1], "depth": found[2]}})


def _theories(source: LogicSource, split: str) -> Iterator[Problem]:
    part = "train" if split == "train" else "test"
    made = generate(part, source.skip + source.count, source.seed, source.depth, source.negation)
    return (replace(problem, id=f"theories-{split}-{index}", split=split) for index, problem in enumerate(made))


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
    told = "\n".join(premises) if isinstance(premises, list) else text(row, "premises")
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


GENERATED: Mapping[str, Callable[[LogicSource, str], Iterator[Problem]]] = {
    "theories": _theories,
    "syllogisms": lambda source, split: syllogisms.generate(split, source.skip + source.count, source.seed),
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

"""The files of data sets, each form with its reader: what is asked and the gold text, not checked yet."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from envs.languages.databases import spider_schema
from envs.symbols.annotations import program_of


class Draft(NamedTuple):
    """A record as its source has it. `needed` goes into the setup of the pair; `why` tells why a gold is empty."""

    key: str
    question: str
    gold: str
    definition: Any = None
    needed: Mapping[str, Any] = {}
    why: str = ""


Reader = Callable[[Sequence[Path]], Iterator[Draft]]


def scan(files: Sequence[Path]) -> Iterator[Draft]:
    """`IN: command OUT: actions` lines."""
    for number, line in enumerate(files[0].read_text().splitlines()):
        command, _, actions = line.removeprefix("IN: ").partition(" OUT: ")
        yield Draft(str(number), command, actions)


def lines(files: Sequence[Path]) -> Iterator[Draft]:
    """Two files, line by line: what is asked, and the gold."""
    asked, gold = (file.read_text(encoding="utf-8").split("\n") for file in files)
    for number, (one, other) in enumerate(zip(asked, gold, strict=False)):
        if one.strip() or other.strip():
            yield Draft(str(number), one, other)


def cogs(files: Sequence[Path]) -> Iterator[Draft]:
    """Sentence, logical form and kind, between tabs."""
    for number, line in enumerate(files[0].read_text().splitlines()):
        sentence, form, _ = line.split("\t")
        yield Draft(str(number), sentence, form)


def chebi(files: Sequence[Path]) -> Iterator[Draft]:
    """Number, SMILES and description, between tabs, below a line of names."""
    with files[0].open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Draft(row["CID"], row["description"], row["SMILES"])


def penman(files: Sequence[Path]) -> Iterator[Draft]:
    """AMR graphs below their comments, between empty lines."""
    for block in re.split(r"\n\s*\n", files[0].read_text(encoding="utf-8")):
        comments = dict(re.findall(r"# ::(id|snt) (\S+(?: (?!::)\S+)*)", block))
        graph = "\n".join(line for line in block.splitlines() if not line.startswith("#"))
        if "snt" in comments and graph.strip():
            yield Draft(comments["id"], comments["snt"], graph)


def mbpp(files: Sequence[Path]) -> Iterator[Draft]:
    """MBXP records: a prompt that ends in the docstring, the rest of the function, its tests."""
    for row in map(json.loads, files[0].read_text(encoding="utf-8").splitlines()):
        gold = row.get("canonical_solution") or ""
        why = "" if gold.strip() else "there is no solution"
        needed = {"tests": {"test": row["test"], "entry_point": row["entry_point"]}}
        yield Draft(str(row["task_id"]), row["prompt"], gold and row["prompt"] + gold, None, needed, why)


def gsm8k(files: Sequence[Path]) -> Iterator[Draft]:
    """Questions with `<<48/2=24>>` notes in their answers, which become programs."""
    for number, row in enumerate(map(json.loads, files[0].read_text(encoding="utf-8").splitlines())):
        result = row["answer"].rpartition("####")[2].strip().replace(",", "")
        program = program_of(row["answer"])
        needed = {"check": "answer", "rounds": [[{}, result]]}
        yield Draft(str(number), row["question"], program, None, needed, "" if program else "its notes make no program")


def spider(files: Sequence[Path]) -> Iterator[Draft]:
    """Questions on databases, and the schemas of these. Schemas are shared, so they are read once."""
    questions, schemas = (json.loads(file.read_text(encoding="utf-8")) for file in files)
    known = {record["db_id"]: spider_schema(record) for record in schemas}
    for number, row in enumerate(questions):
        yield Draft(str(number), row["SpiderQuestion"], row["query"], known[row["db_id"]], {"database": row["db_id"]})


def planning(files: Sequence[Path]) -> Iterator[Draft]:
    """A folder with a domain, and tasks p01, p02 ... in words (.nl) and in PDDL."""
    (folder,) = files
    domain = (folder / "domain.pddl").read_text(encoding="utf-8")
    for problem in sorted(folder.glob("p*.pddl")):
        words = problem.with_suffix(".nl").read_text(encoding="utf-8")
        yield Draft(problem.stem, words, problem.read_text(encoding="utf-8"), domain)


def folio(files: Sequence[Path]) -> Iterator[Draft]:
    """Premises and, where they have formulas, conclusions of FOLIO; each sentence once."""
    seen: set[str] = set()
    for row in map(json.loads, files[0].read_text(encoding="utf-8").splitlines()):
        said = [*zip(row["premises"], row["premises-FOL"], strict=False)]
        if "conclusion-FOL" in row:
            said.append((row["conclusion"], row["conclusion-FOL"]))
        for place, (sentence, formula) in enumerate(said):
            if sentence not in seen:
                seen.add(sentence)
                yield Draft(f"{row['example_id']}-{place}", sentence, formula)


def pairs(files: Sequence[Path]) -> Iterator[Draft]:
    """Records {"input", "output"} and, if need be, "definition": how any task can be given."""
    for number, row in enumerate(map(json.loads, files[0].read_text(encoding="utf-8").splitlines())):
        yield Draft(str(row.get("id", number)), row["input"], row["output"], row.get("definition"))


READERS: Mapping[str, Reader] = {
    "scan": scan,
    "lines": lines,
    "cogs": cogs,
    "chebi": chebi,
    "penman": penman,
    "mbpp": mbpp,
    "gsm8k": gsm8k,
    "spider": spider,
    "folio": folio,
    "planning": planning,
    "pairs": pairs,
}

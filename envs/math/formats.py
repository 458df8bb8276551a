"""How each data set writes a problem down: one record in, question, answer and inputs out."""

import math as mathematics
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from envs.rows import Record, RecordError, field, named, text

NOTE = re.compile(r"<<([^=<>]+)=")  # a calculator's note in a solution of GSM8K: <<48/2=24>>


class Reading(NamedTuple):
    """What a record says. `inputs` become the keyword arguments of the program, `more` a part of the setup.

    In `more`, `groups` names what the problem counts under in an evaluation, and `steps` are the calculations of the
    reference solution, which only the contamination gate reads.
    """

    question: str
    answer: str
    inputs: Mapping[str, int | float] | None = None
    more: Mapping[str, Any] = MappingProxyType({})


def number(row: Record, *names: str) -> str:
    """The first of these fields that the record has, as a number's text: whole numbers without a point."""
    value = field(row, *names)
    found = _number(value)
    if found is None:
        raise RecordError(f"{named(row, names)} is {value!r:.60}; it must be a finite number")
    return str(found)


def gsm8k(row: Record) -> Reading:
    """GSM8K: the answer stands after the last ####."""
    _, mark, gold = text(row, "answer").rpartition("####")
    if not mark or not gold.strip():
        raise RecordError("answer has no '####' with the result behind it")
    steps = NOTE.findall(text(row, "answer"))
    return Reading(text(row, "question"), without_commas(gold.strip()), more={"steps": steps} if steps else {})


def math(row: Record) -> Reading:
    """MATH: the answer is what stands in the last box of the solution; or a plain number named `label`."""
    groups = {name: str(row[name]) for name in ("level", "type") if row.get(name)}
    more = {"groups": groups} if groups else {}
    if "label" in row:
        return Reading(text(row, "input", "problem"), number(row, "label"), more=more)
    gold = boxed(text(row, "solution"))
    if not gold:
        raise RecordError(r"solution has no \boxed{...} with balanced braces")
    return Reading(text(row, "problem", "input"), gold, more=more)


def target(row: Record) -> Reading:
    """GSM-Hard and MAWPS: a question and a number."""
    return Reading(text(row, "input", "question"), number(row, "target", "result_float", "answer"))


def svamp(row: Record) -> Reading:
    """SVAMP: the story and the question are two fields."""
    return Reading(f"{text(row, 'Body')} {text(row, 'Question')}", number(row, "Answer"))


def asdiv(row: Record) -> Reading | None:
    """ASDiv: as a number, or as `9 (apples)`. None when the answer is not one number (a name, a ratio, several)."""
    if "target" in row:
        return target(row)
    found = _number(text(row, "answer").partition("(")[0])
    if found is None:
        return None
    return Reading(f"{text(row, 'body')} {text(row, 'question')}", str(found))


def mwp(row: Record) -> Reading:
    """Word problems with slots: the question keeps `number0` ..., which become the arguments of the program."""
    question, numbers = text(row, "question"), field(row, "numbers")
    if not isinstance(numbers, list):
        raise RecordError(f"numbers is {numbers!r:.60}; it must be a list of numbers")
    inputs = {f"number{slot}": _number(value) for slot, value in enumerate(numbers)}
    given = {slot: value for slot, value in inputs.items() if value is not None}
    if given != inputs:
        raise RecordError(f"numbers is {numbers!r:.60}; each must be a finite number")
    if missing := sorted(set(re.findall(r"\bnumber\d+\b", question)) - set(given)):
        raise RecordError(f"question names {missing[0]}, but numbers has {len(numbers)} entries")
    return Reading(question, number(row, "answer"), given)


def plain(row: Record) -> Reading:
    """Any set: a question, and an answer that is a number or text (LaTeX, a fraction, a tuple ...)."""
    answer = field(row, "answer")
    return Reading(text(row, "question"), text(row, "answer") if isinstance(answer, str) else number(row, "answer"))


def boxed(solution: str) -> str:
    """What stands in the last `\\boxed{...}`, braces balanced (`\\boxed 5` too); empty when there is none."""
    marks = list(re.finditer(r"\\(?:boxed|fbox)\s*(\{|[^\s{$.])", solution))
    if not marks:
        return ""
    if marks[-1][1] != "{":
        return marks[-1][1]
    start, depth = marks[-1].end(), 1
    for brace in re.finditer(r"\\.|[{}]", solution[start:], re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if not depth:
            return solution[start : start + brace.start()].strip()
    return ""


def without_commas(gold: str) -> str:
    """1,080 as 1080: a comma would make a pair of it."""
    return gold.replace(",", "") if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", gold) else gold


def _number(value: Any) -> int | float | None:
    """The number, whole where it is integral; None when it is none."""
    if isinstance(value, str):
        written = without_commas(value.strip())
        if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", written):
            return None
        value = int(written) if len(written) < 300 and written.isdecimal() else float(written)
    if isinstance(value, float) and mathematics.isfinite(value):
        return int(value) if value == int(value) else value
    return value if isinstance(value, int) and not isinstance(value, bool) else None

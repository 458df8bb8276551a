"""What an evaluation came to, by test set and by group: rows, and the forms they are read in."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from envisions.figures import wilson
from envisions.files import write_aside
from envisions.records import Accuracy, Trajectory
from pool.analysis import pass_at_k
from pool.filter import is_right

EVERYTHING = ""  # the group of a whole test set
COLUMNS = ("test set", "group", "problems", "samples", "pass@", "share", "95% interval")


class Row(NamedTuple):
    """pass@k on a test set, or on one group of its problems. `low` and `high`: Wilson's 95% interval, n = problems.

    With several samples a problem the interval is wider than need be: their mean varies less than one sample does.
    """

    test_set: str
    group: str
    k: int
    problems: int
    samples: int  # verdicts, over all problems
    share: float
    low: float
    high: float


def rows(attempts: Sequence[Trajectory], ks: Sequence[int] = (1,)) -> list[Row]:
    """A row for each test set, group of its problems (`setup["groups"]`) and k, from attempts of kind "evaluate".

    What is no verdict takes no part; a problem with fewer than k verdicts is left out of pass@k.
    """
    verdicts: dict[tuple[str, str], dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for t in attempts:
        if t.key.kind == "evaluate" and t.feedback.outcome.is_verdict:
            named = t.problem.setup.get("groups", {})
            for group in (EVERYTHING, *(f"{name} {value}" for name, value in named.items())):
                verdicts[t.problem.split, group][t.problem.id].append(is_right(t))
    return [
        row
        for test_set, group in sorted(verdicts, key=lambda place: (place[0], _natural(place[1])))
        for k in ks
        for row in _row(test_set, group, k, list(verdicts[test_set, group].values()))
    ]


def _row(test_set: str, group: str, k: int, problems: Sequence[Sequence[bool]]) -> Iterator[Row]:
    enough = [results for results in problems if len(results) >= k]
    if enough:
        share = fmean(pass_at_k(len(results), sum(results), k) for results in enough)
        low, high = wilson(Accuracy(value=share, n=len(enough)))
        yield Row(test_set, group, k, len(enough), sum(map(len, enough)), share, low, high)


def write(folder: Path, found: Sequence[Row]) -> None:
    """Put results.jsonl and results.tex into the run folder."""
    write_aside(folder / "results.jsonl", lines(found))
    write_aside(folder / "results.tex", latex(found))


def lines(found: Sequence[Row]) -> str:
    """A JSON object a row."""
    return "".join(json.dumps(row._asdict()) + "\n" for row in found)


def table(found: Sequence[Row]) -> Table:
    """The rows for a terminal."""
    sheet = Table()
    for name in COLUMNS:
        sheet.add_column(name, justify="left" if name in COLUMNS[:2] else "right", no_wrap=True)
    for row in found:
        sheet.add_row(*map(Text, _cells(row)), style="" if row.group else "bold")
    return sheet


def latex(found: Sequence[Row]) -> str:
    r"""The rows as a LaTeX `tabular`, which needs the package booktabs."""
    body = [" & ".join(map(_escaped, _cells(row))) + r" \\" for row in found]
    head = " & ".join(map(_escaped, COLUMNS)) + r" \\"
    top, end = (r"\begin{tabular}{llrrrrr}", r"\toprule"), (r"\bottomrule", r"\end{tabular}", "")
    return "\n".join((*top, head, r"\midrule", *body, *end))


def _cells(row: Row) -> tuple[str, ...]:
    interval = f"{100 * row.low:.1f}–{100 * row.high:.1f} %"
    counts = (f"{row.problems:,}", f"{row.samples:,}", str(row.k))
    return (row.test_set, row.group or "all", *counts, f"{100 * row.share:.1f} %", interval)


def _escaped(text: str) -> str:
    for sign in "&%$#_{}":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("–", "--")


def _natural(group: str) -> tuple[object, ...]:
    """Level 2 before Level 10."""
    return tuple((word.isdecimal(), int(word) if word.isdecimal() else word) for word in group.split())

"""Run folders side by side: what differs in their settings, what they reached, how sure that is, what it cost."""

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from envisions.bootstrap import Difference, paired_difference
from envisions.console import duration
from envisions.figures import Figure, compared
from envisions.folder import FolderError, flat
from envisions.records import IterationReport
from envisions.report import STYLE, figure_html
from pool.filter import is_right
from pool.store import Store

NO_SETTING = ("run.name", "run.seed", "run.folder", "run.model")  # what runs of one configuration may differ in
Scores = Mapping[str, Mapping[str, float]]  # by test set and problem: the share of its attempts that are right


class Run(NamedTuple):
    """One run folder: its settings, its reports, and each test problem's score in the last iteration."""

    name: str
    seed: int
    settings: Mapping[str, Any]
    reports: Sequence[IterationReport]
    scores: Scores


class Arm(NamedTuple):
    """The runs of one configuration, which differ by their seeds."""

    name: str
    runs: Sequence[Run]

    def mean(self, test_set: str, report: int = -1) -> float:
        return fmean(run.reports[report].accuracy[test_set].value for run in self.runs)


class Verdict(NamedTuple):
    """What is to be said of two arms on one test set."""

    test_set: str
    first: str
    second: str
    difference: Difference

    def __str__(self) -> str:
        found = self.difference
        points = f"{100 * abs(found.value):.1f} points"
        if not found.is_real:
            said = f"no difference between {self.first} and {self.second} ({100 * found.value:+.1f} points"
        else:
            ahead, behind = (self.second, self.first) if found.value > 0 else (self.first, self.second)
            said = f"{ahead} is ahead of {behind} by {points} ({100 * found.value:+.1f}"
        return f"{self.test_set}: {said}, 95% interval {100 * found.low:+.1f} to {100 * found.high:+.1f})"


def read(folder: Path) -> Run:
    """A run folder. Raises FolderError where it is none, or holds no finished iteration."""
    file = folder / "run.toml"
    if not file.is_file():
        raise FolderError(f"{folder} has no run.toml and is no run folder; name one such as runs/laptop")
    with Store(folder / "memory.sqlite", read_only=True) as store:
        reports = store.reports()
        if not reports:
            raise FolderError(f"{folder} holds no finished iteration; let the run go on first")
        last = store.attempts(iterations=[reports[-1].iteration], kinds=["evaluate"], tokens=False)
    results: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for t in last:
        if t.feedback.outcome.is_verdict:
            results[t.problem.split][f"{t.problem.id}\n{t.problem.question}"].append(is_right(t))
    settings = flat(tomllib.loads(file.read_text(encoding="utf-8")))
    base = {"base weights": reports[0].weights.fingerprint[:12]}
    return Run(
        name=folder.resolve().name,
        seed=settings.get("run.seed", 0),
        settings={name: value for name, value in settings.items() if name not in NO_SETTING} | base,
        reports=reports,
        scores={name: {problem: fmean(one) for problem, one in found.items()} for name, found in results.items()},
    )


def arms(runs: Sequence[Run]) -> list[Arm]:
    """The runs by configuration, in the order given. Where all have one, each run stands for itself."""
    found: list[list[Run]] = []
    for run in runs:
        same = next((arm for arm in found if arm[0].settings == run.settings), None)
        if same is None:
            found.append([run])
        else:
            same.append(run)
    if len(found) == 1:
        found = [[run] for run in runs]
    names = [arm[0].name for arm in found]
    return [
        Arm(name if names.count(name) == 1 else f"{name} ({place})", arm)
        for place, (name, arm) in enumerate(zip(names, found, strict=True), 1)
    ]


def verdicts(found: Sequence[Arm]) -> list[Verdict]:
    """Every two arms on every test set that both were tested on, over the problems that all of their runs share."""
    verdicts = []
    for first, second in combinations(found, 2):
        runs = [*first.runs, *second.runs]
        for test_set in runs[0].scores:
            shared = set.intersection(*({*run.scores.get(test_set, {})} for run in runs))
            if shared:
                problems = sorted(shared)
                one, other = (
                    [[run.scores[test_set][problem] for problem in problems] for run in arm.runs]
                    for arm in (first, second)
                )
                verdicts.append(Verdict(test_set, first.name, second.name, paired_difference(one, other)))
    return verdicts


def differing(found: Sequence[Arm]) -> dict[str, list[Any]]:
    """The settings in which the arms differ, each with its value in every arm (None where it is not set)."""
    settings = [arm.runs[0].settings for arm in found]
    names = sorted({name for each in settings for name in each})
    values = {name: [each.get(name) for each in settings] for name in names}
    return {name: each for name, each in values.items() if any(value != each[0] for value in each)}


def costs(arm: Arm) -> dict[str, float]:
    """What a run of this arm took on average: sampled and trained tokens, seconds, programs executed in training."""
    reports = [run.reports for run in arm.runs]
    return {
        "tokens sampled": fmean(sum(r.tokens.get("sampled", 0) for r in each) for each in reports),
        "tokens trained": fmean(sum(r.tokens.get("trained", 0) for r in each) for each in reports),
        "seconds": fmean(sum(sum(r.seconds.values()) for r in each) for each in reports),
        "executions": fmean(sum(r.attempts for r in each) for each in reports),
    }


def notes(found: Sequence[Arm]) -> Iterator[str]:
    """What a reader must know to read the verdicts rightly."""
    if len(found) > 1 and not differing(found):
        yield "All runs have the same configuration: what differs is the seed, or nothing."
    if any(len(arm.runs) == 1 for arm in found):
        yield "An arm of one run: its intervals are over test problems only and say nothing of other seeds."
    lengths = {len(run.reports) for arm in found for run in arm.runs}
    if len(lengths) > 1:
        yield "Not all runs are equally long; the last iteration of each is compared."


def shown(found: Sequence[Arm]) -> RenderableType:
    """The comparison for a terminal."""
    told: list[RenderableType] = [_sheet(found, title, rows) for title, rows in _tables(found).items() if rows]
    return Group(*told, *(Text(str(verdict)) for verdict in verdicts(found)), *map(Text, notes(found)))


def page(found: Sequence[Arm]) -> str:
    """The comparison as an HTML page that needs nothing but itself."""
    curves = "".join(map(figure_html, _curves(found)))
    said = "".join(f"<p>{escape(line)}</p>" for line in (*map(str, verdicts(found)), *notes(found)))
    tables = "".join(_html(found, title, rows) for title, rows in _tables(found).items() if rows)
    name = escape(" against ".join(arm.name for arm in found))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{name}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<header><h1>{name}</h1></header>\n{said}\n"
        f'<section class="curves">{curves}</section>\n{tables}\n</body>\n</html>\n'
    )


def _curves(found: Sequence[Arm]) -> Iterator[Figure]:
    for test_set in _test_sets(found):
        curves: dict[str, dict[int, list[float]]] = {}
        for arm in found:
            points: dict[int, list[float]] = defaultdict(list)
            for run in arm.runs:
                for report in run.reports:
                    if test_set in report.accuracy:
                        points[report.iteration].append(report.accuracy[test_set].value)
            curves[arm.name] = points
        yield compared(test_set, curves)


def _tables(found: Sequence[Arm]) -> dict[str, dict[str, list[str]]]:
    """Title -> the name of a row -> its cells, one for each arm."""
    money = [costs(arm) for arm in found]
    cost = {
        name: [f"{each[name]:,.0f}" for each in money] for name in ("tokens sampled", "tokens trained", "executions")
    }
    reached = {
        test_set: [
            f"{100 * arm.mean(test_set, 0):.1f} → {100 * arm.mean(test_set):.1f} %"
            if all(test_set in run.reports[place].accuracy for run in arm.runs for place in (0, -1))
            else "–"
            for arm in found
        ]
        for test_set in _test_sets(found)
    }
    seeds = {"seeds": [", ".join(str(run.seed) for run in arm.runs) for arm in found]}
    return {
        "settings that differ": {name: [f"{value}" for value in values] for name, values in differing(found).items()},
        "accuracy, base and last iteration": seeds | reached,
        "cost of a run": cost | {"time": [duration(each["seconds"]) for each in money]},
    }


def _test_sets(found: Sequence[Arm]) -> list[str]:
    return list(dict.fromkeys(name for arm in found for run in arm.runs for name in run.reports[-1].accuracy))


def _sheet(found: Sequence[Arm], title: str, rows: Mapping[str, Sequence[str]]) -> Table:
    sheet = Table(title=title, title_justify="left")
    for name in ("", *(arm.name for arm in found)):
        sheet.add_column(Text(name))
    for name, cells in rows.items():
        sheet.add_row(Text(name), *map(Text, cells))
    return sheet


def _html(found: Sequence[Arm], title: str, rows: Mapping[str, Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", *(arm.name for arm in found)))
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in (name, *cells))}</tr>" for name, cells in rows.items()
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<h2>{escape(title)}</h2><div class="table">{table}</div>'

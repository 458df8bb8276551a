"""report.jsonl for programs and report.html for people: what a run came to, iteration by iteration."""

import json
import tomllib
from collections.abc import Iterator, Sequence
from html import escape
from math import isfinite
from pathlib import Path
from typing import Any

from envisions import figures
from envisions.console import duration, share
from envisions.files import write_aside
from envisions.records import Accuracy, IterationReport, Outcome
from pool.rows import report_body

STYLE = """
:root { color-scheme: light dark; --page: #fbfbf9; --card: #fff; --ink: #23272e; --soft: #69707c; --line: #e4e4df;
  --good: #1f8a7c; --bad: #c4513a }
@media (prefers-color-scheme: dark) { :root { --page: #16181c; --card: #1f2228; --ink: #e6e7ea; --soft: #9aa1ad;
  --line: #33373f; --good: #4fc2b2; --bad: #ec8468 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 1080px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
h1 { margin: 0; font-size: 1.9rem; letter-spacing: -.02em }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.1rem }
p { margin: .25rem 0 }
.soft, figcaption span, summary { color: var(--soft) }
.cards, .curves { display: grid; gap: 1rem; margin-top: 1.5rem }
.cards { grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)) }
.curves { grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)) }
.curves > :first-child { grid-column: 1 / -1 }
.card, figure, details, .table { margin: 0; padding: 1rem 1.25rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 12px }
.card b { display: block; font-size: 1.9rem; font-weight: 650; letter-spacing: -.02em; white-space: nowrap }
.card b i { font-style: normal; font-weight: 400; color: var(--soft) }
.up { color: var(--good) } .down { color: var(--bad) }
figcaption { margin-bottom: .5rem; font-weight: 600 }
figcaption span { font-weight: 400; margin-left: .4rem; font-size: .85em }
svg { display: block; width: 100%; height: auto }
.table { overflow-x: auto }
table { width: 100%; border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums }
th, td { padding: .4rem .65rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-weight: 500; vertical-align: bottom }
tr:last-child td { border-bottom: 0 }
details { margin-top: 1rem } summary { cursor: pointer }
pre { overflow-x: auto; font: .85rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace }
"""


def write(folder: Path, reports: Sequence[IterationReport]) -> None:
    """Put report.jsonl and report.html into the run folder; each is replaced whole. Takes a second or two."""
    write_aside(folder / "report.jsonl", lines(reports))
    write_aside(folder / "report.html", page(folder.resolve().name, reports, _text_of(folder / "run.toml")))


def lines(reports: Sequence[IterationReport]) -> str:
    """The content of report.jsonl: the base, then one line an iteration, each the fields of an IterationReport.

    Strict JSON: a loss that is no number is null.
    """
    return "".join(json.dumps(_body(report), allow_nan=False) + "\n" for report in reports)


def page(name: str, reports: Sequence[IterationReport], run_toml: str = "") -> str:
    """The content of report.html, which needs nothing but itself; `name` is for a run file that names none."""
    run = _run_section(run_toml)
    name = str(run.get("name", name))
    settings = f"<details><summary>run.toml</summary><pre>{escape(run_toml)}</pre></details>" if run_toml else ""
    if reports:
        curves = "".join(figure_html(figure) for figure in figures.draw(reports))
        cards = f'<section class="cards">{"".join(_cards(reports[0], reports[-1]))}</section>'
        content = f'{cards}<section class="curves">{curves}</section><h2>All iterations</h2>{_table(reports)}'
    else:
        content = "<p>No iteration has ended yet.</p>"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(name)}</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1>{escape(name)}</h1><p class="soft">{escape(_subtitle(run, reports))}</p></header>
{content}
{settings}
</body>
</html>
"""


def _cards(base: IterationReport, final: IterationReport) -> Iterator[str]:
    """Base -> final, a card for each test set."""
    for name, last in final.accuracy.items():
        first = base.accuracy.get(name)
        if first is None or final is base:
            values, verdict = share(last), ""
        else:
            points = 100 * (last.value - first.value)
            values = f"<i>{share(first)} →</i> {share(last)}"
            verdict = f'<span class="{"up" if points >= 0 else "down"}">{points:+.1f} points</span> · '
        interval = f"n = {last.n:,} · 95% interval {_interval(last)}"
        yield f'<div class="card">{escape(name)}<b>{values}</b><p class="soft">{verdict}{interval}</p></div>'


def figure_html(figure: figures.Figure) -> str:
    """A figure with its caption, as an element of a page."""
    return f"<figure><figcaption>{figure.title}<span>{figure.note}</span></figcaption>{figure.svg}</figure>"


def _table(reports: Sequence[IterationReport]) -> str:
    rows = [_row(report, list(reports[-1].accuracy)) for report in reports]
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{escape(value)}</td>' for value in row.values())}</tr>" for row in rows)
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(report: IterationReport, test_sets: Sequence[str]) -> dict[str, str]:
    """A row of the table by the names of its columns, the same for every report."""
    row = {"iteration": str(report.iteration or "base")}
    row |= {name: share(report.accuracy.get(name)) for name in test_sets}
    values = {
        "solved": f"{report.solved:,} / {report.problems:,}",
        "attempts": f"{report.attempts:,}",
        "accepted": f"{report.outcomes.get(Outcome.accepted, 0):,}",
        "lessons": f"{report.lessons.get('right', 0):,}",
        "pairs": f"{report.lessons.get('pairs', 0):,}",
        "tokens sampled": f"{report.tokens.get('sampled', 0):,}",
        "trained": f"{report.tokens.get('trained', 0):,}",
        "loss": f"{report.loss[0]:.3f} → {report.loss[-1]:.3f}" if report.loss else "–",
        "time": duration(sum(report.seconds.values())),
        "goodput / h": f"{report.goodput:,.0f}",
        "retries": f"{sum(report.retries.values()):,}",
        "weights": report.weights.fingerprint[:8],
    }
    not_of_base = values.keys() - {"weights"}
    return row | {name: "–" if name in not_of_base and not report.iteration else values[name] for name in values}


def _subtitle(run: dict[str, Any], reports: Sequence[IterationReport]) -> str:
    total = sum(sum(report.seconds.values()) for report in reports)
    parts = [f"from {run['model']}"] if "model" in run else []
    parts += [f"iteration {reports[-1].iteration} of {run.get('iterations', reports[-1].iteration)}"] if reports else []
    parts += [f"seed {run['seed']}"] if "seed" in run else []
    parts += [f"{sum(report.attempts for report in reports):,} programs tried in {duration(total)}"] if total else []
    return " · ".join(parts)


def _interval(accuracy: Accuracy) -> str:
    low, high = figures.wilson(accuracy)
    return f"{100 * low:.1f}–{100 * high:.1f} %"


def _body(report: IterationReport) -> dict[str, Any]:
    body = report_body(report)
    return body | {"loss": [value if isfinite(value) else None for value in report.loss]}


def _run_section(run_toml: str) -> dict[str, Any]:
    try:
        section = tomllib.loads(run_toml).get("run", {})
    except tomllib.TOMLDecodeError:  # only a title is at stake
        return {}
    return section if isinstance(section, dict) else {}


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""

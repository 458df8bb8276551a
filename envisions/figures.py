"""The curves of a run, as SVG text that takes the colours and the typeface of the page around it."""

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, cycle
from math import sqrt
from typing import Any, NamedTuple

from envisions.records import Accuracy, IterationReport, Outcome

Reports = Sequence[IterationReport]

INK = "#0a0b0c"  # stands for the page's own text colour, which Matplotlib cannot name
SERIES = ("#3987c9", "#e07b39", "#2a9d8f", "#a66cc2", "#c94f6d", "#8c8f3a")
OUTCOMES = {
    Outcome.accepted: "#2a9d8f",
    Outcome.rejected: "#e9a23b",
    Outcome.failed: "#d0593f",
    Outcome.timed_out: "#8070c0",
    Outcome.unverifiable: "#8a98ab",
    Outcome.infra_failed: "#b5658c",
    Outcome.cancelled: "#b8bec8",
}
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: the page sets it, and it can be searched
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.xmargin": 0.03,
    "grid.alpha": 0.15,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "lines.markersize": 5,
    "font.size": 9,
} | dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK)
STYLE["grid.color"] = INK


class Figure(NamedTuple):
    title: str
    note: str
    svg: str


class Plot(NamedTuple):
    """`paint` draws the reports for which `given` holds something; a figure without any is left out."""

    title: str
    note: str
    paint: Callable[[Any, Reports], None]
    given: Callable[[IterationReport], Any]
    stacked: bool = False


def draw(reports: Reports) -> list[Figure]:
    """The figures for which there is something to show; the first is the accuracy on the test sets.

    Without a window or any global state of Matplotlib, and the same text for the same reports.
    """
    import matplotlib
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import MaxNLocator

    figures: list[Figure] = []
    for plot in PLOTS:
        shown = [report for report in reports if plot.given(report)]
        if not shown:
            continue
        with matplotlib.rc_context(STYLE | {"svg.hashsalt": plot.title}):
            canvas = Canvas(figsize=(4.8, 2.8) if figures else (9.6, 3.4), layout="constrained")
            axes = canvas.add_subplot()
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_xlabel("iteration")
            plot.paint(axes, shown)
            if len(axes.get_legend_handles_labels()[0]) > 1:
                canvas.legend(loc="outside right upper", fontsize=8, reverse=plot.stacked)
            figures.append(Figure(plot.title, plot.note, svg_of(canvas, plot.title)))
    return figures


def svg_of(canvas: Any, title: str) -> str:
    """The figure as an element of a page: no header or metadata, no typeface of its own, ids no other figure uses."""
    stream = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    canvas.savefig(stream, format="svg", transparent=True, metadata=nothing)
    element = stream.getvalue().partition("<svg")[2]
    element = re.sub(r' xmlns(:\w+)?="[^"]*"| font-family: [^;"]*;|(?<=<g) id="[^"]*"', "", element)
    return f'<svg role="img" aria-label="{title}"{element}'.replace(INK, "currentColor")


def accuracy(axes: Any, reports: Reports) -> None:
    names = list(dict.fromkeys(name for report in reports for name in report.accuracy))
    for index, name in enumerate(names):
        points = [(r.iteration, r.accuracy[name]) for r in reports if name in r.accuracy and r.accuracy[name].n]
        if not points:
            continue
        iterations = [iteration for iteration, _ in points]
        low, high = zip(*(wilson(value) for _, value in points), strict=True)
        colour = SERIES[index % len(SERIES)]
        axes.fill_between(iterations, _percent(low), _percent(high), color=colour, alpha=0.18, linewidth=0)
        axes.plot(iterations, _percent(value.value for _, value in points), marker="o", color=colour, label=name)
    _percent_axis(axes)
    axes.set_xlabel("iteration (0 is the base model)")


def solved(axes: Any, reports: Reports) -> None:
    shares = _percent(r.solved / r.problems for r in reports)
    axes.plot([r.iteration for r in reports], shares, marker="o", color=SERIES[2])
    _percent_axis(axes)


def outcomes(axes: Any, reports: Reports) -> None:
    shares: dict[str, list[float]] = {
        outcome.replace("_", " "): [100 * r.outcomes.get(outcome, 0) / sum(r.outcomes.values()) for r in reports]
        for outcome in OUTCOMES
    }
    _stack(axes, reports, shares, OUTCOMES.values())
    _percent_axis(axes)


def loss(axes: Any, reports: Reports) -> None:
    ends = list(accumulate(len(r.loss) for r in reports))
    for report, end in zip(reports, ends, strict=True):
        steps = range(end - len(report.loss) + 1, end + 1)
        axes.plot(steps, report.loss, color=SERIES[0], linewidth=1.2, marker="" if len(report.loss) > 1 else ".")
    for start in ends[:-1]:
        axes.axvline(start + 0.5, color=INK, alpha=0.25, linewidth=0.8, linestyle=(0, (2, 3)))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("gradient step (a dotted line ends an iteration)")


def seconds(axes: Any, reports: Reports) -> None:
    stages = list(dict.fromkeys(stage for r in reports for stage in r.seconds))
    parts = {stage: [r.seconds.get(stage, 0.0) for r in reports] for stage in stages}
    _stack(axes, reports, parts, cycle(SERIES))


def tokens(axes: Any, reports: Reports) -> None:
    kinds = list(dict.fromkeys(kind for r in reports for kind in r.tokens))
    for index, kind in enumerate(kinds):
        values = [r.tokens.get(kind, 0) for r in reports]
        axes.plot([r.iteration for r in reports], values, marker="o", color=SERIES[index % len(SERIES)], label=kind)
    _number_axis(axes)


def goodput(axes: Any, reports: Reports) -> None:
    axes.bar([r.iteration for r in reports], [r.goodput for r in reports], width=0.6, color=SERIES[2])
    _number_axis(axes)


def exploration(axes: Any, reports: Reports) -> None:
    """Problems by iteration: solved at all, solved without refinement, solved for the first time."""
    for index, (name, label) in enumerate({"solved": "solved", "sampled": "by sampling alone", "new": "new"}.items()):
        values = [r.analysis["exploration"][name] for r in reports]
        axes.plot([r.iteration for r in reports], values, marker="o", color=SERIES[index], label=label)
    _number_axis(axes)


def kept(axes: Any, reports: Reports) -> None:
    shares = _percent(r.analysis["exploration"]["kept"] for r in reports)
    axes.plot([r.iteration for r in reports], shares, marker="o", color=SERIES[2])
    _percent_axis(axes)


def refinement(axes: Any, reports: Reports) -> None:
    for outcome, colour in OUTCOMES.items():
        counts = [(r.iteration, r.analysis["refinement"].get(outcome)) for r in reports]
        points = [(iteration, 100 * count["right"] / count["refined"]) for iteration, count in counts if count]
        if points:
            label = f"after {outcome.replace('_', ' ')}"
            axes.plot(*zip(*points, strict=True), marker="o", color=colour, label=label)
    _percent_axis(axes)


def reward(axes: Any, reports: Reports) -> None:
    axes.plot([r.iteration for r in reports], [r.analysis["reward"]["auc"] for r in reports], marker="o", label="AUC")
    margins = [(r.iteration, r.analysis["reward"]["margin"]) for r in reports if "margin" in r.analysis["reward"]]
    if margins:
        axes.plot(*zip(*margins, strict=True), marker="o", color=SERIES[1], label="margin")
    axes.axhline(0.5, color=INK, alpha=0.25, linewidth=0.8, linestyle=(0, (2, 3)))


def diversity(axes: Any, reports: Reports) -> None:
    for index, (name, label) in enumerate({"programs": "distinct programs", "unlike": "1 - 4-gram overlap"}.items()):
        shares = _percent(r.analysis["diversity"][name] for r in reports)
        axes.plot([r.iteration for r in reports], shares, marker="o", color=SERIES[index], label=label)
    _percent_axis(axes)


def passes(axes: Any, reports: Reports) -> None:
    for index, k in enumerate(dict.fromkeys(k for r in reports for k in r.analysis["pass"])):
        points = [(r.iteration, 100 * r.analysis["pass"][k]) for r in reports if k in r.analysis["pass"]]
        axes.plot(*zip(*points, strict=True), marker="o", color=SERIES[index % len(SERIES)], label=f"pass@{k}")
    _percent_axis(axes)


def _has(*path: str) -> Callable[[IterationReport], Any]:
    """What a report's analysis holds at this place; None where it holds nothing."""

    def given(report: IterationReport) -> Any:
        found: Any = report.analysis
        for name in path:
            found = found.get(name) if found else None
        return found is not None

    return given


PLOTS = (
    Plot("Test accuracy", "greedy, by iteration; bands are 95% Wilson intervals", accuracy, lambda r: r.accuracy),
    Plot("Train problems solved", "share with at least one accepted program", solved, lambda r: r.problems),
    Plot("Outcomes", "what became of the sampled programs", outcomes, lambda r: any(r.outcomes.values()), stacked=True),
    Plot("Exploration", "train problems by iteration", exploration, _has("exploration")),
    Plot("Stability", "share of the last iteration's solved problems solved again", kept, _has("exploration", "kept")),
    Plot("Refinement", "share right, by what the refined program came to", refinement, _has("refinement")),
    Plot("Self-reward", "log-probability of right against wrong programs", reward, _has("reward", "auc")),
    Plot("Diversity", "of the programs sampled for a problem", diversity, _has("diversity")),
    Plot("Samples", "chance that one of k samples is right", passes, _has("pass")),
    Plot("Loss", "cross-entropy over the completions", loss, lambda r: r.loss),
    Plot("Seconds by stage", "where an iteration's time went", seconds, lambda r: r.seconds, stacked=True),
    Plot("Tokens", "sampled and trained, by iteration", tokens, lambda r: any(r.tokens.values())),
    Plot("Goodput", "accepted, distinct programs an hour", goodput, lambda r: r.goodput),
)


def wilson(accuracy: Accuracy, z: float = 1.96) -> tuple[float, float]:
    """The 95% interval of a share of `n` verdicts (Wilson's score interval); all of [0, 1] when there are none."""
    p, n = accuracy.value, accuracy.n
    if not n:
        return 0.0, 1.0
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _stack(axes: Any, reports: Reports, parts: Mapping[str, Sequence[float]], colours: Iterable[str]) -> None:
    below = [0.0] * len(reports)
    for (name, values), colour in zip(parts.items(), colours, strict=False):
        if any(values):
            axes.bar([r.iteration for r in reports], values, bottom=below, width=0.6, color=colour, label=name)
            below = [low + value for low, value in zip(below, values, strict=True)]


def _percent(shares: Any) -> list[float]:
    return [100 * share for share in shares]


def _percent_axis(axes: Any) -> None:
    axes.set_ylim(0, 102)
    axes.yaxis.set_major_formatter("{x:.0f} %")


def _number_axis(axes: Any) -> None:
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")

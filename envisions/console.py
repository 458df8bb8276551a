"""What a person sees of a run: a live display on a terminal, plain lines anywhere else, one line an iteration."""

import shlex
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import IO, Self

from rich import console as rich
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from envisions.activity import Activity
from envisions.records import Accuracy, IterationReport

LOOKS_A_SECOND = 2
SECONDS_BETWEEN_LINES = 30.0  # without a terminal
UNITS = {"explore": "problems", "evaluate": "problems", "select": "texts", "learn": "steps"}


class Console:
    """Shows an activity from a thread of its own until `close`; the driver only writes the activity.

    `file`: where to print, standard output by default. When that is no terminal (a log, a Ray job) the live display
    gives way to one plain line every 30 seconds and at each change of stage.
    """

    def __init__(self, activity: Activity, iterations: int, file: IO[str] | None = None) -> None:
        self._activity, self._iterations = activity, iterations
        self._screen = rich.Console(file=file, highlight=False)
        self._run_ends: float | None = None  # expected, on the monotonic clock; known once an iteration was timed
        self._closed = threading.Event()
        self._live: Live | None = None
        self._teller: threading.Thread | None = None
        if self._screen.is_terminal and not self._screen.is_dumb_terminal:
            self._live = Live(
                get_renderable=self._display,
                console=self._screen,
                refresh_per_second=LOOKS_A_SECOND,
                transient=True,
            )
            self._live.start()
        else:
            self._screen.width = max(self._screen.width, 120)
            self._teller = threading.Thread(target=self._tell, name="console", daemon=True)
            self._teller.start()

    def report(self, report: IterationReport) -> None:
        """Print one line on an iteration that has ended."""
        seconds = sum(report.seconds.values())
        if report.iteration:
            self._run_ends = time.monotonic() + seconds * (self._iterations - report.iteration)
        self._print(sentence(report, self._iterations))

    def summary(self, folder: Path, reports: Sequence[IterationReport], example_problem: str | None) -> None:
        """End the display, and print what the run came to and where to look further."""
        self.close()
        if not reports:
            self._print("no iteration has ended yet: there is nothing to sum up")
            return
        self._screen.print()
        self._screen.print(comparison(reports[0], reports[-1]))
        self._print(f"report            {folder / 'report.html'}")
        if example_problem is not None:
            command = shlex.join(["envisions", "show", str(folder), example_problem])
            self._print(f"a solved problem  {command}")

    def close(self) -> None:
        """Stop the display; what was printed stays. Safe to call twice."""
        self._closed.set()
        if self._live is not None:
            self._live.stop()
        if self._teller is not None:
            self._teller.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _print(self, line: str) -> None:
        self._screen.print(Text(line), soft_wrap=True)  # never broken: paths and commands are there to be copied

    def _display(self) -> rich.RenderableType:
        now = replace(self._activity)  # one look, while another thread goes on writing
        bar = ProgressBar(total=now.total or None, completed=now.done, pulse=not now.total, width=32)
        left = 0.0 if self._run_ends is None else self._run_ends - time.monotonic()
        ends = Text(f"run ends in about {duration(left)}" if left > 0 else "", style="dim")
        line = Table.grid(padding=(0, 1))
        line.add_row(Text(heading(now, self._iterations), style="bold"), bar, ends)
        return rich.Group(line, Text(figures(now), style="dim"))

    def _tell(self) -> None:
        stage, due = None, 0.0
        while not self._closed.is_set():
            now = replace(self._activity)
            here = (now.stage, now.iteration, now.began)
            if here != stage or time.monotonic() >= due:
                self._print(f"{time.strftime('%H:%M:%S')}  {heading(now, self._iterations)}  {figures(now)}".rstrip())
                stage, due = here, time.monotonic() + SECONDS_BETWEEN_LINES
            self._closed.wait(1 / LOOKS_A_SECOND)


def heading(activity: Activity, iterations: int) -> str:
    """Where the run is, such as `explore 2/5`."""
    return f"{activity.stage} {activity.iteration}/{iterations}"


def figures(activity: Activity) -> str:
    """How far the stage is and how fast it goes; the time left assumes that the rest goes like the beginning."""
    seconds = activity.seconds
    unit = UNITS.get(activity.stage, "")
    done = f"{activity.done:,}/{activity.total:,} {unit}".rstrip() if activity.total else ""
    accepted = f"{activity.accepted:,} accepted" if activity.accepted else ""
    speed = f"{activity.tokens / seconds:,.0f} tokens/s" if activity.tokens and seconds > 0 else ""
    rest = activity.total - activity.done
    left = f"{duration(seconds / activity.done * rest)} left" if activity.done and rest > 0 else ""
    return " · ".join(part for part in (done, accepted, speed, duration(seconds), left) if part)


def sentence(report: IterationReport, iterations: int) -> str:
    """An iteration on one line."""
    parts = [f"iteration {report.iteration}/{iterations}" if report.iteration else "base"]
    parts += [f"{name} {share(accuracy)} (n={accuracy.n:,})" for name, accuracy in report.accuracy.items()]
    if report.iteration:
        right, pairs = report.lessons.get("right", 0), report.lessons.get("pairs", 0)
        parts += [
            f"solved {report.solved:,}/{report.problems:,}",
            f"lessons {right:,} right + {pairs:,} pairs",
            f"goodput {report.goodput:,.0f}/h",
            duration(sum(report.seconds.values())),
        ]
    return " · ".join(parts)


def comparison(base: IterationReport, final: IterationReport) -> Table:
    """Base against final, a row for each test set."""
    table = Table(title=f"accuracy, base and after iteration {final.iteration}", title_justify="left")
    table.add_column("test set")
    for name in ("n", "base", "final", "difference"):
        table.add_column(name, justify="right")
    for name, last in final.accuracy.items():
        first = base.accuracy.get(name)
        difference = f"{100 * (last.value - first.value):+.1f} points" if first and first.n and last.n else ""
        table.add_row(Text(name), f"{last.n:,}", share(first), share(last), difference)
    return table


def share(accuracy: Accuracy | None) -> str:
    """Percent; a dash where nothing was measured."""
    return f"{100 * accuracy.value:.1f} %" if accuracy is not None and accuracy.n else "–"


def duration(seconds: float) -> str:
    """Such as 0:34 or 1:02:03."""
    if not isfinite(seconds):
        return "–"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"

"""The console: a live display for a terminal, plain lines for anything else."""

import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import base_report, short_run, trained_report

from envisions import console
from envisions.activity import Activity
from envisions.console import Console, duration, figures, sentence

PATIENCE = 10.0  # seconds, on a busy machine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def under_way(stage: str = "explore", done: int = 60) -> Activity:
    """A quarter of a stage of 240 units, 30 seconds in."""
    activity = Activity()
    activity.begin(stage, 2, 240)
    activity.add(done, accepted=41, tokens=36_000)
    activity.began = time.monotonic() - 30
    return activity


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_figures_tell_how_far_how_fast_and_how_long_still() -> None:
    assert figures(under_way()) == "60/240 problems · 41 accepted · 1,200 tokens/s · 0:30 · 1:30 left"


def test_a_stage_that_has_not_begun_has_no_rate_and_no_time_left() -> None:
    activity = Activity()
    activity.begin("learn", 1, 12)
    assert figures(activity) == "0/12 steps · 0:00"
    assert figures(Activity()) == "0:00"


def test_without_a_terminal_each_change_of_stage_is_one_plain_line() -> None:
    file, activity = io.StringIO(), under_way()
    with Console(activity, 5, file):
        until(lambda: "explore 2/5" in file.getvalue())
        activity.begin("learn", 2, 12)
        until(lambda: "learn 2/5" in file.getvalue())
    lines = file.getvalue().splitlines()
    assert len(lines) == 2
    assert "60/240 problems · 41 accepted" in lines[0]
    assert "\x1b" not in file.getvalue()


def test_without_a_terminal_a_long_stage_tells_of_itself_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "SECONDS_BETWEEN_LINES", 0.0)
    file = io.StringIO()
    with Console(under_way(), 5, file):
        until(lambda: file.getvalue().count("explore 2/5") >= 2)


def test_a_terminal_gets_a_live_display_that_follows_the_activity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    file, activity = Terminal(), under_way()
    with Console(activity, 5, file) as screen:
        until(lambda: "60/240 problems" in file.getvalue())
        activity.add(30)
        until(lambda: "90/240 problems" in file.getvalue())
        screen.report(trained_report(2, 5))
        until(lambda: "run ends in about" in file.getvalue())
    assert file.getvalue().rfind("\x1b[?25h") > file.getvalue().rfind("\x1b[?25l")  # the cursor is back


def test_an_iteration_is_one_line() -> None:
    assert sentence(base_report(), 5) == "base · stories 21.0 % (n=400) · mawps 12.0 % (n=150)"
    assert sentence(trained_report(1, 5), 5) == (
        "iteration 1/5 · stories 46.1 % (n=400) · mawps 25.0 % (n=150) · solved 153/300"
        " · lessons 490 right + 130 pairs · goodput 37,385/h · 1:18"
    )


def test_a_line_is_never_broken_however_long_it_is(tmp_path: Path) -> None:
    file, deep = io.StringIO(), tmp_path / ("a" * 100) / ("[b]" * 40)
    with Console(Activity(), 5, file) as screen:
        screen.report(trained_report(1, 5))
        screen.summary(deep, short_run(), "story 7")
    lines = file.getvalue().splitlines()
    assert any(line.startswith("iteration 1/5") and line.endswith("1:18") for line in lines)
    assert f"report            {deep / 'report.html'}" in lines
    assert f"a solved problem  envisions show '{deep}' 'story 7'" in lines


def test_the_summary_sets_base_and_final_side_by_side(tmp_path: Path) -> None:
    file = io.StringIO()
    screen = Console(Activity(), 5, file)
    screen.summary(tmp_path, short_run(), None)
    (row,) = [line for line in file.getvalue().splitlines() if "stories" in line and "400" in line]
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == [
        "stories",
        "400",
        "21.0 %",
        "87.0 %",
        "+66.0 points",
    ]
    assert "envisions show" not in file.getvalue()


def test_a_run_without_reports_has_nothing_to_sum_up(tmp_path: Path) -> None:
    file = io.StringIO()
    Console(Activity(), 5, file).summary(tmp_path, [], None)
    assert "nothing to sum up" in file.getvalue()


def test_after_close_nothing_more_is_printed() -> None:
    file, activity = io.StringIO(), under_way()
    screen = Console(activity, 5, file)
    screen.close()
    before = file.getvalue()
    activity.begin("learn", 2)
    time.sleep(1.0)
    screen.close()
    assert file.getvalue() == before


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3723, "1:02:03"), (float("inf"), "–"), (float("nan"), "–")]
)
def test_a_duration_reads_like_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text

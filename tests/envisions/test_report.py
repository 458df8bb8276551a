"""report.jsonl reads back as the reports it was made of; report.html stands alone."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from reports import base_report, short_run

from envisions.figures import draw, wilson
from envisions.records import Accuracy, Outcome
from envisions.report import lines, page, write
from pool.rows import report_of

VOID = {"meta", "br", "link", "img"}


class Page(HTMLParser):
    """What a page holds: every tag with its attributes, the text, and whether all is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def test_each_line_of_report_jsonl_reads_back_as_its_report() -> None:
    reports = short_run()
    assert [report_of(json.loads(line)) for line in lines(reports).splitlines()] == reports


def test_the_first_line_is_the_base_and_the_others_hold_what_tools_rely_on() -> None:
    first, *others = map(json.loads, lines(short_run(3)).splitlines())
    assert (first["iteration"], [line["iteration"] for line in others]) == (0, [1, 2, 3])
    for line in (first, *others):
        assert line.keys() >= {"problems", "solved", "attempts", "outcomes", "lessons", "tokens", "seconds", "goodput"}
        assert line["accuracy"]["stories"].keys() == {"value", "n"}
        assert line["weights"].keys() == {"version", "path", "fingerprint"}


def test_a_loss_that_is_no_number_is_null_in_strict_json_and_drawn_as_a_gap() -> None:
    reports = [base_report(), replace(short_run()[1], loss=(1.0, float("nan"), float("inf")))]
    assert json.loads(lines(reports).splitlines()[1])["loss"] == [1.0, None, None]
    assert "Loss" in [figure.title for figure in draw(reports)]


def test_the_page_is_well_formed_and_asks_nothing_of_any_other_place(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('[run]\nname = "stories <3>"\nmodel = "examples/base"\niterations = 5\n')
    write(tmp_path, short_run())
    text = (tmp_path / "report.html").read_text()
    found = Page(text)
    assert found.open == []
    assert "http" not in text
    assert not re.search(r"url\((?!#)|@import|<script", text)
    assert all(str(attributes.get("href", "#")).startswith("#") for _, attributes in found.tags)
    assert (found.count("figure"), found.count("svg"), found.count("tr")) == (13, 13, 7)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.jsonl", "run.toml"]


def test_the_page_says_what_ran_and_how_far_it_came() -> None:
    text = Page(page("folder", short_run(), '[run]\nname = "stories <3>"\nmodel = "a/base"\nseed = 7\n')).text
    for words in (
        "stories <3>",
        "from a/base · iteration 5 of 5 · seed 7",
        "21.0 % → 87.0 %",
        "+66.0 points",
        "n = 400",
    ):
        assert words in text


def test_no_id_stands_twice_and_every_reference_is_met() -> None:
    text = page("run", short_run())
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([^)"]*)', text)) <= set(ids)


def test_ink_follows_the_page_so_that_curves_show_on_dark_and_on_light() -> None:
    for figure in draw(short_run()):
        assert "currentColor" in figure.svg
        assert not re.search(r"#000000|#ffffff|fill: ?(black|white)", figure.svg)


def test_what_the_base_alone_can_show_is_its_accuracy() -> None:
    assert [figure.title for figure in draw([base_report()])] == ["Test accuracy"]
    assert Page(page("run", [base_report()])).count("svg") == 1


def test_odd_reports_still_make_a_page() -> None:
    bare = replace(short_run()[1], accuracy={}, outcomes={}, lessons={}, tokens={}, loss=(0.5,), seconds={}, solved=0)
    unmeasured = replace(base_report(), accuracy={"empty $x$ <b>": Accuracy(value=0.0, n=0)})
    odd = replace(short_run()[1], outcomes=dict.fromkeys(Outcome, 1))
    for reports in ([], [bare], [unmeasured], [base_report(), bare], [base_report(), odd], [unmeasured, odd]):
        assert Page(page("run", reports, "not = [toml")).open == []


def test_the_same_reports_make_the_same_page() -> None:
    assert page("run", short_run(2)) == page("run", short_run(2))


def test_wilson_matches_a_published_interval() -> None:
    low, high = wilson(Accuracy(value=0.8, n=10))  # 8 of 10: 0.490 to 0.943
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)


@given(n=st.integers(1, 10_000), share=st.floats(0, 1))
def test_wilson_holds_the_measured_share_and_stays_in_range(n: int, share: float) -> None:
    value = round(share * n) / n
    low, high = wilson(Accuracy(value=value, n=n))
    assert -1e-9 <= low <= value + 1e-9
    assert value - 1e-9 <= high <= 1 + 1e-9

"""Answers compared with gold answers."""

import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.math.answers import GRADER, JUDGES, MATH_VERIFY, SYMPY, UNREAD, compare, number
from envs.math.formats import boxed
from envs.sandbox.sandbox import Limits, Sandbox

PAIRS = Path(__file__).with_name("answer_pairs.txt")
MATH = Path(__file__).parents[3] / "shared" / "data" / "math" / "math_test.jsonl"


@pytest.fixture(scope="module")
def grader() -> Iterator[Sandbox]:
    with Sandbox(GRADER) as sandbox:
        yield sandbox


def other(text: str, kind: str = "Expr") -> dict[str, str]:
    return {"repr": text, "type": kind}


@pytest.mark.parametrize(
    ("output", "gold", "verdict"),
    [
        (5, "5", True),
        (5.0, "5", True),
        (5, "5.0", True),
        (5.0001, "5", True),  # 1e-4 absolute
        (4.9999, "5", True),
        (5.00011, "5", False),
        (0.00009, "0", True),
        (0.00011, "0", False),
        (1_000_001, "1000000", True),  # 1e-6 relative
        (1_000_001.1, "1000000", False),
        (999_999, "1000000", True),
        (10**300 + 1, str(10**300), True),
        (-5, "5", False),
        (-5, "−5", True),
        (1234, "1,234", True),
        ("1,234", "1234", True),
        (1234567.5, "1,234,567.50", True),
        (5, "$5", True),
        (5, "\\$5.00", True),
        (10080, "10,\\!080", True),
        (50, "50%", True),
        (0.5, "50%", True),
        (0.5, "50\\%", True),
        ("50%", "0.5", True),
        ("50%", "0.5%", False),
        (5, "50%", False),
        (0.75, "3/4", True),
        (other("3/4", "Fraction"), "0.75", True),
        (other("0.30", "Decimal"), "0.3", True),
        (0.75, "\\frac{3}{4}", True),
        (-0.75, "-\\frac{3}{4}", True),
        (3.5, "3 1/2", True),
        (100 / 3, "33 \\frac{1}{3}", True),
        (1500, "1.5e3", True),
        (12, "12 apples", True),
        ("12 apples", "12", True),
        ([5], "5", True),
        (True, "1", False),
        (False, "0", False),
        (True, "True", True),
        (1, "True", None),
        (None, "0", False),
        ("east", "east", True),
        ("(C)", "\\text{(C)}", True),
        ("", "", None),
    ],
)
def test_numbers_and_equal_texts_need_no_sandbox(output: Any, gold: str, verdict: bool | None) -> None:
    assert compare(output, gold).same is verdict


@pytest.mark.parametrize(
    ("output", "gold", "verdict"),
    [
        (other("sqrt(2)/2"), "\\frac{\\sqrt{2}}{2}", True),
        (0.70710678, "\\frac{\\sqrt2}2", True),
        (other("2*sqrt(3)"), "\\sqrt{12}", True),
        (other("cbrt(8)"), "\\sqrt[3]{8}", True),
        (3.14159265, "\\pi", True),
        (3.14, "\\pi", False),
        (other("5*pi/4"), "\\frac{5\\pi}{4}", True),
        (other("(3+4j)", "complex"), "3+4i", True),
        (33.33333333, "33\\frac13", True),
        (6000, "6.0 \\times 10^{3}", True),
        (3, "\\log_2 8", True),
        (6, "3!", True),
        (10, "\\binom{5}{2}", True),
        (other("exp(2*x)"), "e^{2x}", True),
        ("x^2+2x+1", "(x+1)^2", True),
        ("x^2+1", "x^2+2", False),
        (other("x**2"), "y^2", False),
        ("|x|", "x", False),
        ("x", "\\sqrt{x^2}", False),
        ("\\sqrt{x}", "x^{1/2}", True),
        ([1, 2], "(1,2)", True),
        ([2, 1], "(1,2)", False),
        ([1, 2, 3], "(1,2)", False),
        ([100, 200], "(100,200)", True),
        ([2, 1], "1,2", True),
        ([1, 1], "1,2", False),
        ("2 and 1", "1 \\text{ and } 2", True),
        (other("{1, 2}", "set"), "\\{2,1\\}", True),
        (other("{1}", "set"), "1", True),
        (other("EmptySet", "EmptySet"), "\\emptyset", True),
        ([other("2 - sqrt(3)"), other("2 + sqrt(3)")], "2\\pm\\sqrt{3}", True),
        (other("Interval.Ropen(1, 2)"), "[1,2)", True),
        ("(1,2)", "[1,2)", False),
        ([1, 2], "[1,2)", False),
        (other("Interval(3, oo)"), "[3,\\infty)", True),
        ("(-oo,1) U (1,oo)", "(-\\infty,1)\\cup(1,\\infty)", True),
        (other("Union(Interval.open(1, oo), Interval.open(-oo, 1))"), "(-\\infty,1)\\cup(1,\\infty)", True),
        ([[1, 2], [3, 4]], "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", True),
        ([[1, 3], [2, 4]], "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", False),
        ([1, 2], "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", True),
        ([[1], [2]], "\\begin{bmatrix} 1 \\\\ 2 \\end{bmatrix}", True),
        ("y=2x+1", "2x-y+1=0", True),
        ("y=2x+1", "2x-y=0", False),
        ("2x+1", "y=2x+1", True),
        (15, "k = 15", True),
        ("5>x", "x<5", True),
        ("x<6", "x<5", False),
        ("East", "\\text{east}", True),
        ("west", "\\text{east}", False),
        ("C", "\\text{(C)}", True),
        (5, "5\\text{ cm}^2", True),
        (30, "30^\\circ", True),
        ("4343", "4343_6", True),
        ("4343_7", "4343_6", False),
        (0.5, "1:2", True),
        (other("nan", "float"), "5", False),
        (other("inf", "float"), "\\infty", True),
        (other("<function solution>", "function"), "5", False),
        ({"a": 1}, "5", False),
        ("hello ((", "5", False),
        ("\\frac{1}{0}", "5", False),
        (5, "hello ((", None),
    ],
)
def test_meaning_is_compared_inside_the_sandbox(grader: Sandbox, output: Any, gold: str, verdict: bool | None) -> None:
    assert compare(output, gold, grader).same is verdict


def pairs() -> Iterator[tuple[Any, str, bool]]:
    """Answer, gold answer and whether they are the same: the lines of answer_pairs.txt."""
    gold = ""
    for line in PAIRS.read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            sign, text = line.split(maxsplit=1)
            try:
                yield json.loads(text), gold, sign == "="
            except ValueError:
                yield text, gold, sign == "="
        elif not line.startswith("#"):
            gold = line


def test_every_pair_of_the_table_gets_its_verdict_in_time(grader: Sandbox) -> None:
    table = list(pairs())
    assert len(table) >= 300
    compare("x", "y", grader)  # the start of the sandbox is nobody's time

    def judged(pair: tuple[Any, str, bool]) -> tuple[bool, float]:
        start = time.perf_counter()
        return compare(pair[0], pair[1], grader).same is pair[2], time.perf_counter() - start

    with ThreadPoolExecutor(GRADER.parallel) as threads:
        results = list(zip(table, threads.map(judged, table), strict=True))
    assert [pair for pair, (right, _) in results if not right] == []
    assert [pair for pair, (_, seconds) in results if seconds > len(JUDGES) * GRADER.seconds] == []


@pytest.mark.parametrize(
    ("output", "gold", "same", "dispute"),
    [
        (other("2*sqrt(3)"), "\\sqrt{12}", True, {}),
        ("CD", "\\overline{CD}", True, {SYMPY: True, MATH_VERIFY: False}),
        ("1/2 + 1/3 = 5/6", "\\int_0^1 x dx", False, {SYMPY: None, MATH_VERIFY: False}),
        ("1/2", "\\int_0^1 x dx", True, {SYMPY: None, MATH_VERIFY: True}),
        ("\\int_0^2 x dx", "2", True, {SYMPY: UNREAD, MATH_VERIFY: True}),
        ("hello ((", "2", False, {}),
        ("\\dfrac{5^{5^{5^{5^5}}}-4}{3}", "2", False, {SYMPY: UNREAD, MATH_VERIFY: "timeout"}),
        (2, "\\dfrac{5^{5^{5^{5^5}}}-4}{3}", None, {SYMPY: None, MATH_VERIFY: "timeout"}),
    ],
)
def test_math_verify_is_asked_where_sympy_cannot_tell_or_overrules_the_text(
    grader: Sandbox, output: Any, gold: str, same: bool | None, dispute: dict[str, Any]
) -> None:
    assert compare(output, gold, grader) == (same, dispute)


@pytest.mark.parametrize(
    "text",
    [
        "\\dfrac{5^{5^{5^{5^5}}}-4}{3}",
        "9**9**9**9",
        "3000!^{10000}",
        "((1+\\sqrt2)^{9999})^{9999}",
        "(x+y+z)^{9999}",
        "\\sqrt{" * 700,
        "(" * 4000,
        "-" * 4000,
        "x^" * 2000 + "2",
        "\\sin(10^{9999})",
        "100!!!",
        "9" * 4000,
        "1e999",
        "1e999999999",
        "__import__('os').system('true')",
        "\\begin{pmatrix",
    ],
)
def test_no_text_hangs_or_is_taken_for_right(grader: Sandbox, text: str) -> None:
    assert compare(text, "x+5", grader).same is not True
    assert compare(text, "5", grader).same is not True
    assert compare(5, text, grader).same is not True


@given(st.integers(-(10**12), 10**12) | st.fractions(-1000, 1000))
def test_a_number_is_read_back_from_its_text(value: Any) -> None:
    assert number(str(value)) == value


@pytest.mark.parametrize("text", ["", "x", "5 x", "2 pi", "1/0", ".", "e5", "1,23", "3/", "(5)", "--5", "1e9999"])
def test_what_is_not_plainly_a_number_is_none(text: str) -> None:
    assert number(text) is None


@pytest.mark.skipif(not MATH.exists(), reason="../shared/data/math/math_test.jsonl is not here")
def test_gold_answers_of_the_math_test_set_can_be_read_and_equal_themselves(grader: Sandbox) -> None:
    """Through the reader, without the short cut for equal texts."""
    golds = [boxed(json.loads(line)["solution"]) for line in MATH.read_text().splitlines()]
    symbolic = [gold for gold in golds if gold and number(gold) is None]
    sample = random.Random(0).sample(symbolic, 200)
    limits = Limits(seconds=20, cpu_seconds=10)
    runs = {
        gold: grader.run(f"from {JUDGES[SYMPY]} import compare", call="compare", args=[gold, gold], limits=limits)
        for gold in sample
    }
    undecided = [gold for gold, run in runs.items() if run.value is None]
    assert [gold for gold, run in runs.items() if run.value is False] == []
    assert len(undecided) <= 2, undecided

"""The paper's metrics, what they miss, and the verified one beside them."""

from itertools import islice

import pytest

from envisions.records import Feedback, Outcome, Problem
from envs.symbols.equivalence import distance, le
from envs.symbols.generators.registry import generator
from envs.symbols.metrics import METRICS, gap, score


class Judge:
    """Accepts the gold text; a text `?` cannot be verified."""

    def execute(self, problem: Problem, program: str) -> Feedback:
        same = Outcome.accepted if program == problem.answer else Outcome.rejected
        return Feedback(outcome=Outcome.unverifiable if program == "?" else same)


def pairs(count: int) -> list[Problem]:
    return list(islice(generator("scan")("train", 1), count))


@pytest.mark.parametrize("metric", ["EM", "BLEU", "F1"])
def test_gold_scores_all_and_another_text_less(metric: str) -> None:
    problems = pairs(4)
    gold = [one.answer for one in problems]
    assert METRICS[metric](list(zip(problems, gold, strict=True))) == pytest.approx(1)
    worse = [*gold[:3], "I_JUMP"]
    assert METRICS[metric](list(zip(problems, worse, strict=True))) < 1


def test_both_metrics_stand_side_by_side_over_the_same_pairs() -> None:
    problems = pairs(4)
    scores = score("EM", problems, [problems[0].answer, problems[1].answer + " ", "I_FLY", "?"], Judge())  # type: ignore[arg-type]
    assert (scores.paper, scores.verified, scores.n) == (pytest.approx(2 / 3), pytest.approx(1 / 3), 3)
    assert str(scores) == "EM 66.7% · verified 33.3% (n=3)"


@pytest.mark.parametrize(
    ("gold", "text", "value"),
    [
        ("∀x (Cat(x) → Soft(x))", "∀x (Cat(x) → Soft(x))", 1.0),
        ("∀x (Cat(x) → Soft(x))", "∃x (Cat(x) → Soft(x))", 1.0),  # it does not see quantifiers
        ("∀x (Cat(x) → Soft(x))", "∀y (Dog(y) → Wet(y))", 1.0),  # nor names
        ("Cat(tom) ∧ Soft(tom)", "Cat(tom) ∨ Soft(tom)", 0.5),
        ("Cat(tom)", "¬Cat(tom)", 0.0),
        ("¬Cat(tom) → Soft(tom)", "Cat(tom) ∨ Soft(tom)", 1.0),
        ("Cat(tom)", "Cat(tom", 0.0),
        ("Cat(tom)", "Cat(tom) ∧ Soft(tom)", 0.75),
    ],
)
def test_le_is_the_share_of_equal_rows_of_truth_tables(gold: str, text: str, value: float) -> None:
    assert le(gold, text) == pytest.approx(value)


def test_the_gap_between_original_and_evolved_has_an_interval() -> None:
    found = gap([(True, True)] * 50 + [(True, False)] * 30 + [(False, False)] * 20)
    assert found.value == pytest.approx(0.3)
    assert 0.15 < found.low < 0.3 < found.high < 0.45
    assert gap([(True, True)] * 5) == (0, 0, 0)


def test_edit_distance() -> None:
    assert [distance("kitten", "sitting"), distance("", "abc"), distance("same", "same")] == [3, 3, 0]

"""The paper's metrics, each with the verified one beside it. All are shares from 0 to 1, and higher is better."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from envisions.records import Outcome, Problem
from envs.base import Environment
from envs.languages.base import Malformed
from envs.symbols.alignment import RESAMPLES, Interval, middle
from envs.symbols.equivalence import le
from envs.symbols.pairs import language_of


@dataclass(frozen=True, slots=True)
class Scores:
    """One set of predictions: the paper's metric, the verified metric, and how many of both."""

    metric: str
    paper: float
    verified: float
    n: int

    def __str__(self) -> str:
        return f"{self.metric} {self.paper:.1%} · verified {self.verified:.1%} (n={self.n})"


def score(metric: str, problems: Sequence[Problem], texts: Sequence[str], environment: Environment) -> Scores:
    """Both metrics of texts against their pairs. Machine failures are raised; unverifiable pairs count in neither."""
    verdicts = [environment.execute(one, text).outcome for one, text in zip(problems, texts, strict=True)]
    kept = [
        (one, text, verdict) for one, text, verdict in zip(problems, texts, verdicts, strict=True) if verdict.is_verdict
    ]
    if not kept:
        return Scores(metric, 0.0, 0.0, 0)
    pairs = [(one, text) for one, text, _ in kept]
    right = sum(verdict is Outcome.accepted for _, _, verdict in kept)
    return Scores(metric, METRICS[metric](pairs), right / len(kept), len(kept))


def gap(right: Sequence[tuple[bool, bool]], seed: int = 0) -> Interval:
    """Accuracy on original minus accuracy on evolved pairs, with its bootstrap interval over the pairs.

    `right`: for each pair, whether its text was right under the original names, and under others.
    """
    import numpy as np

    gaps_N = np.array([float(original) - float(evolved) for original, evolved in right])
    dice = np.random.default_rng(seed)
    drawn = gaps_N[dice.integers(len(gaps_N), size=(RESAMPLES, len(gaps_N)))].mean(axis=1)
    return Interval(float(gaps_N.mean()), *middle(drawn))


Pairs = Sequence[tuple[Problem, str]]


def exact_match(pairs: Pairs) -> float:
    """Share of texts that are the gold text, white space apart."""
    return sum(text.split() == one.answer.split() for one, text in pairs) / len(pairs)


def bleu(pairs: Pairs) -> float:
    """Corpus BLEU of sacrebleu, with its usual tokens and smoothing."""
    from sacrebleu.metrics import BLEU

    return float(BLEU().corpus_score([text for _, text in pairs], [[one.answer for one, _ in pairs]]).score) / 100


def language_score(pairs: Pairs) -> float:
    """Mean of the language's own score: Smatch for AMR, F1 over triples or literals; malformed texts have 0."""
    return sum(itertools.starmap(_language_score, pairs)) / len(pairs)


def _language_score(problem: Problem, text: str) -> float:
    language = language_of(problem)
    try:
        gold, tree = language.parse(problem.answer), language.parse(text)
    except Malformed:
        return 0.0
    return language.score(gold, tree)


def logical_equivalence(pairs: Pairs) -> float:
    """Mean LE of Yang et al. 2023, as the paper uses it; it does not see quantifiers, which is why one verifies."""
    return sum(le(one.answer, text) for one, text in pairs) / len(pairs)


METRICS: Mapping[str, Callable[[Pairs], float]] = {
    "EM": exact_match,
    "BLEU": bleu,
    "Smatch": language_score,
    "F1": language_score,
    "LE": logical_equivalence,
}

"""The paired bootstrap: how far two arms of an experiment differ, and how sure that is."""

from collections.abc import Sequence
from typing import NamedTuple

RESAMPLES = 4_000
LEVEL = 0.95
CHUNK = 1_000  # resamples at once, which bounds memory


class Difference(NamedTuple):
    """Second minus first, with its 95% interval; `problems` were in all runs of both."""

    value: float
    low: float
    high: float
    problems: int

    @property
    def is_real(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def paired_difference(first: Sequence[Sequence[float]], second: Sequence[Sequence[float]], seed: int = 0) -> Difference:
    """The difference of the mean scores of two arms: `first[run][problem]`, the same problems in every run.

    Problems are drawn anew for both arms alike (that is the pairing); of an arm with several runs (seeds) the runs are
    drawn anew too, so the interval then also holds for seeds that were not run. With one run an arm it does not.
    Efron and Tibshirani, An Introduction to the Bootstrap (1993), percentile interval. Raises ValueError when empty.
    """
    import numpy as np

    one_SP, other_SP = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    problems = one_SP.shape[-1] if one_SP.ndim == 2 else 0
    if not problems or other_SP.ndim != 2 or other_SP.shape[-1] != problems:
        raise ValueError("there is nothing to compare: both arms need the same problems, and at least one")
    dice = np.random.default_rng(seed)
    differences = []
    for _ in range(RESAMPLES // CHUNK):
        share_BP = dice.multinomial(problems, np.full(problems, 1 / problems), size=CHUNK) / problems
        means = []
        for scores_SP in (one_SP, other_SP):
            mean_BS, runs = share_BP @ scores_SP.T, len(scores_SP)
            drawn_BS = dice.integers(runs, size=(CHUNK, runs))
            means.append(np.take_along_axis(mean_BS, drawn_BS, axis=1).mean(axis=1))
        differences.append(means[1] - means[0])
    outside = (1 - LEVEL) / 2
    low, high = (float(np.quantile(np.concatenate(differences), place)) for place in (outside, 1 - outside))
    return Difference(float(other_SP.mean() - one_SP.mean()), low, high, problems)

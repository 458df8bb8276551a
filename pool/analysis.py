"""What an iteration's attempts say about the training beyond their counts: pure functions over trajectories.

The paper names three analyses (exploration against stability, log-probability margin, diversity) and publishes no
formulas; the definitions are ours and stand with each function.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import comb, isnan, sqrt
from statistics import fmean
from typing import Any

from envisions.records import Outcome, Trajectory
from pool.dedupe import Canonical
from pool.filter import is_right

GRAM = 4  # characters


def analyse(attempts: Sequence[Trajectory], solved_before: Sequence[set[str]], canonical: Canonical) -> dict[str, Any]:
    """Every analysis of one iteration as JSON values; what cannot be said of these attempts is left out.

    `attempts`: all of the iteration's training attempts. `solved_before`: the ids of the problems solved in each
    earlier iteration, in order. About 0.3 ms an attempt.
    """
    judged = [t for t in attempts if t.feedback.outcome.is_verdict]
    explored = [t for t in judged if t.key.kind == "explore"]
    found = {
        "exploration": exploration(judged, solved_before),
        "refinement": refinement(judged),
        "reward": reward(explored),
        "diversity": diversity(explored, canonical),
        "pass": pass_at(explored),
    }
    return {name: values for name, values in found.items() if values}


def exploration(attempts: Sequence[Trajectory], solved_before: Sequence[set[str]]) -> dict[str, float]:
    """Problems solved (`sampled` without refinement, `solved` with), and how they relate to those solved earlier.

    `new`: solved now and in no earlier iteration. `kept`: of the problems solved in the iteration before and drawn
    again in this one, the share solved again; 1 - kept is forgotten.
    """
    drawn = {t.problem.id for t in attempts}
    solved = {t.problem.id for t in attempts if is_right(t)}
    sampled = {t.problem.id for t in attempts if is_right(t) and t.key.kind == "explore"}
    values: dict[str, float] = {"sampled": len(sampled), "solved": len(solved)}
    values["new"] = len(solved.difference(*solved_before))
    again = drawn & solved_before[-1] if solved_before else set()
    return values | ({"kept": len(solved & again) / len(again)} if again else {})


def refinement(attempts: Sequence[Trajectory]) -> dict[str, dict[str, int]]:
    """By the outcome of the explored program: how many were refined, and how many of the refinements are right.

    Of `accepted` ones the difference is what refinement breaks; of all others the right ones are its gain.
    """
    by_key = {t.key: t for t in attempts}
    counts: dict[str, dict[str, int]] = {}
    for t in attempts:
        explored = by_key.get(t.parent) if t.parent else None
        if t.key.kind == "refine" and explored is not None:
            count = counts.setdefault(explored.feedback.outcome.value, {"refined": 0, "right": 0})
            count["refined"] += 1
            count["right"] += is_right(t)
    return {outcome.value: counts[outcome.value] for outcome in Outcome if outcome.value in counts}


def reward(explored: Sequence[Trajectory]) -> dict[str, float]:
    """How well the self-reward r (mean token log-probability as sampled) tells right from wrong.

    `margin`: mean r of right minus mean r of wrong programs, per problem that has both, then averaged. `auc`: the
    probability that a right program has a higher r than a wrong one, over all pairs of the iteration; a tie is half.
    """
    scored = [t for t in explored if not isnan(t.candidate.logprob)]
    margins = []
    for attempts in _by_problem(scored).values():
        right, wrong = _split(attempts)
        if right and wrong:
            margins.append(fmean(right) - fmean(wrong))
    right, wrong = _split(scored)
    values = {"margin": fmean(margins)} if margins else {}
    return values | ({"auc": auc(right, wrong)} if right and wrong else {})


def auc(right: Sequence[float], wrong: Sequence[float]) -> float:
    """The area under the ROC curve, by ranks (Mann-Whitney U); both must hold something."""
    ordered = sorted([(r, True) for r in right] + [(r, False) for r in wrong])
    below, wins, start = 0, 0.0, 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end][0] == ordered[start][0]:
            end += 1
        rights = sum(is_one for _, is_one in ordered[start:end])
        wrongs = end - start - rights
        wins += rights * (below + wrongs / 2)
        below, start = below + wrongs, end
    return wins / (len(right) * len(wrong))


def diversity(explored: Sequence[Trajectory], canonical: Canonical) -> dict[str, float]:
    """How unlike each other the programs of a problem are, averaged over the problems with at least two.

    `programs`: distinct canonical forms as a share of the attempts. `unlike`: 1 - mean overlap of all pairs of texts.
    """
    programs, unlike = [], []
    for attempts in _by_problem(explored).values():
        texts = [t.program for t in attempts if t.program]
        if len(texts) > 1:
            programs.append(len({canonical(text) for text in texts}) / len(texts))
            unlike.append(1 - fmean(overlap(one, other) for one, other in combinations(map(grams, texts), 2)))
    return {"programs": fmean(programs), "unlike": fmean(unlike)} if programs else {}


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """sqrt(precision * recall) of two sets of character 4-grams, 0..1."""
    if not one or not other:
        return float(one == other)
    return len(one & other) / sqrt(len(one) * len(other))


def pass_at(explored: Sequence[Trajectory]) -> dict[str, float]:
    """pass@1 and pass@K of the sampled programs by K; a problem with fewer than K verdicts counts for pass@1 only."""
    results = [[is_right(t) for t in attempts] for attempts in _by_problem(explored).values()]
    if not results:
        return {}
    most = max(map(len, results))
    return {
        str(k): fmean(pass_at_k(len(r), sum(r), k) for r in results if len(r) >= k) for k in dict.fromkeys((1, most))
    }


def pass_at_k(samples: int, right: int, k: int) -> float:
    """The unbiased estimate of the chance that one of k samples is right, from `right` of `samples` >= k.

    Chen et al., Evaluating Large Language Models Trained on Code (arXiv 2107.03374), section 2.1.
    """
    return 1 - comb(samples - right, k) / comb(samples, k)


def _by_problem(attempts: Iterable[Trajectory]) -> Mapping[str, list[Trajectory]]:
    found: dict[str, list[Trajectory]] = defaultdict(list)
    for t in attempts:
        found[t.problem.id].append(t)
    return found


def _split(attempts: Iterable[Trajectory]) -> tuple[list[float], list[float]]:
    right: list[float] = []
    wrong: list[float] = []
    for t in attempts:
        (right if is_right(t) else wrong).append(t.candidate.logprob)
    return right, wrong


def grams(text: str) -> frozenset[str]:
    """The character 4-grams of a text; of a shorter one, the whole of it."""
    return frozenset(text[start : start + GRAM] for start in range(max(1, len(text) - GRAM + 1)))

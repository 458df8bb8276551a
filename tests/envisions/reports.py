"""Reports such as a short run gives; the same arguments give the same reports."""

import random

from envisions.records import Accuracy, IterationReport, Weights


def weights(version: int) -> Weights:
    return Weights(version=version, path=f"runs/stories/weights/{version}", fingerprint=f"{version:02x}" * 32)


def base_report() -> IterationReport:
    accuracy = {"stories": Accuracy(value=0.21, n=400), "mawps": Accuracy(value=0.12, n=150)}
    return IterationReport(iteration=0, weights=weights(0), accuracy=accuracy)


def trained_report(iteration: int, iterations: int) -> IterationReport:
    dice, learnt, attempts = random.Random(iteration), iteration / iterations, 3000
    accepted, timed_out = int(attempts * (0.15 + 0.6 * learnt)), 40
    failed = int((attempts - accepted) * 0.4 * (1.2 - learnt))
    rejected = attempts - accepted - failed - timed_out
    return IterationReport(
        iteration=iteration,
        weights=weights(iteration),
        accuracy={
            "stories": Accuracy(value=0.21 + 0.66 * learnt**0.6, n=400),
            "mawps": Accuracy(value=0.12 + 0.4 * learnt**0.7, n=150),
        },
        problems=300,
        solved=int(300 * (0.4 + 0.55 * learnt)),
        attempts=attempts,
        outcomes={"accepted": accepted, "rejected": rejected, "failed": failed, "timed_out": timed_out},
        lessons={"right": 400 + 90 * iteration, "pairs": 110 + 20 * iteration},
        tokens={"sampled": 210_000 - 8_000 * iteration, "trained": 90_000 + 30_000 * iteration},
        loss=tuple(2.0 / (1 + 0.05 * step) + 0.1 * dice.random() for step in range(40 + 10 * iteration)),
        seconds={"explore": 48.0, "select": 3.1, "learn": 12.0 + 4 * iteration, "load": 1.4, "evaluate": 9.3},
        goodput=3600 * accepted / (74 + 4 * iteration),
        retries={"generator": 1} if iteration == 2 else {},
        analysis={
            "exploration": {"sampled": 120, "solved": 130 + 10 * iteration, "new": 60 - 10 * iteration}
            | ({"kept": 0.9} if iteration > 1 else {}),
            "refinement": {"rejected": {"refined": 50, "right": 5 + iteration}},
            "reward": {"margin": 0.2 * learnt, "auc": 0.6 + 0.2 * learnt},
            "diversity": {"programs": 0.8 - 0.3 * learnt, "unlike": 0.5 - 0.2 * learnt},
            "pass": {"1": 0.3 + 0.3 * learnt, "5": 0.6 + 0.2 * learnt},
        },
    )


def short_run(iterations: int = 5) -> list[IterationReport]:
    return [base_report(), *(trained_report(iteration, iterations) for iteration in range(1, iterations + 1))]

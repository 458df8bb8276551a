"""The supervised control of examples/mwp.toml: the same base trained on the right equations instead of by itself.

    python benchmarks/control.py examples/mwp.toml ../shared/data/math/mwp_train_equations.jsonl runs/mwp-control
    envisions eval examples/mwp.toml runs/mwp-control

Prints the figures of the training; `envisions eval` measures the model like any other.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from envisions.config import load
from envisions.records import Example
from envs.math.world import MathWorld, signature
from learner.engine import LearnerRank


def infix(prefix: str) -> str:
    """`- * a b c` as `((a * b) - c)`."""
    words = iter(prefix.split())

    def read() -> str:
        word = next(words)
        if word in "+-*/":
            left, right = read(), read()
            return f"({left} {word} {right})"
        return word

    return read()


def main(
    run_file: Path,
    equations: Annotated[Path, typer.Argument(help="JSONL of {id, equation}, prefix notation.")],
    folder: Path,
    epochs: int = 10,
    seed: Annotated[int, typer.Option(help="Of the order of the texts.")] = 1,
) -> None:
    """Train the run's base on the equations of its train problems, which stay disjoint from its test sets."""
    config = load(run_file)
    world = MathWorld(config.world, config.run.seed)
    gold = {f"mwp-train-{row['id']}": row["equation"] for row in map(json.loads, equations.read_text().splitlines())}
    examples = [
        Example(
            id=problem.id,
            prompt=world.prompt(problem),
            completion=world.completion(
                problem, f"def {signature(problem)}:\n    return {infix(gold[problem.id])[1:-1]}"
            ),
        )
        for problem in world.problems("train", 1)
    ]
    rank = LearnerRank(config.learn.model_copy(update={"epochs": epochs}), config.run.model)
    rank.join(*rank.rendezvous("127.0.0.1"))
    trained = rank.train(examples, 1, str(folder), seed)
    rank.close()
    print(
        f"{len(examples)} problems, {epochs} epochs, {len(trained.loss)} steps, {trained.tokens} tokens, "
        f"loss {trained.loss[0]:.3f} -> {trained.loss[-1]:.3f}, {trained.seconds:.0f} s"
    )


if __name__ == "__main__":
    typer.run(main)

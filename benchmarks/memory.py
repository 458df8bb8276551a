"""A memory that fills up: what an insert, a selection and a question cost when it is full, beside when it was empty.

    python benchmarks/memory.py [TRAJECTORIES] [RESULTS.json]

Attempts are made up: each problem has a few right programs and many wrong ones, written again and again by a power law;
every fourth problem is never solved. The alternative measured beside ours is a selection from all attempts, as far as
they can be held in memory.
"""

import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from machine import described, machine

from actors.memory import Memory
from envisions.records import AttemptKey, Candidate, Feedback, IterationReport, Outcome, Problem, Trajectory, Weights
from pool.query import query
from pool.select import SelectConfig, needs_score, select
from pool.store import Store

SAMPLES = 5  # explored and refined: ten attempts a problem and iteration
ITERATIONS = 20
PROGRAMS = 60  # that a problem's attempts are drawn from
TOKENS = tuple(range(50))
ALL_AT_ONCE = 100_000  # attempts that the alternative is given at most
QUESTIONS = {
    "attempts at one problem": "SELECT outcome, program FROM attempts WHERE problem = 'p17'",
    "outcomes of an iteration": (
        "SELECT outcome, COUNT(*) FROM attempts WHERE iteration = 3 AND kind = 'explore' GROUP BY outcome"
    ),
    "the books": "SELECT * FROM ledger",
    "solved problems": "SELECT COUNT(DISTINCT problem) FROM candidates WHERE is_right",
    "solve rates": (
        "SELECT problem, AVG(outcome = 'accepted') AS rate FROM attempts WHERE iteration = 20 AND kind = 'explore' "
        "GROUP BY problem HAVING rate BETWEEN 0.2 AND 0.6 LIMIT 100"
    ),
    "lessons of an attempt": "SELECT * FROM lessons WHERE right_row = 1 OR wrong_row = 1",
}


class Toy:
    """The parts of a world that memory asks for."""

    def prompt(self, problem: Problem) -> str:
        return f"{problem.question}\n"

    def refine_prompt(self, problem: Problem, program: str, feedback: Feedback) -> str:
        return f"{problem.question}\n{program}\n{feedback.error}\n"

    def completion(self, problem: Problem, program: str) -> str:
        return program

    def canonical(self, program: str) -> str:
        return program


def attempts(number: int, iteration: int, dice: random.Random) -> tuple[Problem, list[Trajectory]]:
    problem = Problem(
        id=f"p{number}", world="toy", question=f"Problem {number}. {'What is asked? ' * 10}", answer="1", split="train"
    )
    made = []
    for slot in range(SAMPLES):
        parent = None
        for kind in ("explore", "refine"):
            which = min(int(dice.paretovariate(0.7)), PROGRAMS)
            right = number % 4 != 0 and which % 5 == number % 5
            key = AttemptKey("bench", iteration, problem.id, slot, kind)
            program = f"def solution():\n    return {number} + {which} * {'x' * 60}\n"
            made.append(
                Trajectory(
                    key=key,
                    problem=problem,
                    candidate=Candidate(
                        text=program,
                        tokens=TOKENS,
                        logprob=-dice.random(),
                        weights=0,
                        seed=slot,
                        finish="stop",
                    ),
                    program=program,
                    feedback=Feedback(
                        outcome=Outcome.accepted if right else Outcome.rejected,
                        output=str(which),
                        seconds=0.01,
                        evidence={"program_sha256": "0" * 64, "value": which},
                    ),
                    parent=parent,
                )
            )
            parent = key
    return problem, made


def filled(memory: Memory, trajectories: int) -> Iterator[float]:
    """Attempts stored a second, iteration by iteration."""
    problems = trajectories // (2 * SAMPLES * ITERATIONS)
    for iteration in range(1, ITERATIONS + 1):
        dice, spent = random.Random(iteration), 0.0
        for number in range(problems):
            problem, made = attempts(number, iteration, dice)
            begun = time.perf_counter()
            memory.add(problem, made)
            spent += time.perf_counter() - begun
        weights = Weights(version=iteration, path="", fingerprint="")
        memory.commit(IterationReport(iteration=iteration, weights=weights, accuracy={}))
        yield 2 * SAMPLES * problems / spent


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def chosen(memory: Memory) -> dict[str, float]:
    """The two halves of a selection; between them, the engines score."""
    asked, to_score = timed(lambda: memory.to_score(ITERATIONS))
    scores = {example.id: -random.Random(example.id).random() for example in to_score}
    picked, lessons = timed(lambda: memory.lessons(ITERATIONS, scores))
    return {"seconds": asked + picked, "scored": len(to_score), "lessons": len(lessons)}


def from_all(path: Path, config: SelectConfig) -> dict[str, float]:
    """The same from all attempts."""

    def work() -> int:
        with Store(path, read_only=True) as store:
            pool = store.attempts(tokens=False, trusted=True)
        scores = {t.key: -random.Random(str(t.key)).random() for t in needs_score(pool, config, str)}
        return len(select(pool, scores, config, str))

    seconds, lessons = timed(work)
    return {"seconds": seconds, "lessons": lessons}


def answered(path: Path, sql: str) -> int:
    return len(list(query(path, sql)))


def main(trajectories: int, results: Path | None) -> None:
    found: dict[str, Any] = machine()
    print(described(found))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "memory.sqlite"
        memory = Memory(str(path), Toy(), SelectConfig())  # type: ignore[arg-type]
        rates = list(filled(memory, trajectories))
        found["trajectories"] = trajectories
        found["inserts_per_s"] = [round(rate) for rate in rates]
        print(f"insert        {rates[0]:,.0f}/s at first, {rates[-1]:,.0f}/s at last: {rates[-1] / rates[0]:.2f} times")
        found["selection"] = chosen(memory)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        found["rss_mib"] = {"after_selection": psutil.Process().memory_info().rss >> 20, "peak": peak}
        memory.close()
        asked = {name: timed(partial(answered, path, sql))[0] for name, sql in QUESTIONS.items()}
        found["questions_s"] = asked
        found["file_mib"] = round(path.stat().st_size / 2**20)
        if trajectories <= ALL_AT_ONCE:
            found["selection_from_all"] = from_all(path, SelectConfig())
            ratio = found["selection_from_all"]["seconds"] / found["selection"]["seconds"]
            print(f"selection     {ratio:.1f} times as fast as from all attempts")
    print(f"selection     {found['selection']}")
    print(f"memory        {found['rss_mib']} MiB, file {found['file_mib']} MiB")
    for name, seconds in found["questions_s"].items():
        print(f"{name:<26} {1000 * seconds:8.1f} ms")
    if results:
        results.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, Path(sys.argv[2]) if len(sys.argv) > 2 else None)

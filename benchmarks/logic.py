"""Checks a second, and milliseconds at p50 and p99, of every logic backend on generated theories, as JSON lines.

NLTK's provers are measured where NLTK is installed (pip install nltk), each problem in a process of its own that is
killed after ten seconds. Pyke, which the reference uses, is on no package index.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from random import Random

from envs.base import InfrastructureError
from envs.logic.checking import Strictness
from envs.logic.closed import answer_set
from envs.logic.environment import LogicEnvironment
from envs.logic.printing import Notation, safe
from envs.logic.program import read
from envs.logic.provers import E, Prover9
from envs.logic.refuting import Prover, entails
from envs.logic.solver import Z3
from envs.logic.task import posed
from envs.logic.theories import ANSWERS, WORDS, draw, program

SECONDS, NLTK_PROBLEMS, CORES = 10.0, 40, 2
NLTK = Notation(
    "-",
    "&",
    "|",
    "->",
    "<->",
    "all {}.({})",
    "exists {}.({})",
    lambda kind, name: name if kind == "v" else safe(kind, name),
)
CHILD = """
import json, sys, time
from nltk import inference
from nltk.sem.logic import Expression
prover, (*premises, goal) = getattr(inference, sys.argv[1])(), map(Expression.fromstring, json.load(sys.stdin))
begun = time.perf_counter()
prover.prove(goal, premises) or prover.prove(-goal, premises)
print(time.perf_counter() - begun)
"""


def told(backend: str, seconds: Sequence[float], **more: object) -> None:
    """One line of results."""
    ordered = sorted(seconds)
    p50, p99 = (1000 * ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    line = {"backend": backend, "checks": len(ordered), "per_s": round(len(ordered) / sum(ordered))}
    print(json.dumps(line | {"p50_ms": round(p50, 3), "p99_ms": round(p99, 3)} | more), flush=True)


def measured(texts: Sequence[str], check: Callable[[str], object]) -> list[float]:
    """Seconds of each check; the first one, which may start a process, is done twice."""
    check(texts[0])
    seconds = []
    for text in texts:
        begun = time.perf_counter()
        check(text)
        seconds.append(time.perf_counter() - begun)
    return seconds


def classical(prover: Prover) -> Callable[[str], object]:
    def check(text: str) -> object:
        theory = read(text)
        return entails(prover, [one.formula for one in theory.premises], theory.conclusion.formula)

    return check


def by_nltk(kind: str, texts: Sequence[str]) -> None:
    """The goal, then its negation, as the provers of NLTK are used."""
    seconds, killed = [], 0
    for text in texts:
        formulas = json.dumps([NLTK.write(one.formula) for one in read(text).statements])
        command = [sys.executable, "-c", CHILD, kind]
        try:
            done = subprocess.run(command, input=formulas, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            killed += 1
            seconds.append(SECONDS)
            continue
        if done.returncode:
            print(json.dumps({"missing": f"NLTK: {done.stderr.strip().splitlines()[-1]}"}))
            return
        seconds.append(float(done.stdout))
    told(f"NLTK {kind}", seconds, killed=killed)


def theories(count: int) -> list[str]:
    dice = Random(0)
    return [program(*draw(WORDS["train"], number % 6, ANSWERS[number % 3], True, dice)) for number in range(count)]


def rates(count: int) -> tuple[float, float]:
    """Whole checks a second in this process, of rules and of first-order programs."""
    texts, environment = theories(count), LogicEnvironment(Strictness.none())
    found = []
    for semantics, some in (("rules-owa", texts), ("fol", texts[: max(1, count // 20)])):
        seconds = measured(some, checks(environment, semantics))
        found.append(len(seconds) / sum(seconds))
    environment.close()
    return found[0], found[1]


def checks(environment: LogicEnvironment, semantics: str) -> Callable[[str], object]:
    problem = posed("p", "test", {"semantics": semantics, "context": "", "asked": "", "answer": "True"})
    return lambda text: environment.execute(problem, text)


def main(count: int) -> None:
    texts = theories(count)
    environment, some = LogicEnvironment(Strictness.none()), texts[: max(1, count // 10)]
    for semantics, backend in (("rules-owa", "chaining, whole check"), ("rules-cwa", "clingo, whole check")):
        told(backend, measured(texts, checks(environment, semantics)))
    rules = {text: [one.rule for one in read(text).premises if one.rule] for text in texts}
    told("clingo alone", measured(texts, lambda text: answer_set(rules[text], closed=False)))
    for make in (Z3, E, Prover9):
        try:
            prover: Prover = make()
        except InfrastructureError as missing:
            print(json.dumps({"missing": str(missing)}))
            continue
        told(prover.name, measured(some, classical(prover)))
        prover.close()
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as processes:
        by_kind = zip(*processes.map(rates, [count] * CORES), strict=True)
    for kind, rate in zip(("rules", "first-order"), by_kind, strict=True):
        print(json.dumps({"backend": f"{kind}, {CORES} processes at once", "per_s": round(sum(rate))}), flush=True)
    for kind in ("TableauProver", "ResolutionProver"):
        by_nltk(kind, texts[:NLTK_PROBLEMS])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)

"""Checks a second, and milliseconds at p50 and p99, of every logic backend on generated theories, as JSON lines."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from random import Random

from envs.base import InfrastructureError
from envs.logic.checking import Strictness, Task, judge
from envs.logic.closed import answer_set
from envs.logic.program import read
from envs.logic.provers import E, Prover9
from envs.logic.refuting import Prover, entails
from envs.logic.solver import Z3
from envs.logic.theories import ANSWERS, WORDS, draw, program


def measured(backend: str, texts: Sequence[str], check: Callable[[str], object]) -> dict[str, float | str]:
    """One line of results; the first check, which may start a process, is left out."""
    check(texts[0])
    seconds = []
    for text in texts:
        begun = time.perf_counter()
        check(text)
        seconds.append(time.perf_counter() - begun)
    seconds.sort()
    p50, p99 = (1000 * seconds[int(share * (len(seconds) - 1))] for share in (0.5, 0.99))
    return {
        "backend": backend,
        "per_s": round(len(texts) / sum(seconds)),
        "p50_ms": round(p50, 3),
        "p99_ms": round(p99, 3),
    }


def classical(prover: Prover) -> Callable[[str], object]:
    def check(text: str) -> object:
        theory = read(text)
        return entails(prover, [one.formula for one in theory.premises], theory.conclusion.formula)

    return check


def main(count: int) -> None:
    dice = Random(0)
    texts = [program(*draw(WORDS["train"], number % 6, ANSWERS[number % 3], True, dice)) for number in range(count)]
    z3, task, lenient = Z3(), Task(semantics="rules-owa"), Strictness.none()
    print(json.dumps(measured("chaining", texts, lambda text: judge(text, task, z3, lenient))))
    rules = {text: [one.rule for one in read(text).premises if one.rule] for text in texts}
    print(json.dumps(measured("clingo", texts, lambda text: answer_set(rules[text], closed=False))))
    for make in (lambda: z3, E, Prover9):
        try:
            prover: Prover = make()
        except InfrastructureError as missing:
            print(json.dumps({"missing": str(missing)}))
            continue
        print(json.dumps(measured(prover.name, texts[: max(1, count // 10)], classical(prover))), flush=True)
        prover.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)

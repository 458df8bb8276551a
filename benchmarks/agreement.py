"""Whether independent backends give one answer on generated theories: counts of what they said, differences listed.

    python benchmarks/agreement.py 10000

Half of the theories are those that the product generates, half are rules by lot, contradictions and circles included.
Where two backends must agree, a difference is a defect. Chaining and classical logic need not agree: classical logic
may argue backwards through a rule, so that it proves what chaining leaves open; what chaining derives it must prove.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

from envs.base import InfrastructureError
from envs.logic.chaining import chain
from envs.logic.closed import CircularNegationError, answer_set, closed_chain, explicit
from envs.logic.printing import rule_text
from envs.logic.provers import E, Prover9
from envs.logic.refuting import Prover, entails
from envs.logic.solver import Z3
from envs.logic.statements import Literal, Rule, formula_of
from envs.logic.theories import ANSWERS, WORDS, draw

STEPS = 200_000
UNDECIDED = ("TimedOut", "circular")
MUST_AGREE = (("chaining", "clingo"), ("closed chaining", "closed clingo"), ("z3", "E"), ("z3", "Prover9"))


class Theory(NamedTuple):
    rules: Sequence[Rule]
    query: Literal


def theory(number: int, seed: int = 1) -> Theory:
    """Theory `number`: drawn as the product does, or by lot."""
    dice = Random(f"{seed}/agreement/{number}")
    if number % 2:
        return Theory(*draw(WORDS["test"], number % 6, ANSWERS[number % 3], True, dice))
    return by_lot(dice, negation=bool(number % 4))


def by_lot(dice: Random, negation: bool) -> Theory:
    """Facts and rules over a few names, that may contradict each other or depend on their own absence."""
    share = 0.25 if negation else 0.0

    def literal(variable: str) -> Literal:
        predicate, arity = dice.choice([("p", 1), ("q", 1), ("r", 2), ("s", 1)])
        names = tuple(dice.choice([variable, "a", "b"] if variable else "abc") for _ in range(arity))
        return Literal(predicate, dice.random() >= share, names)

    facts = [Rule((), (literal(""),)) for _ in range(dice.randint(1, 5))]
    rules = [
        Rule(tuple(literal("?x") for _ in range(dice.randint(1, 2))), (literal("?x"),))
        for _ in range(dice.randint(1, 5))
    ]
    return Theory([*facts, *rules], literal(""))


def answers(asked: Theory, provers: Sequence[Prover]) -> dict[str, str]:
    """What each backend says, under its own semantics."""
    rules, query = asked
    names = query.arguments
    derived, model = chain(rules, names=names), answer_set(rules, closed=False, names=names)
    said = {"chaining": _open(query, derived.__contains__), "clingo": _open(query, model.__contains__)}
    try:
        holds, by_strata = answer_set(rules, closed=True, names=names), closed_chain(rules, STEPS, names)
        positive = query if query.positive else query.negated
        said["closed clingo"] = str((positive in holds, positive.negated in holds))
        said["closed chaining"] = str((positive in by_strata, explicit(positive.negated) in by_strata))
    except CircularNegationError:
        said |= {"closed clingo": "circular", "closed chaining": "circular"}
    premises, goal = [formula_of(rule) for rule in rules], formula_of(Rule((), (query,)))
    return said | {prover.name: entails(prover, premises, goal).answer for prover in provers}


def _open(query: Literal, holds: Callable[[object], bool]) -> str:
    return {(True, True): "Inconsistent", (True, False): "True", (False, True): "False"}.get(
        (holds(query), holds(query.negated)), "Unknown"
    )


def defects(said: Mapping[str, str], positive: bool) -> Iterator[str]:
    """The pairs that had to agree and do not; `positive`: no negation, so that nothing can be argued backwards."""
    for one, other in MUST_AGREE:
        if other in said and said[one] != said[other] and not {said[one], said[other]} & {*UNDECIDED}:
            yield f"{one}/{other}"
    chained, classical = said["chaining"], said["z3"]
    if classical not in (chained, "TimedOut", "Inconsistent") and (chained != "Unknown" or positive):
        yield "chaining/z3"


def compare(count: int, provers: Sequence[Prover]) -> Iterator[tuple[Theory, dict[str, str], list[str]]]:
    """Each theory with the answers and the defects."""
    for number in range(count):
        asked = theory(number)
        said = answers(asked, provers)
        positive = all(one.positive for rule in asked.rules for side in rule for one in side) and asked.query.positive
        yield asked, said, list(defects(said, positive))


def installed() -> list[Prover]:
    """z3, and E and Prover9 where they are."""
    provers: list[Prover] = [Z3()]
    for make in (E, Prover9):
        try:
            provers.append(make())
        except InfrastructureError as missing:
            print(f"left out: {missing}", file=sys.stderr)
    return provers


def main(count: int) -> None:
    provers, table, wrong = installed(), Counter[str](), 0
    for asked, said, found in compare(count, provers):
        table.update(f"{name}: {answer}" for name, answer in said.items())
        table["chaining Unknown, classical not"] += said["chaining"] == "Unknown" != said["z3"]
        if found:
            wrong += 1
            text = [rule_text(rule) for rule in (*asked.rules, Rule((), (asked.query,)))]
            print(json.dumps({"differ": found, "said": said, "theory": text}), flush=True)
    print(json.dumps({"theories": count, "with differences": wrong, "answers": dict(sorted(table.items()))}))
    for prover in provers:
        prover.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)

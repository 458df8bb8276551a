"""Symbol+Delegation: a model writes symbols, a solver makes an answer of them, and the answer is compared.

Each domain poses pairs whose check is a solver: see envs.symbols.environment and envs.symbols.meaning.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count as count_from
from itertools import islice

from envisions.records import Problem
from envs.logic import theories
from envs.symbols.generators.registry import generated
from envs.symbols.names import Part
from envs.symbols.pairs import WORLD

BATCH = 50


def delegated(check: str, *tasks: str) -> Callable[[Part, int], Iterator[Problem]]:
    """The pairs of some tasks in turn, judged by a solver."""

    def pose(part: Part, seed: int) -> Iterator[Problem]:
        for pairs in zip(*(generated(task, part, seed) for task in tasks), strict=False):
            yield from (replace(one, setup={**one.setup, "check": check}) for one in pairs)

    return pose


def logical(part: Part, seed: int) -> Iterator[Problem]:
    """Texts with a statement, for a logic program. The answer is a label; no gold program is kept."""
    for batch in count_from():
        for one in islice(theories.generate(part, (batch + 1) * BATCH, seed), batch * BATCH, None):
            setup = {**one.setup, "language": "rules", "definition": None, "glosses": {}, "check": "label"}
            setup |= {"task": "theories", "result": one.answer}
            question = f"Text: {one.setup['context']}\nStatement: {one.setup['asked']}"
            yield replace(one, world=WORLD, question=question, setup=setup)


DOMAINS: Mapping[str, Callable[[Part, int], Iterator[Problem]]] = {
    "math": delegated("answer", "gsm8k-code"),
    "symbolic": delegated("answer", "last-letter", "coloured-objects"),
    "logical": logical,
    "planning": delegated("plan", "blocksworld", "grippers"),
    "visual": delegated("scene", "clevr"),
    "tables": delegated("table", "spider"),
}


def posed(domain: str, count: int, part: Part = "test", seed: int = 0) -> list[Problem]:
    """`count` problems of a domain; the longer list begins with the shorter one."""
    return list(islice(DOMAINS[domain](part, seed), count))

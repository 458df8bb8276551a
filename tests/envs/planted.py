"""Near-copies of problems by lot: what a contaminated train set would hold of a test set."""

import ast
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from envisions.records import Problem

NAMES = ("Zelda", "Quentin", "Ottilie", "Barnaby", "Wilhelmina", "Cornelius", "Philippa", "Leopold", "Henrietta")
OTHER = ("lantern", "wagon", "thistle", "pebble", "harbour", "fiddle", "mustard", "kettle", "willow", "anchor")
NO_NAMES = frozenset(  # what may open a sentence
    [
        "A",
        "After",
        "All",
        "An",
        "And",
        "As",
        "At",
        "Before",
        "But",
        "By",
        "Each",
        "Every",
        "For",
        "From",
        "He",
        "Her",
        "His",
        "How",
        "However",
        "If",
        "In",
        "It",
        "Its",
        "Later",
        "Not",
        "Now",
        "Of",
        "On",
        "One",
        "She",
        "So",
        "Some",
        "That",
        "The",
        "Their",
        "Then",
        "There",
        "These",
        "They",
        "This",
        "Those",
        "To",
        "Today",
        "Two",
        "What",
        "When",
        "Which",
        "While",
        "With",
    ]
)


def renamed(problem: Problem, dice: random.Random) -> Problem:
    """Other people in it, the same one everywhere."""
    found = re.findall(r"(?<=[a-z,] )[A-Z][a-z]+|(?:^|(?<=[.?!] ))[A-Z][a-z]+", problem.question)
    people = sorted({name for name in found if name not in NO_NAMES})
    others = dict(zip(people, dice.sample(NAMES, min(len(people), len(NAMES))), strict=False))
    if not others:
        return problem
    pattern = re.compile(rf"\b({'|'.join(others)})\b")
    return replace(problem, question=pattern.sub(lambda name: others[name[0]], problem.question))


def respaced(problem: Problem, dice: random.Random) -> Problem:
    """Other white space, capitals here and there, some punctuation lost."""
    words = [word.upper() if dice.random() < 0.05 else word for word in problem.question.split()]
    words = [word.rstrip(",") if dice.random() < 0.5 else word for word in words]
    gaps = (dice.choice((" ", "  ", "\n", "\t", " \n ")) for _ in words)
    return replace(problem, question="".join(word + gap for word, gap in zip(words, gaps, strict=True)))


def reordered(problem: Problem, dice: random.Random) -> Problem:
    """The facts in another order, the question still at the end."""
    *facts, question = re.split(r"(?<=[.?!])\s+", problem.question.strip())
    return replace(problem, question=" ".join([*dice.sample(facts, len(facts)), question]))


def solved_alike(problem: Problem, dice: random.Random) -> Problem:
    """Half of the words are others; the solution is the same one written differently."""
    words = [
        dice.choice(OTHER) if re.fullmatch(r"[a-z]+", word) and dice.random() < 0.5 else word
        for word in problem.question.split()
    ]
    steps = rewritten(problem.setup["steps"], dice)
    return replace(problem, question=" ".join(words), setup={**problem.setup, "steps": steps})


def all_at_once(problem: Problem, dice: random.Random) -> Problem:
    """Renamed, reordered and with other white space."""
    return respaced(reordered(renamed(problem, dice), dice), dice)


KINDS: Mapping[str, Callable[[Problem, random.Random], Problem]] = {
    "renamed people": renamed,
    "changed white space": respaced,
    "reordered facts": reordered,
    "equivalent programs": solved_alike,
    "all at once": all_at_once,
}


def plant(problems: Sequence[Problem], count: int, seed: int = 0) -> Iterator[tuple[str, Problem]]:
    """`count` copies with their kind, the kinds in turn; those with equivalent programs of problems with steps only."""
    dice = random.Random(seed)
    kinds = list(KINDS.items())
    for index, problem in enumerate(dice.sample(list(problems), count)):
        kind, copy = kinds[index % len(kinds)]
        if kind == "equivalent programs":
            problem = dice.choice([one for one in problems if one.setup.get("steps")])
        yield kind, replace(copy(problem, dice), id=f"planted-{index}-{problem.id}", split="train")


def rewritten(steps: Sequence[str], dice: random.Random) -> list[str]:
    """Steps in another order, with swapped sides, some written into those that use their result."""
    done: dict[str, str] = {}
    written = []
    for step in steps:
        for result, expression in done.items():
            if dice.random() < 0.5:
                step = re.sub(rf"(?<![\d.]){re.escape(result)}(?![\d.])", f"({expression})", step)
        try:
            tree = ast.parse(step, mode="eval")
        except SyntaxError:  # such as 007 or 20%: left as it is
            written.append(step)
            continue
        written.append(ast.unparse(Swapped(dice).visit(tree)))
        value = eval(compile(tree, "step", "eval"), {"__builtins__": {}})
        done[f"{value:g}"] = written[-1]
    return dice.sample(written, len(written))


class Swapped(ast.NodeTransformer):
    """Swaps the sides of sums and products by lot."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def visit_BinOp(self, node: ast.BinOp) -> ast.BinOp:
        self.generic_visit(node)
        if isinstance(node.op, ast.Add | ast.Mult) and self.dice.random() < 0.5:
            node.left, node.right = node.right, node.left
        return node

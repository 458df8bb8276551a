"""Programs for a base model to learn from: right, misread, or damaged line by line.

Misread ones have every rule told backwards: they teach how sentences become statements, under the wrong sign.
Damaged ones teach that lines can differ. Words are copied from the text; some theories are told in invented ones.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from envisions.records import Outcome
from envs import invented
from envs.base import Environment
from envs.logic.statements import Literal, Rule
from envs.logic.task import posed
from envs.logic.theories import ANSWERS, DEEPEST, WORDS, Words, draw, tell, told
from envs.logic.world import LogicWorld

DAMAGED = 0.3  # share of the lines of a damaged program
PEOPLE, TRAITS, VERBS = 6, 10, 4  # invented words for one theory


class TheoryTexts(BaseModel):
    """Theories with drafts of their programs, for the texts of a base model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(ge=1)
    """How many theories."""
    depth: int = Field(2, ge=0, le=DEEPEST)
    """The most rules, one upon the other, that an answer takes."""
    kept: float = Field(0.2, ge=0, le=1)
    """Share of the programs left right."""
    misread: float = Field(0.6, ge=0, le=1)
    """Share of the programs with every rule told backwards. All others are damaged in some lines."""
    invented: float = Field(0.7, ge=0, le=1)
    """Share of the theories that are told in invented words."""
    refinements: float = Field(0.15, ge=0, le=1)
    """Share of the texts in the form of a refinement."""


def texts(settings: TheoryTexts, world: LogicWorld, environment: Environment, seed: int) -> Iterator[tuple[str, str]]:
    """Prompts of the world with drafts for completions, in the very form that a run will use."""
    dice = random.Random(f"{seed}/theories/drafts")
    for index in range(settings.count):
        words = _invented(dice) if dice.random() < settings.invented else WORDS["train"]
        answer = ANSWERS[index % len(ANSWERS)]
        rules, query = draw(words, index // len(ANSWERS) % (settings.depth + 1), answer, True, dice)
        problem = posed(f"draft-{index}", "train", _setup(rules, query, answer, dice))
        program = draft(rules, query, dice, settings)
        prompt = world.prompt(problem)
        if dice.random() < settings.refinements:
            before = draft(rules, query, dice, settings)
            feedback = environment.execute(problem, before)
            prompt = world.refine_prompt(problem, before, feedback)
            program = before if feedback.outcome is Outcome.accepted else program
        yield prompt, world.completion(problem, program)


def draft(rules: list[Rule], query: Literal, dice: random.Random, settings: TheoryTexts) -> str:
    """A program for a theory: right, misread or damaged, by these chances."""
    lot = dice.random()
    if lot < settings.kept:
        return spelled(rules, query)
    if lot < settings.kept + settings.misread:
        return spelled([_backwards(rule) for rule in rules], query)
    people = sorted({name for rule in rules for one in rule.head for name in one.arguments if name[0] != "?"})
    lines = [_damaged(rule, people, dice) if dice.random() < DAMAGED else rule for rule in rules]
    asked = query.negated if dice.random() < DAMAGED else query
    return spelled([line for line in lines if line], asked)


def spelled(rules: list[Rule], query: Literal) -> str:
    """The program with each word as the text has it, a space before it: the same tokens, to be copied."""
    facts, others = ([rule for rule in rules if bool(rule.body) is is_rule] for is_rule in (False, True))
    lines = ["Facts:", *map(_line, facts), "Rules:", *map(_line, others), "Query:", _line(Rule((), (query,)))]
    return "\n".join(lines)


def _line(rule: Rule) -> str:
    head = " &&".join(map(_statement, rule.head))
    return f"{' &&'.join(map(_statement, rule.body))} >>>{head}" if rule.body else head


def _statement(literal: Literal) -> str:
    names = [f"${name[1:]}" if name[0] == "?" else name for name in literal.arguments]
    return f" {literal.predicate.lower()}( {', '.join((*names, str(literal.positive)))})"


def _backwards(rule: Rule) -> Rule:
    return Rule(rule.head, rule.body) if rule.body else rule


def _damaged(rule: Rule, people: list[str], dice: random.Random) -> Rule | None:
    """The rule or fact without a line, with a wrong sign, about somebody else, or backwards."""
    kind = dice.choice(("left out", "denied", "backwards" if rule.body else "somebody else"))
    if kind == "left out":
        return None
    if kind == "backwards":
        return _backwards(rule)
    (head,) = rule.head
    if kind == "somebody else":
        head = head._replace(arguments=(dice.choice(people), *head.arguments[1:]))
    return Rule(rule.body, (head.negated if kind == "denied" else head,))


def _setup(rules: list[Rule], query: Literal, answer: str, dice: random.Random) -> Mapping[str, Any]:
    context, asked = tell(rules, dice), told(Rule((), (query,)))
    return {"semantics": "rules-owa", "context": context, "asked": asked, "answer": answer}


def _invented(dice: random.Random) -> Words:
    """Words of its own for one theory, none of them twice."""
    words: dict[str, None] = {}
    while len(words) < PEOPLE + TRAITS + VERBS:
        word = invented.word(dice)
        if len(word) > 2 and not word.endswith("s"):
            words[word] = None
    each = list(words)
    people, rest = each[:PEOPLE], each[PEOPLE:]
    return Words(tuple(map(str.capitalize, people)), tuple(rest[:TRAITS]), tuple(f"{verb}s" for verb in rest[TRAITS:]))

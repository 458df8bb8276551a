"""Scripts for a base model to learn from: by lot over a page's elements, or right.

By lot they teach what a script looks like, what can be acted on and how references and words are copied, but not what
a goal means. Pages are read in the tree form (`play.js`), and elements named by their references.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from envisions.records import Example, Problem
from envs.web.farm import Farm
from envs.web.sources import BASE_FIRST, WebSource, load
from envs.web.world import WebWorld

LINE = re.compile(r'(?P<ref>\d+) (?P<kind>[\w-]+)(?: "(?P<text>(?:[^"\\]|\\.)*)")?')
QUOTED = re.compile(r'"([^"]+)"')
NUMBERS = ("1st", "2nd", "3rd")
FIELD = "text"


class WebTexts(BaseModel):
    """Texts of the web world: pages in the tree form, with scripts by lot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pages: WebSource
    """The tasks, and under how many seeds each."""
    copies: int = Field(default=1, ge=1)
    """Scripts drawn for each page."""
    kept: float = Field(default=0.0, ge=0, le=1)
    """Share of the scripts left right, where the right one is known."""


@dataclass(frozen=True, slots=True)
class Element:
    """One line of a page's tree."""

    ref: int
    kind: str
    text: str


def elements(problem: Problem) -> list[Element]:
    """What can be named on the page of a problem, in its order."""
    found = (LINE.match(line) for line in problem.setup["page"].splitlines())
    return [Element(int(each["ref"]), each["kind"], each["text"] or "") for each in found if each]


def click(element: Element) -> str:
    return f"agent.click_xpath(\"//*[@data-wob_ref='{element.ref}']\")"


def write(text: str) -> str:
    return f"agent.type({text!r})"


def by_lot(problem: Problem, dice: random.Random) -> str:
    """One to three clicks on elements drawn by lot; after one on a field, a word of the goal is typed, by lot too."""
    seen = elements(problem)
    if not seen:
        return write(_word(problem, dice))
    lines = []
    for element in dice.sample(seen, min(len(seen), dice.choice((1, 1, 1, 2, 2, 3)))):
        lines.append(click(element))
        if element.kind == FIELD and dice.random() < 0.7:
            lines.append(write(_word(problem, dice)))
    return "\n".join(lines)


def right(problem: Problem) -> str:
    """The script for a goal that says in words what to click or to enter; empty for any other goal."""
    seen, goal = elements(problem), problem.question
    said = QUOTED.findall(goal)
    fields = [each for each in seen if each.kind == FIELD]
    if re.match(r"(?:Enter|Type)\b", goal) and said and fields:
        ends = [each for each in seen if each.text.lower() == "submit"]
        return "\n".join([click(fields[0]), write(said[0]), *map(click, ends[:1])])
    if "Focus" in goal and fields:
        place = next((index for index, number in enumerate(NUMBERS) if number in goal), 0)
        return click(fields[place]) if place < len(fields) else ""
    named = said or re.findall(r"\b[A-Z]{2,}\b", goal)
    wanted = [next((each for each in seen if each.text == name), None) for name in named]
    return "\n".join(click(each) for each in wanted if each) if wanted and all(wanted) else ""


def draft(problem: Problem, dice: random.Random, kept: float) -> str:
    """A script by lot; with this chance, and where it is known, the right one."""
    return (right(problem) if dice.random() < kept else "") or by_lot(problem, dice)


def texts(recipe: WebTexts, world: WebWorld, farm: Farm, seed: int) -> Iterator[Example]:
    """Prompts of the world with drafts for completions, in the very form that the run will use.

    Raises InfrastructureError where no browser can be had.
    """
    dice = random.Random(f"{seed}/web drafts")
    pages = load(recipe.pages, "train", BASE_FIRST, farm)
    for index, problem in enumerate(problem for problem in pages for _ in range(recipe.copies)):
        script = draft(problem, dice, recipe.kept)
        yield Example(id=f"web-{index:07}", prompt=world.prompt(problem), completion=world.completion(problem, script))


def _word(problem: Problem, dice: random.Random) -> str:
    """Something from the goal: what stands in quotes, or any word."""
    quoted, words = QUOTED.findall(problem.question), re.findall(r"\w+", problem.question)
    return dice.choice(quoted if quoted and dice.random() < 0.5 else words or ["ok"])

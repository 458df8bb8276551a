"""Scripts of the form `agent.click_xpath("...")`: found in text, and expanded to a flat list of actions.

A script is Python with loops and conditions. It runs in the sandbox, where `agent` only writes down what it is told,
and never beside the browser: what reaches a page is the list.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.math import programs
from envs.sandbox.sandbox import Limits, Run, Sandbox

METHODS = ("click_xpath", "type", "press", "click_option", "movemouse")
BY_XPATH = frozenset(("click_xpath", "click_option", "movemouse"))
MOST_ACTIONS, MOST_CHARACTERS = 200, 2_000  # of a script, of one argument
LONGEST = 20_000  # characters of a script looked at
FENCE = re.compile(r"^[ \t]*(?:```|~~~).*$", re.MULTILINE)
ENDS_FENCE = re.compile(r"^(.*\S)(?:```|~~~)[ \t]*$", re.MULTILINE)  # a closing fence on the last line of the script

RECORDER = Path(__file__).with_name("recorder.py").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Action:
    """One call of the script. `text` is an XPath, what is typed, or the name of a key."""

    method: str
    text: str

    def __str__(self) -> str:
        return f"{self.method}({self.text!r})"


@dataclass(frozen=True, slots=True)
class Expansion:
    """The actions of a script, or why it has none: `error` is one line for the model, `run` the sandbox's own word."""

    actions: tuple[Action, ...]
    error: str
    run: Run


def extract(text: str) -> str:
    """The script in what a model wrote: the first part between fences that calls `agent`; empty when there is none.

    `extract(extract(text)) == extract(text)`.
    """
    text = ENDS_FENCE.sub(r"\1", text[:LONGEST].replace("\r\n", "\n").replace("\r", "\n"))
    return next((part.strip() for part in FENCE.split(text) if re.search(r"\bagent\.", part)), "")


def canonical(script: str) -> str:
    """One spelling for all scripts that differ only in layout, comments or the kind of quotes."""
    return programs.canonical(script)


def expand(script: str, sandbox: Sandbox) -> Expansion:
    """The actions of one script, in order. Raises InfrastructureError when the sandbox broke."""
    limits = sandbox.config.model_dump(include=set(Limits.model_fields))
    # room for the most and the longest that the recorder lets through, spelled as JSON
    limits["output_chars"] = max(limits["output_chars"], 256 * MOST_ACTIONS)
    told = {"script": script, "methods": METHODS, "most": MOST_ACTIONS, "longest": MOST_CHARACTERS}
    run = sandbox.run(RECORDER, args=told, limits=Limits(**limits))
    if run.status != "ok":
        return Expansion((), run.error, run)
    actions, error = recorded(run.value)
    return Expansion(actions, error, run)


def recorded(value: Any) -> tuple[tuple[Action, ...], str]:
    """What the recorder wrote down. A script may forge it; it gains nothing but its own actions."""
    try:
        listed, error = value["actions"], str(value["error"])
        actions = tuple(Action(method, text) for method, text in listed)
    except (TypeError, KeyError, ValueError):
        return (), "the script meddled with what it was to write down"
    if len(actions) > MOST_ACTIONS or not all(_proper(action) for action in actions):
        return (), "the script meddled with what it was to write down"
    return actions, error


def _proper(action: Action) -> bool:
    known = isinstance(action.method, str) and action.method in METHODS
    return known and isinstance(action.text, str) and len(action.text) <= MOST_CHARACTERS

"""One episode on one tab: reset under a seed, act, read the reward. All input is real."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from envs.web.browser import Tab
from envs.web.scripts import BY_XPATH, Action
from envs.web.tasks import Task

NO_DECAY = 1_000_000  # milliseconds that a page gives an episode: so many that time takes nothing off a reward
KEYS = {  # what a script may press, and what is pressed; a chord is pressed and released as a whole
    "enter": "Enter",
    "space": "Space",
    "arrowleft": "ArrowLeft",
    "arrowright": "ArrowRight",
    "arrowup": "ArrowUp",
    "arrowdown": "ArrowDown",
    "backspace": "Backspace",
    "command+a": "Control+a",
    "command+c": "Control+c",
    "command+v": "Control+v",
}
Form = Literal["html", "tree"]


class EpisodeConfig(BaseModel):
    """How scripts are played, and what counts as success."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    success: float = 0.8
    """An episode succeeds when its reward is above this. Elsewhere in the field: 0."""
    reward: Literal["raw", "timed"] = "raw"
    """"raw": as the page gives it. "timed": less what the page takes off for the time used (the paper's form)."""
    matches: Literal["all", "first"] = "all"
    """Whether a click goes to every element that its XPath matches, or to the first."""
    seconds: float = Field(default=3.0, gt=0)
    """Wall clock of an episode; then its page counts as hung, is closed, and the episode gets twice that, and then four
    times."""
    pages: int = Field(default=4, ge=1)
    """Pages of the one browser that each environment worker has; about two a core."""
    reload_every: int = Field(default=500, ge=1)
    """Episodes after which a page is loaded anew."""
    form: Form = "html"
    """What is shown of a page: "html" as it stands, or "tree", a line for each element that says or does something."""
    page_chars: int = Field(default=8000, ge=100)
    """Longest text of a page, in characters; the rest is cut off."""
    screenshots: bool = False
    """Keep a picture of the page's end in the evidence of each episode (PNG, base64)."""


@dataclass(frozen=True, slots=True)
class View:
    """What a model sees: the goal, and the page as text."""

    goal: str
    page: str
    cut: bool  # the page was longer


@dataclass(kw_only=True, slots=True)
class Played:
    """What became of an episode. `fault`: why an action could not be carried out; `notes`: what a model should know."""

    goal: str = ""
    done: bool = False
    raw: float = 0.0
    timed: float = 0.0
    reason: str = ""
    fault: str = ""
    left: str = ""
    notes: list[str] = field(default_factory=list)
    trace: list[dict[str, Any]] = field(default_factory=list)  # action, matches, the page's fingerprint before it
    dom: str = ""
    page: str = ""
    screenshot: str = ""

    def take(self, state: dict[str, Any]) -> None:
        self.done, self.raw, self.timed = state["done"], state["raw"], state["timed"]
        self.reason, self.left, self.dom = str(state["reason"] or ""), state["left"], state["dom"]


async def reset(tab: Tab, task: Task, seed: int) -> str:
    """Begin the episode of this seed; gives its goal. Raises TabError, and ValueError where the page is no task."""
    tab.episodes += 1
    tab.left = ""
    tab.park_pointer()
    told = {"seed": seed, "mode": "train", "milliseconds": NO_DECAY, "still": task.still}
    begun = await tab.run("told => $episode.reset(told)", told)
    if "fault" in begun:
        raise ValueError(f"{task.name}: {begun['fault']}")
    return begun["goal"]


async def look(tab: Tab, task: Task, config: EpisodeConfig) -> View:
    """The page as it is now. Raises TabError."""
    told = {"form": config.form, "beside": task.beside, "most": config.page_chars}
    return View(**await tab.run("told => $episode.look(told)", told))


async def play(tab: Tab, task: Task, seed: int, actions: Sequence[Action], config: EpisodeConfig) -> Played:
    """Reset, carry out the actions until one fails or the episode ends, and read the reward. Raises TabError."""
    played = Played(goal=await reset(tab, task, seed))
    for number, action in enumerate(actions, start=1):
        fault = await _act(tab, action, config, played)
        if fault:
            played.fault = f"action {number}, {action}: {fault}"
        if played.done or played.left or fault:
            break
    played.take(await tab.run("$episode.find({})"))
    played.left = played.left or tab.left
    if not played.done:
        played.page = (await look(tab, task, config)).page
    if config.screenshots:
        played.screenshot = base64.b64encode(await tab.screenshot()).decode()
    return played


async def _act(tab: Tab, action: Action, config: EpisodeConfig, played: Played) -> str:
    """Carry out one action; gives what is wrong with it."""
    told = {"xpath": action.text, "index": 0} if action.method in BY_XPATH else {}
    found = await tab.run("told => $episode.find(told)", told)
    played.take(found)
    if played.done or played.left:
        return ""
    played.trace.append({"action": [action.method, action.text], "matched": found.get("count"), "dom": found["dom"]})
    match action.method:
        case "type":
            await tab.type(action.text)
            return ""
        case "press":
            return await _press(tab, action.text)
        case "movemouse":
            if fault := _unusable(found):
                return fault
            if "x" not in found:
                return "an option of a menu is not drawn; there is nothing to point at"
            await tab.move(found["x"], found["y"])
            return ""
    return await _click(tab, action, found, config, played)


async def _click(tab: Tab, action: Action, found: dict[str, Any], config: EpisodeConfig, played: Played) -> str:
    """Click every match, each looked up again after the one before, because a click may change the page."""
    if fault := _unusable(found):
        return fault
    count = found["count"] if config.matches == "all" else 1
    if count > 1:
        played.notes.append(f"{action} matched {count} elements, and each was clicked")
    for index in range(count):
        if index:
            found = await tab.run("told => $episode.find(told)", {"xpath": action.text, "index": index})
            if found["done"] or found["left"] or _unusable(found):
                return ""  # the clicks before it have changed the page
        if found["tag"] == "option":
            chosen = await tab.run("told => $episode.choose(told)", {"xpath": action.text, "index": index})
            if "fault" in chosen:
                return chosen["fault"]
        elif action.method == "click_option":
            return f"matches <{found['tag']}>, which is no option of a menu; use click_xpath"
        elif found["tag"] == "button" and found["covered"]:
            played.notes.append(f"{action} is covered by something else, so Enter was pressed on it")
            await tab.press("Enter")
            return ""
        else:
            await tab.click(found["x"], found["y"])
    return ""


async def _press(tab: Tab, key: str) -> str:
    if key.lower() not in KEYS:
        return f"no such key; there are {', '.join(KEYS)}"
    await tab.press(KEYS[key.lower()])
    return ""


def _unusable(found: dict[str, Any]) -> str:
    """Why there is nothing to act on."""
    if "fault" in found:
        return found["fault"]
    if not found.get("count") or not ({"tag", "hidden"} & found.keys()):
        return "matches nothing on the page"
    return "matches an element that is not visible" if "hidden" in found else ""

"""SCAN: commands such as `jump left twice`, and the action sequences they mean (Lake & Baroni 2018)."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from envs.languages.base import Executable, Malformed, Names, Symbols

MEANINGS = {"walk": "I_WALK", "look": "I_LOOK", "run": "I_RUN", "jump": "I_JUMP"}
TURNS = {"left": "I_TURN_LEFT", "right": "I_TURN_RIGHT"}
ACTIONS = (*MEANINGS.values(), *TURNS.values())
TIMES = {"twice": 2, "thrice": 3}
EAST = 1 + 0j  # headings are complex numbers: a left turn multiplies by i


class Walk(NamedTuple):
    """Where an action sequence leads: what is done at which place in which heading, and the end."""

    done: tuple[tuple[str, complex, complex], ...]
    place: complex
    heading: complex


class Scan(Executable[tuple[str, ...]]):
    """Action sequences. definition: from each of the six actions to the name it has in texts."""

    name = "scan"

    def __init__(self, definition: Mapping[str, str] | None = None) -> None:
        self._spelling = {action: (definition or {}).get(action, action) for action in ACTIONS}
        self._action = {spelled: action for action, spelled in self._spelling.items()}
        if len(self._action) < len(ACTIONS):
            raise ValueError(f"definition is {definition}; each action needs a name of its own")

    @property
    def definition(self) -> Mapping[str, str]:
        return dict(self._spelling)

    @property
    def vocabulary(self) -> Symbols:
        return {"action": frozenset(self._action)}

    def _parse(self, text: str) -> tuple[str, ...]:
        words = list(re.finditer(r"\S+", text))
        if not words:
            raise Malformed("there is no action", len(text))
        for word in words:
            if word[0] not in self._action:
                raise Malformed(
                    f"{word[0]!r:.40} is no action; it must be one of {', '.join(self._action)}", word.start()
                )
        return tuple(word[0] for word in words)

    def print(self, tree: tuple[str, ...]) -> str:
        return " ".join(tree)

    def symbols(self, tree: tuple[str, ...]) -> Symbols:
        return {"action": frozenset(tree)}

    def _rename(self, tree: tuple[str, ...], names: Names) -> tuple[str, ...]:
        return tuple(names["action"][action] for action in tree)

    def _renamed(self, names: Names) -> "Scan":
        new = names.get("action", {})
        return Scan({action: new.get(spelled, spelled) for action, spelled in self._spelling.items()})

    def execute(self, tree: tuple[str, ...], world: None = None) -> Walk:
        """The walk from the origin, facing east."""
        place, heading, done = 0j, EAST, []
        for action in (self._action[spelled] for spelled in tree):
            if action in TURNS.values():
                heading *= 1j if action == TURNS["left"] else -1j
            else:
                place += heading if action in (MEANINGS["walk"], MEANINGS["run"]) else 0
                done.append((action, place, heading))
        return Walk(tuple(done), place, heading)

    def meaning(self, command: str) -> tuple[str, ...]:
        """The one action sequence of a command. Raises Malformed."""
        return tuple(self._spelling[action] for action in interpret(command))


def interpret(command: str) -> list[str]:
    """The actions of `C and C`, `C after C` or `C`, where C is `V`, `V twice` or `V thrice`. Raises Malformed."""
    for joint in (" and ", " after "):
        first, found, second = command.partition(joint)
        if found:
            one, other = _repeated(first), _repeated(second)
            return one + other if joint == " and " else other + one
    return _repeated(command)


def _repeated(phrase: str) -> list[str]:
    *words, last = phrase.split() or [""]
    return _simple(words) * TIMES[last] if last in TIMES else _simple([*words, last])


def _simple(words: list[str]) -> list[str]:
    """One of `jump`, `jump left`, `jump opposite left`, `jump around left`; or `turn` with a side."""
    verb, *manner, side = words if len(words) > 1 else (*words, "")
    act = [MEANINGS[verb]] if verb in MEANINGS else []
    if (not act and verb != "turn") or (side and side not in TURNS) or (not side and not act):
        raise Malformed(f"{' '.join(words)!r} is no command")
    turn = [TURNS[side]] if side else []
    match manner:
        case []:
            return turn + act
        case ["opposite"]:
            return turn * 2 + act
        case ["around"]:
            return (turn + act) * 4
    raise Malformed(f"{' '.join(words)!r} is no command")

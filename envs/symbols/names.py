"""Names that Symbol-Evol gives: three styles, each with one alphabet for training and another for evaluation only."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

Part = Literal["train", "test"]
Style = Literal["random", "pseudo", "swap"]
STYLES: tuple[Style, ...] = get_args(Style)
LENGTH = 6  # of a random name, as in the paper
CHARACTERS = {"train": "abcdefghijkmABCDEFGHIJKM13579", "test": "nopqrstuvwxyzNOPQRSTUVWXYZ24680"}
ONSETS = {"train": "bdfgklm", "test": "nprstvwz"}
VOWELS = {"train": "aou", "test": "ei"}
SYLLABLES = (2, 3)


def random_name(dice: random.Random, part: Part) -> str:
    """Six letters and digits, the first of them a letter, such as `mAc3Bj`."""
    characters = CHARACTERS[part]
    letters = [character for character in characters if character.isalpha()]
    return dice.choice(letters) + "".join(dice.choices(characters, k=LENGTH - 1))


def pseudo_word(dice: random.Random, part: Part) -> str:
    """Two or three syllables that can be said, such as `dokuma`."""
    return "".join(dice.choice(ONSETS[part]) + dice.choice(VOWELS[part]) for _ in range(dice.choice(SYLLABLES)))


def swapped(names: Sequence[str], dice: random.Random, part: Part) -> dict[str, str]:
    """Each name means what another one meant. Training: two and two change places. Evaluation: all move round a ring.

    The ring takes at least three, so no permutation is of both parts; fewer names stay as they are.
    """
    mixed = dice.sample(names, len(names))
    if part == "train":
        pairs = list(zip(mixed[::2], mixed[1::2], strict=False))
        return dict(pairs) | {new: old for old, new in pairs}
    return dict(zip(mixed, mixed[1:] + mixed[:1], strict=True)) if len(mixed) > 2 else {}


Spells = Callable[[str], bool]
FRESH: Mapping[str, Callable[[random.Random, Part], str]] = {"random": random_name, "pseudo": pseudo_word}
TRIES = 1000


def named(
    names: Sequence[str], style: Style, dice: random.Random, part: Part, spells: Spells, taken: set[str]
) -> dict[str, str]:
    """A new name for each, which the language allows and nothing else has, whatever the case. `taken` grows by them.

    Raises ValueError where a language allows no such name.
    """
    if style == "swap":
        return swapped(names, dice, part)
    new = {}
    for name in names:
        new[name] = _fresh(style, dice, part, spells, taken)
        taken.add(new[name].casefold())
    return new


def _fresh(style: Style, dice: random.Random, part: Part, spells: Spells, taken: set[str]) -> str:
    for _ in range(TRIES):
        drawn = FRESH[style](dice, part)
        for spelled in (drawn, drawn.lower(), drawn.capitalize(), drawn.upper()):
            if spelled.casefold() not in taken and spells(spelled):
                return spelled
    raise ValueError(f"no name of style {style} is allowed here; leave the style out")

"""Words that no language has, so that a model must copy them instead of knowing them."""

import random

SYLLABLE = (
    tuple("bcdfghjklmnprstvwz"),
    tuple("aeiou"),
    ("", "", "l", "n", "r"),
)


def word(dice: random.Random) -> str:
    """One to three syllables."""
    return "".join(dice.choice(sounds) for _ in range(dice.randint(1, 3)) for sounds in SYLLABLE)

"""Words of texts and of names, compared by their stems."""

import re
from functools import lru_cache

SILENT = frozenset(
    (
        *("a", "an", "the", "is", "are", "be", "was", "were", "does", "do", "did", "if", "then", "and", "all", "every"),
        *("each", "any", "some", "that", "who", "which", "to", "of", "people", "person", "things", "thing", "ones"),
    )
)
ANYONE = frozenset(  # what stands for a variable
    (
        *("someone", "somebody", "something", "anyone", "anybody", "anything", "everyone", "everybody", "everything"),
        *("they", "them", "it", "he", "him", "she", "her"),
    )
)
NEGATIONS = frozenset(("not", "no", "never", "nobody", "nothing", "cannot", "n't"))
UNSAID = SILENT | NEGATIONS | ANYONE | {","}
WORD = re.compile(r"[^\W\d_]+(?=n't)|n't|[^\W_]+|,")
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|\d+")


def sentences(text: str) -> list[str]:
    """The sentences of a text, which are its lines where it has several."""
    between = r"\n+" if "\n" in text.strip() else r"(?<=[.?!])\s+"
    return [sentence for sentence in re.split(between, text.strip()) if sentence]


@lru_cache(maxsize=20_000)
def words(text: str) -> tuple[str, ...]:
    """The words in lower case, n't for one, and the commas."""
    return tuple(word.lower() for word in WORD.findall(text.replace("’", "'")))


def stems(text: str) -> list[str]:
    """The stems of all words but articles, auxiliaries, pronouns and negations."""
    return [stem(word) for word in words(text) if word not in UNSAID]


@lru_cache(maxsize=20_000)
def name_stems(name: str) -> tuple[str, ...]:
    """The stems of the words that a name is joined from, such as BaldEagle or bald_eagle."""
    parts = (part.lower() for part in PART.findall(name))
    return tuple(stem(part) for part in parts if part not in SILENT | ANYONE)


def mentions(text: str, name: str) -> bool:
    """Whether all words of a name occur in the text."""
    return set(name_stems(name)) <= set(stems(text))


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """chases and chase become chas, sees and see s, wumpuses and wumpus wumpus."""
    if len(word) > 3 and word.endswith("es"):
        word = word[:-2]
    elif len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us")):
        word = word[:-1]
    return word.rstrip("e") or word

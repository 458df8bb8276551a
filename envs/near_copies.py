"""The contamination gate: train problems that are a test problem told anew, found before a run starts.

`contamination.disjoint` takes out what is certainly the same: the same text, or the same frame of a generator. What is
left is compared here by canonical form, in which names of people, white space, the order of the facts and the way a
solution is written play no part. That is a judgement with a threshold, so it is put before the user: a run whose train
problems hold near-copies is refused, unless its run file says what to do with them (`world.near_copies`).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from math import log
from typing import Any, NamedTuple

from envisions.records import Problem
from envs.calculations import Calculation, calculations
from envs.contamination import TOKEN

# Measured by tests/envs/test_near_copies.py: 497 of 500 copies planted in GSM8K are found, and one of its 1,319
# test questions is called the copy of a train question (which indeed asks for the same calculations in other words).
SAME_TEXT = 0.6
"""From this similarity on, two problems with the same numbers are one."""
SAME_SOLUTION = 0.1
"""From this similarity on, two problems whose reference solutions compute the same are one."""

SENTENCE_END = re.compile(r"(?<=[.?!])\s+")
NUMBER = re.compile(r"\d+(\.\d+)?|number\d+")  # or a slot for one
WORD = re.compile(r"[^\W\d_]+")
SOMEONE = "@"
PRONOUNS = frozenset(("he", "she", "him", "his", "her", "hers", "himself", "herself"))
SMALL = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
NUMBERS = {word: str(value) for value, word in enumerate(SMALL)}
UNIT = 1000  # weights are whole numbers, so that their sums do not hang on the order of a set
SHOWN = 3


class NearCopy(NamedTuple):
    """A train problem, the test problem it is a copy of, and how alike they are (1 is the same canonical form)."""

    train: Problem
    test: Problem
    test_set: str
    similarity: float


class NearCopiesError(ValueError):
    """A run that would train on what it is tested on."""


def near_copies(train: Sequence[Problem], tests: Mapping[str, Sequence[Problem]]) -> list[NearCopy]:
    """The train problems that are near-copies of test problems, each with the one most like it, in the order of train.

    The similarity of two problems is the weighted share of their features that both have: words, neighbouring words
    and whole sentences, names masked, each weighted by its rarity in all sets. A near-copy has the
    same numbers and a similarity of at least SAME_TEXT; or, where the data set tells how its problems are solved
    (`setup["steps"]`), the same calculations and a similarity of at least SAME_SOLUTION.

    No pair is left out: a pair at the threshold must share one of its rarer features, and all such pairs are compared.
    Chaudhuri, Ganti, Kaushik: A primitive operator for similarity joins in data cleaning (ICDE 2006).
    """
    held = [(name, problem) for name, problems in tests.items() for problem in problems]
    forms = _forms([*train, *(problem for _, problem in held)])
    train_forms, test_forms = forms[: len(train)], forms[len(train) :]
    by_feature: dict[Hashable, list[int]] = defaultdict(list)
    by_solution: dict[frozenset[Calculation], list[int]] = defaultdict(list)
    for index, form in enumerate(test_forms):
        for feature in form.rarest:
            by_feature[form.numbers, feature].append(index)
        if form.solution:
            by_solution[form.solution].append(index)
    found = []
    for problem, form in zip(train, train_forms, strict=True):
        alike = [(index, SAME_TEXT) for feature in form.rarest for index in by_feature.get((form.numbers, feature), ())]
        alike += [(index, SAME_SOLUTION) for index in by_solution.get(form.solution, ())]
        best = max(_at_least(form, test_forms, dict(alike)), default=None)
        if best is not None:
            similarity, negative = best
            name, test = held[-negative]
            found.append(NearCopy(problem, test, name, similarity))
    return found


def refusal(copies: Sequence[NearCopy], trained: int) -> NearCopiesError:
    """What to say of a run whose `trained` train problems hold these copies."""
    lines = [
        f"{len(copies):,} of {trained:,} train problems are near-copies of test problems; no model may be tested on "
        'what it is trained on: set world.near_copies to "remove", or to "keep: " and the reason why they may stay'
    ]
    for copy in sorted(copies, key=lambda copy: -copy.similarity)[:SHOWN]:
        lines.append(f"  {copy.train.id} is like {copy.test.id} of test set {copy.test_set} ({copy.similarity:.2f})")
        lines += [f"    {problem.question!r:.160}" for problem in (copy.train, copy.test)]
    return NearCopiesError("\n".join(lines))


class Form(NamedTuple):
    """The canonical form of a problem."""

    features: frozenset[int]
    weights: Sequence[int]  # of every feature, by its number
    weight: int  # of all features together
    rarest: tuple[int, ...]  # the fewest of which a near-copy must share one
    numbers: tuple[str, ...]
    solution: frozenset[Calculation]


def _forms(problems: Sequence[Problem]) -> list[Form]:
    names = _names(problem.question for problem in problems)
    number_of: dict[Hashable, int] = {}
    words = [list(_sentences(problem.question, names)) for problem in problems]
    features = [
        frozenset(number_of.setdefault(feature, len(number_of)) for feature in _features(sentences))
        for sentences in words
    ]
    times = Counter(chain.from_iterable(features))
    weights = [round(UNIT * log(1 + len(problems) / times[number])) for number in range(len(number_of))]
    return [
        _form(problem, sentences, own, weights)
        for problem, sentences, own in zip(problems, words, features, strict=True)
    ]


def _form(problem: Problem, sentences: Sequence[Sequence[str]], own: frozenset[int], weights: Sequence[int]) -> Form:
    weight = sum(weights[feature] for feature in own)
    rarest: list[int] = []
    rest = weight  # a pair that shares only what is left over stays below the threshold
    for feature in sorted(own, key=lambda feature: (-weights[feature], feature)):
        if rest < SAME_TEXT * weight:
            break
        rarest.append(feature)
        rest -= weights[feature]
    numbers = tuple(sorted(word for word in chain.from_iterable(sentences) if NUMBER.fullmatch(word)))
    steps: Any = problem.setup.get("steps", ())
    return Form(own, weights, weight, tuple(rarest), numbers, calculations(steps))


def _at_least(form: Form, others: Sequence[Form], wanted: Mapping[int, float]) -> Iterator[tuple[float, int]]:
    """(similarity, -index) of those that are as similar as is wanted of them."""
    for index, threshold in wanted.items():
        other = others[index]
        shared = sum(form.weights[feature] for feature in form.features & other.features)
        similarity = shared / (form.weight + other.weight - shared or 1)
        if similarity >= threshold:
            yield similarity, -index


def _features(sentences: Iterable[Sequence[str]]) -> Iterator[Hashable]:
    for words in sentences:
        yield from words
        yield from pairwise(words)
        yield tuple(words)


def _sentences(text: str, names: frozenset[str]) -> Iterator[list[str]]:
    """The words of each sentence in lower case, people masked, numbers as digits without commas."""
    for sentence in SENTENCE_END.split(" ".join(text.split())):
        words = []
        for place, word in enumerate(TOKEN.findall(sentence)):
            small = word.casefold()
            someone = small in names or small in PRONOUNS or (place > 0 and word[0].isupper() and len(word) > 1)
            words.append(SOMEONE if someone else _plain(small))
        if words:
            yield words


def _names(texts: Iterable[str]) -> frozenset[str]:
    """The words that no text writes small."""
    large: set[str] = set()
    small: set[str] = set()
    for word in chain.from_iterable(map(WORD.findall, texts)):
        (large if word[0].isupper() else small).add(word.casefold())
    return frozenset(large - small)


def _plain(word: str) -> str:
    """Number words and numbers as digits: 12 for twelve, 1200.5 for 1,200.50."""
    digits = NUMBERS.get(word, word.replace(",", ""))
    return digits.rstrip("0").rstrip(".") if re.fullmatch(r"\d+\.\d+", digits) else digits

"""What is generated: read by its language, accepted by its verifier, and never in both parts."""

from collections.abc import Iterator
from itertools import islice

import pytest

from envisions.records import Outcome
from envs.symbols.environment import SymbolsEnvironment
from envs.symbols.evol import can_evolve, evolved, original
from envs.symbols.generators.commands import phrases
from envs.symbols.generators.registry import GENERATORS, generator
from envs.symbols.names import STYLES
from envs.symbols.pairs import language_of

COUNT = 6


@pytest.fixture(scope="module")
def environment() -> Iterator[SymbolsEnvironment]:
    environment = SymbolsEnvironment()
    yield environment
    environment.close()


@pytest.mark.parametrize("name", GENERATORS)
def test_every_gold_is_accepted_under_every_name(name: str, environment: SymbolsEnvironment) -> None:
    for one in islice(generator(name)("train", 1), COUNT):
        assert environment.execute(one, one.answer).outcome is Outcome.accepted, (one.question, one.answer)
        for style in STYLES if can_evolve(one) else ():
            other = evolved(one, style, "test")
            assert original(other) == one
            assert language_of(other).parse(other.answer)
            assert environment.execute(other, other.answer).outcome is Outcome.accepted, (other.answer, style)


@pytest.mark.parametrize("name", GENERATORS)
def test_parts_are_apart_and_a_longer_list_begins_with_the_shorter_one(name: str) -> None:
    train, longer, test = (
        [one.question for one in islice(generator(name)(part, 3), count)]
        for part, count in (("train", 30), ("train", 40), ("test", 30))
    )
    assert longer[:30] == train
    assert not set(train) & set(test)
    assert len(set(longer)) > 20


def test_scan_has_all_its_commands() -> None:
    sides = len(phrases())
    assert (sides, sides + 2 * sides**2) == (102, 20_910)

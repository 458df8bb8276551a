"""From a text to the solver's answer in six domains; and texts that try to earn the reward without the work."""

from collections.abc import Iterator

import pytest
from symbols.cheats import BLOCKS, CHEATS, CLEVR, LABELLED, LETTERS, NOTHING, PLAIN, ROWS, STORY, UNKNOWN
from templated import program as templated

from envisions.records import Outcome, Problem
from envs.symbols.delegation import DOMAINS, posed
from envs.symbols.environment import SymbolsEnvironment

A_FEW, MANY = 2, 50


@pytest.fixture(scope="module")
def environment() -> Iterator[SymbolsEnvironment]:
    environment = SymbolsEnvironment()
    yield environment
    environment.close()


def right_text(problem: Problem) -> str:
    setup = problem.setup
    return templated(setup["context"], setup["asked"]) if setup["check"] == "label" else problem.answer


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_right_text_is_right_and_another_is_not(domain: str, environment: SymbolsEnvironment) -> None:
    each(domain, A_FEW, environment)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("domain", DOMAINS)
def test_fifty_items_of_every_domain(domain: str, environment: SymbolsEnvironment) -> None:
    each(domain, MANY, environment)


def each(domain: str, count: int, environment: SymbolsEnvironment) -> None:
    problems = posed(domain, count)
    for problem in problems:
        verdict = environment.execute(problem, right_text(problem))
        assert verdict.outcome is Outcome.accepted, (problem.question, right_text(problem), verdict.error)
        other = next(one for one in posed(domain, count + 20) if right_text(one) != right_text(problem))
        assert environment.execute(problem, right_text(other)).outcome is not Outcome.accepted


@pytest.mark.parametrize(("problem", "text"), [cheat[1:] for cheat in CHEATS], ids=[cheat[0] for cheat in CHEATS])
def test_a_cheat_earns_nothing(problem: Problem, text: str, environment: SymbolsEnvironment) -> None:
    verdict = environment.execute(problem, text)
    assert verdict.outcome.is_wrong, verdict


def test_there_are_thirty_cheats_and_the_honest_texts_beside_them_are_paid(environment: SymbolsEnvironment) -> None:
    assert len(CHEATS) >= 30
    honest = "def solution():\n    given = 5 * 3\n    return 23 - given"
    assert environment.execute(PLAIN, honest).outcome is Outcome.accepted
    for problem in (STORY, LETTERS, LABELLED, UNKNOWN, BLOCKS, CLEVR, ROWS):
        assert environment.execute(problem, right_text(problem)).outcome is Outcome.accepted


def test_luck_is_told_from_an_answer(environment: SymbolsEnvironment) -> None:
    lucky = environment.execute(CLEVR, NOTHING)
    assert lucky.evidence["measures"] == {"answer": True, "verified": False}

"""The world of symbol languages: prompts, verdicts, and problems that a checker cannot end."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from envisions.records import Feedback, Outcome, Problem
from envs.languages.registry import LANGUAGES
from envs.symbols import checker as checking
from envs.symbols.environment import SymbolsEnvironment
from envs.symbols.evol import original
from envs.symbols.folder import write_pairs
from envs.symbols.world import SymbolsConfig, SymbolSource, SymbolsWorld, instruction, load

SOURCE = SymbolSource(tasks=("scan",), count=20)
WORLD = SymbolsWorld(SymbolsConfig(train=SOURCE, test={"scan": SOURCE}), seed=1)


@pytest.fixture(scope="module")
def environment() -> Iterator[SymbolsEnvironment]:
    environment = SymbolsEnvironment()
    yield environment
    environment.close()


def a_pair() -> Problem:
    return WORLD.problems("train", 1)[0]


def test_gold_is_accepted_and_a_text_of_another_meaning_is_not(environment: SymbolsEnvironment) -> None:
    problem = a_pair()
    assert environment.execute(problem, problem.answer).outcome is Outcome.accepted
    assert environment.execute(problem, problem.answer.split()[0] + " I_WALK I_LOOK").outcome is Outcome.rejected
    broken = environment.execute(problem, "I_FLY")
    assert (broken.outcome, "I_FLY" in broken.error) == (Outcome.failed, True)
    assert environment.execute(problem, " ").outcome is Outcome.failed


def test_a_completion_is_read_as_the_text_it_was_made_of() -> None:
    problem = a_pair()
    assert WORLD.program(problem, WORLD.completion(problem, problem.answer)) == problem.answer
    assert WORLD.program(problem, f"Here it is:\n```\n{problem.answer}\n```") != ""
    assert WORLD.program(problem, f"```scan\n{problem.answer}\n```") == problem.answer


def test_a_prompt_defines_every_symbol_and_never_shows_the_gold() -> None:
    prompt = WORLD.prompt(a_pair())
    assert "I_TURN_LEFT (turn left)" in prompt
    assert a_pair().question in prompt
    assert a_pair().answer not in prompt
    mended = WORLD.refine_prompt(a_pair(), "I_FLY", Feedback(outcome=Outcome.rejected, error="it is wrong"))
    assert "I_FLY" in mended
    assert a_pair().answer not in mended


def test_every_language_has_its_instruction() -> None:
    for name in LANGUAGES:
        assert instruction(replace(a_pair(), setup={**a_pair().setup, "language": name})).endswith(".")


def test_an_evolved_set_is_the_plain_one_under_other_names() -> None:
    plain, other = load(SOURCE, "test"), load(SOURCE.model_copy(update={"evolved": 1.0}), "test")
    assert [original(one) for one in other] == plain
    assert all(one.setup["evolved"] for one in other)


def test_no_test_command_is_trained_on() -> None:
    assert not {one.question for one in WORLD.problems("train", 1)} & {
        one.question for one in WORLD.problems("scan", 1)
    }


def test_a_collection_is_read_as_it_was_written(tmp_path: Path) -> None:
    pairs = load(SOURCE, "train")
    write_pairs(tmp_path / "scan" / "train.parquet", pairs, {one.id: WORLD.prompt(one) for one in pairs})
    assert load(SymbolSource(path=tmp_path), "train") == pairs
    with pytest.raises(ValueError, match="holds no test pairs of task scan; run `envisions collect`"):
        load(SymbolSource(path=tmp_path, tasks=("scan",)), "test")


def test_a_check_that_does_not_end_is_killed_and_the_next_one_works(monkeypatch: pytest.MonkeyPatch) -> None:
    child = checking.Checker(wall=1)
    hanging = replace(a_pair(), setup={**a_pair().setup, "language": "hangs"})
    monkeypatch.setattr(checking, "MODULE", "symbols.hanging")
    monkeypatch.setitem(checking.ENVIRONMENT, "PYTHONPATH", f"{checking.ROOT}:{checking.ROOT}/tests")
    assert child.judge(hanging, "I_JUMP")["outcome"] == Outcome.timed_out
    child.wall = 60
    assert child.judge(a_pair(), a_pair().answer)["outcome"] == Outcome.accepted
    assert child.replaced == 2
    child.close()

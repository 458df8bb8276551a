"""A third of the environment workers is broken: what becomes of the solve rate and of the accepted programs."""

import itertools
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from scripted_run import Policy, ToyEnvironment, run_file
from test_why import train

from actors.memory import Memory
from actors.scripted import ScriptedLearner
from envisions.records import Feedback, Outcome, Problem
from envs.base import InfrastructureError
from pool.store import Store

WORKERS, BROKEN = 10, 3


class BrokenEnvironment(ToyEnvironment):
    def execute(self, problem: Problem, program: str) -> Feedback:
        raise InfrastructureError("no browser")


class FlakyEnvironment(ToyEnvironment):
    """Breaks at three programs of ten, whatever they are worth."""

    def execute(self, problem: Problem, program: str) -> Feedback:
        if crc32(program.encode()) % 10 < 3:
            raise InfrastructureError("no browser")
        return super().execute(problem, program)


def workers(broken: int) -> Callable[[], Any]:
    number = itertools.count()
    return lambda: BrokenEnvironment() if next(number) < broken else ToyEnvironment()


def outcomes(folder: Path, environment: Callable[[], Any]) -> tuple[Counter[str], set[str]]:
    """Attempts of the first iteration by outcome, and the accepted ones."""
    config = run_file(actors={"environment": {"count": WORKERS, "cores": 0.1}})
    config = config.model_copy(update={"world": config.world.model_copy(update={"problems": 30})})
    train(folder, config, Policy, environment, Memory, ScriptedLearner)
    with Store(folder / "memory.sqlite", read_only=True) as store:
        accepted = {
            str(t.key)
            for t in store.attempts(iterations=[1], kinds=("explore", "refine"))
            if t.feedback.outcome is Outcome.accepted
        }
        return Counter(store.counts(1)["outcomes"]), accepted


def test_broken_workers_change_nothing_that_is_accepted(tmp_path: Path) -> None:
    whole, accepted = outcomes(tmp_path / "whole", ToyEnvironment)
    hurt, accepted_too = outcomes(tmp_path / "hurt", workers(BROKEN))
    assert accepted
    assert (hurt, accepted_too) == (whole, accepted)


def test_where_no_call_is_made_again_rates_are_right_all_the_same_and_counting_breakage_as_wrong_is_biased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = outcomes(tmp_path / "whole", ToyEnvironment)
    monkeypatch.setattr("actors.fleet.ATTEMPTS", 1)
    monkeypatch.setattr("envisions.wiring.PASSES", 1)
    hurt, _ = outcomes(tmp_path / "hurt", FlakyEnvironment)
    spoiled = hurt.pop(Outcome.infra_failed)
    assert spoiled > 0.15 * hurt.total()
    rate, healthy = hurt[Outcome.accepted] / hurt.total(), whole[Outcome.accepted] / whole.total()
    error = math.sqrt(healthy * (1 - healthy) / hurt.total())
    assert abs(rate - healthy) < 3 * error
    as_if_wrong = hurt[Outcome.accepted] / (hurt.total() + spoiled)
    assert as_if_wrong < healthy - 2 * error

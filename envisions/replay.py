"""A stored attempt executed again, and everything that was observed then compared with what is observed now."""

import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from envisions import folder
from envisions.check import WAITING, feedback
from envisions.config import RunConfig
from envisions.records import AttemptKey, Feedback, Outcome, Trajectory
from envisions.worlds import WORLDS
from envs.base import Environment
from pool.store import Store

VOLATILE = ("recovered", "dispute")  # of evidence: what broke beside an episode, and what a judge had no time for


def replay(run_folder: Path, attempt: str = "", count: int = 0) -> Iterator[tuple[Trajectory, str]]:
    """Each replayed attempt with its first difference, or an empty text: the one named, or `count` drawn by lot.

    Raises LookupError, ValueError or StoreError, one line.
    """
    config = folder.config_of(run_folder)
    with Store(run_folder / "memory.sqlite", read_only=True) as store:
        chosen = [named(store, attempt)] if attempt else drawn(store, count)
    yield from differences(chosen, config)


def named(store: Store, attempt: str) -> Trajectory:
    key = AttemptKey.of(attempt)
    found = store.attempt(key)
    if found is None:
        raise LookupError(f"attempt {key} is not in memory; `envisions show` names those of a problem")
    return found


def drawn(store: Store, count: int) -> list[Trajectory]:
    """Attempts with a verdict, by lot but the same for the same memory; all of them when `count` is 0."""
    verdicts = [outcome for outcome in Outcome if outcome.is_verdict]
    keys = store.keys(verdicts)
    picked = random.Random(0).sample(keys, count) if 0 < count < len(keys) else keys
    return [found for key in picked if (found := store.attempt(key)) and found.program]


def differences(attempts: Sequence[Trajectory], config: RunConfig) -> Iterator[tuple[Trajectory, str]]:
    """Each attempt with its first difference, in order; each is executed anew, several at once."""
    environment = WORLDS[config.world.name].environment(config.world, config.sandbox)
    with closing(environment), ThreadPoolExecutor(config.sandbox.parallel + WAITING, "replay") as threads:
        yield from zip(attempts, threads.map(lambda t: difference(t, environment), attempts), strict=True)


def difference(attempt: Trajectory, environment: Environment) -> str:
    """The first observation that is not as it was then; empty when all are."""
    return first_difference(attempt.feedback, feedback(environment, attempt.problem, attempt.program))


def first_difference(then: Feedback, now: Feedback) -> str:
    """Such as `evidence.actions.1.dom was "4f0c", now "9a2e"`; empty when there is none. Time plays no part."""
    old, new = dict(observations(then)), dict(observations(now))
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name) != new.get(name):
            return f"{name} was {told(old, name)}, now {told(new, name)}"
    return ""


def observations(feedback: Feedback) -> Iterator[tuple[str, Any]]:
    """Everything an environment saw, by name, in the order it was seen; the verdict last."""
    evidence = {name: value for name, value in feedback.evidence.items() if name not in VOLATILE}
    yield from leaves("evidence", json.loads(json.dumps(evidence)))
    yield "output", feedback.output
    yield "error", feedback.error
    yield "outcome", feedback.outcome.value


def leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The single values of nested JSON, by their paths."""
    if isinstance(value, dict | list) and value:
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in parts:
            yield from leaves(f"{name}.{key}", part)
    else:
        yield name, value


def told(seen: dict[str, Any], name: str) -> str:
    return f"{json.dumps(seen[name]):.200}" if name in seen else "not there"

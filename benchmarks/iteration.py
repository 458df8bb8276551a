"""What an iteration does with its time: sampling, training, loading, and the rest, which is orchestration."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from training import Say, lessons

from actors.generator import Generator
from envisions.activity import Activity
from envisions.config import RunConfig
from envisions.records import IterationReport
from envisions.wiring import LiveParts, checked

FEWEST_LESSONS = 64  # a model that finds fewer right programs is taught drafts, so that there is something to time


async def iteration(run: RunConfig, folder: Path, say: Say) -> dict[str, Any]:
    """One iteration with all real parts; seconds of each stage and what engine and learner did meanwhile.

    "engine": at least one request was running. "learner": between the first and the last optimizer step.
    """
    stages: dict[str, dict[str, float]] = {}
    parts = LiveParts(run, checked(run), folder, Activity())

    @asynccontextmanager
    async def stage(name: str) -> AsyncIterator[None]:
        say(name)
        engine, start = await engine_seconds(parts), time.perf_counter()
        yield
        seconds = time.perf_counter() - start
        stages[name] = {"seconds": seconds, "engine": await engine_seconds(parts) - engine, "learner": 0.0, "load": 0.0}

    say("all actors start")
    await parts.start()
    try:
        await parts.load(parts.base)
        await parts.evaluate(0, parts.base)  # as in a run, and it warms everything up
        start = time.perf_counter()
        async with stage("explore"):
            async for _ in parts.explore(await parts.problems(1), 1, parts.base):
                pass
        async with stage("select"):
            chosen = await parts.lessons(1, parts.base)
        found = len(chosen)
        if found < FEWEST_LESSONS:
            chosen = [*chosen, *lessons(run, FEWEST_LESSONS)]
        async with stage("learn"):
            trained = await parts.learn(chosen, 1, parts.base)
        async with stage("load"):
            await parts.load(trained.weights)
        async with stage("evaluate"):
            accuracy = await parts.evaluate(1, trained.weights)
        async with stage("commit"):
            report = await parts.commit(IterationReport(iteration=1, weights=trained.weights, accuracy=accuracy))
        wall = time.perf_counter() - start
    finally:
        await parts.close()
    stages["learn"]["learner"] = trained.seconds
    stages["load"]["load"] = stages["load"]["seconds"]
    between = wall - sum(each["seconds"] for each in stages.values())  # our own questions to the generator
    stages["between"] = {"seconds": between, "engine": 0.0, "learner": 0.0, "load": 0.0}
    for each in stages.values():
        each["rest"] = each["seconds"] - each["engine"] - each["learner"] - each["load"]
    rest = sum(each["rest"] for each in stages.values())
    return {
        "seconds": wall,
        "share": rest / wall,
        "share_without_learner_set_up": (rest - stages["learn"]["rest"]) / wall,
        "stages": stages,
        "attempts": report.attempts,
        "lessons": {"found": found, "taught": len(chosen)},
        "tokens": {"sampled": report.tokens["sampled"], "trained": trained.tokens},
    }


async def engine_seconds(parts: LiveParts) -> float:
    """Seconds so far in which the engine was running at least one request."""
    status = await parts.generators.call(Generator.status)
    return float(str(status["seconds"]))

"""What a weight update costs: Generator.load through its actor against the calls that vLLM itself asks for."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from training import Say, apart

from actors.engine import EngineConfig, _arguments, _environment
from actors.fleet import launch
from actors.generator import Generator
from envisions.config import RunConfig
from envisions.records import Weights
from learner import canary
from learner.base import adopt
from learner.weights import fingerprint


class TimedGenerator(Generator):
    """The generator with a stopwatch: seconds of the last update's parts."""

    def laps(self) -> dict[str, float]:
        return self._laps

    def _check_files(self) -> None:
        self._begun = time.perf_counter()
        super()._check_files()
        self._files = time.perf_counter()

    async def _check_canaries(self) -> None:
        reloaded = time.perf_counter()
        await super()._check_canaries()
        self._laps = {
            "fingerprint": self._files - self._begun,
            "reload": reloaded - self._files,
            "canaries": time.perf_counter() - reloaded,
        }


async def update(run: RunConfig, folder: Path, loads: int, say: Say) -> dict[str, Any]:
    """Seconds of Generator.load through its actor, and of the bare calls of vLLM, on two models in turns."""
    first = adopt(run.run.model, folder / "weights")
    with apart() as run_apart:
        second = run_apart(changed, first, folder / "changed")
    models = [second, first]
    say("the actor's engine starts")
    generators = launch("generator", TimedGenerator, (run.engine, first), run.actors.generator)
    laps: list[dict[str, float]] = []
    try:
        await generators.ready()
        for number in range(loads + 1):
            say(f"load {number} of {loads}")
            start = time.perf_counter()
            await generators.call_each(Generator.load, models[number % 2])
            whole = time.perf_counter() - start
            laps.append({"whole": whole, **await generators.call(TimedGenerator.laps)})
    finally:
        await generators.close()
    say("bare vLLM")
    with apart() as run_apart:
        bare = run_apart(bare_update, run.engine, [model.path for model in models], loads)
    through = {name: median(lap[name] for lap in laps[1:]) for name in laps[0]}
    through["message"] = through["whole"] - sum(seconds for name, seconds in through.items() if name != "whole")
    alone = {name: median(lap[name] for lap in bare[1:]) for name in bare[0]}
    return {
        "loads": loads,
        "seconds": {"actor": through, "bare": alone},
        "ratio": {"actor": through["whole"] / alone["whole"], "reload_only": through["reload"] / alone["whole"]},
    }


def changed(weights: Weights, folder: Path) -> Weights:
    """The same model with every tensor a little larger, and with canaries of its own."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(weights.path, dtype="float32")
    for parameter in model.parameters():
        parameter.data *= 1.01
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(weights.path).save_pretrained(folder)
    canary.write(folder, canary.measure(folder))
    return replace(weights, version=1, path=str(folder), fingerprint=fingerprint(folder))


def bare_update(config: EngineConfig, folders: Sequence[str], loads: int) -> list[dict[str, float]]:
    """Seconds of the bare calls, one by one."""
    os.environ.update(_environment(config))
    from vllm import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    async def measure() -> list[dict[str, float]]:
        llm = AsyncLLM.from_engine_args(AsyncEngineArgs(**_arguments(config, folders[-1])))
        laps = []
        for number in range(loads + 1):
            folder = folders[number % 2]
            marks = [time.perf_counter()]
            await llm.pause_generation(mode="abort")
            marks.append(time.perf_counter())
            await llm.collective_rpc("reload_weights", kwargs={"weights_path": folder})
            marks.append(time.perf_counter())
            await llm.reset_prefix_cache()
            marks.append(time.perf_counter())
            await llm.resume_generation()
            marks.append(time.perf_counter())
            steps = zip(("pause", "reload_weights", "reset_prefix_cache", "resume"), pairwise(marks), strict=True)
            laps.append({"whole": marks[-1] - marks[0], **{name: end - start for name, (start, end) in steps}})
        llm.shutdown()
        return laps

    return asyncio.run(measure())

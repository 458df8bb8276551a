"""What actors and service cost a generator: the same requests through all of them and through vLLM alone.

Both engines are up at the same time, but only ever one of them works; they take turns, so that a machine that gets
slower slows both.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import cache, partial
from pathlib import Path
from statistics import mean, median
from typing import Any

from training import Say, apart

from actors.engine import EngineConfig, Sampling, _arguments, _environment
from actors.environment import EnvironmentWorker
from actors.fleet import Fleet, launch
from actors.generator import Generator
from actors.memory import Memory
from actors.reward import RewardService
from envisions.config import RunConfig
from envisions.records import AttemptKey, Feedback, Outcome, Problem, Weights
from envs.math.environment import MathEnvironment
from envs.math.sources import SourceConfig, load
from envs.math.world import MathWorld
from learner.base import adopt

GOAL = 0.8
NAME = "benchmark"
SEED = 37  # of the stories; no run file draws from it
Tokens = dict[tuple[str, int], tuple[int, ...]]  # by problem and slot


class InstantEnvironment:
    """Says at once that a program is wrong, so that generation is all that takes time."""

    def start(self) -> dict[str, Any]:
        return {}

    def execute(self, problem: Problem, program: str) -> Feedback:
        return Feedback(outcome=Outcome.rejected)

    def close(self) -> None: ...


async def generation(run: RunConfig, folder: Path, count: int, rounds: int, say: Say) -> dict[str, Any]:
    """Sampled tokens/s of `count` problems a round; `identical` says how many samples were the same token for token."""
    stories = load(SourceConfig(name="stories", count=2 * (rounds + 1) * count, seed=SEED), "train")
    parts = (stories[i : i + count] for i in range(0, len(stories), count))
    weights = adopt(run.run.model, folder / "weights")
    world = MathWorld(run.world, run.run.seed)
    figures: dict[str, list[float]] = {name: [] for name in ("bare", "bare_all_cores", "actors", "actors_and_sandbox")}
    lengths, same = [], 0
    async with AsyncExitStack() as stack:
        memory, services = await fleets(run, world, weights, folder, stack)
        bare = partial(bare_samples, stack.enter_context(apart()), run, run.engine, weights, world)
        cores = run.engine.model_copy(update={"threads": len(os.sched_getaffinity(0))})  # nobody else wants them there
        bare_all_cores = partial(bare_samples, stack.enter_context(apart()), run, cores, weights, world)
        for number in range(rounds + 1):
            say(f"round {number} of {rounds}" if number else "engines start and warm up")
            problems = next(parts)
            through = await explore(services["actors"], problems, run)
            rate, alone = await asyncio.to_thread(bare, problems)
            rate_all_cores, _ = await asyncio.to_thread(bare_all_cores, problems)
            sandbox = await explore(services["actors_and_sandbox"], next(parts), run)
            if number == 0:
                continue
            sampled = await samples(memory, problems)
            same += sum(tokens == alone[key] for key, tokens in sampled.items())
            lengths += [len(tokens) for tokens in sampled.values()]
            for each, measured in zip(figures.values(), (rate, rate_all_cores, through, sandbox), strict=True):
                each.append(measured)
    return {
        "requests_a_round": count * run.explore.samples,
        "mean_tokens": mean(lengths),
        "identical": [same, len(lengths)],
        "tokens_per_second": {name: median(rates) for name, rates in figures.items()},
        "ratio": {
            name: median(a / b for a, b in zip(figures[name], figures["bare"], strict=True))
            for name in figures
            if name != "bare"
        },
        "goal": {"actors": GOAL},
        "rounds": figures,
    }


async def fleets(
    run: RunConfig, world: MathWorld, weights: Weights, folder: Path, stack: AsyncExitStack
) -> tuple[Fleet, dict[str, Fleet]]:
    """Memory, and a service for each environment: the instant one and the sandbox. One generator serves both."""

    def start(name: str, cls: type, args: tuple[Any, ...]) -> Fleet:
        fleet = launch(name, cls, args, getattr(run.actors, name.split("-")[0]))
        stack.push_async_callback(fleet.close)
        return fleet

    memory = start("memory", Memory, (str(folder / "memory.sqlite"), world, run.select))
    generators = start("generator", Generator, (run.engine, weights))
    config = run.explore.model_copy(update={"refine": False})
    services = {}
    builds: dict[str, Callable[[], Any]] = {
        "actors": InstantEnvironment,
        "actors_and_sandbox": partial(MathEnvironment, run.sandbox),
    }
    for name, build in builds.items():
        environments = start(f"environment-{name}", EnvironmentWorker, (build,))
        rest = (world, generators, environments, memory, config, NAME, run.run.seed, run.evaluate)
        services[name] = start(f"service-{name}", RewardService, rest)
        await environments.ready()
    await asyncio.gather(*(fleet.ready() for fleet in (memory, generators, *services.values())))
    return memory, services


async def explore(service: Fleet, problems: Sequence[Problem], run: RunConfig) -> float:
    """Tokens/s through the service, driven as the loop drives it."""
    tokens, start = 0, time.perf_counter()
    window = run.explore.in_flight * len(service)
    slots = range(run.explore.samples)
    async for _, progress in service.map(RewardService.explore, problems, 1, 0, slots, window=window):
        if isinstance(progress, Exception):
            raise progress
        tokens += progress.tokens
    return tokens / (time.perf_counter() - start)


async def samples(memory: Fleet, problems: Sequence[Problem]) -> Tokens:
    """What memory holds of these problems."""
    attempts = await asyncio.gather(*(memory.call(Memory.attempts, problem.id) for problem in problems))
    return {(t.key.problem, t.key.slot): t.candidate.tokens for each in attempts for t in each}


def bare_samples(
    run_apart: Callable[..., Any],
    run: RunConfig,
    engine: EngineConfig,
    weights: Weights,
    world: MathWorld,
    problems: Sequence[Problem],
) -> tuple[float, Tokens]:
    """Tokens/s and tokens of the requests that the service makes for these problems, given to vLLM all at once."""
    slots = range(run.explore.samples)
    keys = [AttemptKey(NAME, 1, problem.id, slot, "explore") for problem in problems for slot in slots]
    prompts = {problem.id: world.prompt(problem) for problem in problems}
    requests = [(prompts[key.problem], key.seed(run.run.seed)) for key in keys]
    seconds, tokens = run_apart(bare_generate, engine, weights.path, requests, sampling(run))
    return sum(map(len, tokens)) / seconds, {(k.problem, k.slot): each for k, each in zip(keys, tokens, strict=True)}


def sampling(run: RunConfig) -> Sampling:
    explore = run.explore
    return Sampling(temperature=explore.temperature, top_p=explore.top_p, max_tokens=explore.max_tokens)


@cache
def bare_engine(config: EngineConfig, folder: str) -> Any:
    os.environ.update(_environment(config))
    from vllm import LLM

    return LLM(**_arguments(config, folder))


def bare_generate(
    config: EngineConfig, folder: str, requests: Sequence[tuple[str, int]], sampling: Sampling
) -> tuple[float, list[tuple[int, ...]]]:
    """vllm.LLM.generate, texts in and texts out; seconds of that call alone."""
    llm = bare_engine(config, folder)
    from vllm import SamplingParams

    common: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
    }
    params = [SamplingParams(seed=seed, logprobs=0, **common) for _, seed in requests]
    start = time.perf_counter()
    outputs = llm.generate([prompt for prompt, _ in requests], params, use_tqdm=False)
    return time.perf_counter() - start, [tuple(output.outputs[0].token_ids) for output in outputs]

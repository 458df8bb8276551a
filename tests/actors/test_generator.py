"""The generator with real vLLM. One engine serves almost all tests: a start takes 15 to 30 s."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from builders import tiny_model

from actors.generator import EngineConfig, Generator, PromptTooLong, Sampling, StaleWeights, State
from envisions.records import Candidate, Example, Weights
from envs.base import InfrastructureError
from learner import canary
from learner.batches import encode
from learner.losses import completion_logprobs
from learner.weights import fingerprint

CONFIG = EngineConfig(max_length=256, max_sequences=64, kv_cache_gib=0.25, deadline=60)
PROMPT = "A farmer has 12 hens and buys 7 more, then 3 more and 5 more. How many hens are there now?\n"
TEXTS = [Example(id=str(i), prompt=PROMPT + "?" * i, completion=f"return {i} + 12\n") for i in range(12)]
Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Weights]:
    """Three models; the checkpoint of the first asks for short answers."""
    root = tmp_path_factory.mktemp("models")
    folders = [
        tiny_model(root / str(seed), seed=seed, width=128) for seed in range(3)
    ]  # heads of 32: vLLM on a CPU has no 16
    asked = folders[0] / "generation_config.json"
    asked.write_text(json.dumps(json.loads(asked.read_text()) | {"max_new_tokens": 8, "temperature": 0.1}))
    for folder in folders[1:]:
        canary.write(folder, canary.measure(folder))
    return [weights(folder, version) for version, folder in enumerate(folders)]


@pytest.fixture(scope="module")
def generator(run: Run, models: list[Weights], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generator]:
    pointer = tmp_path_factory.mktemp("run") / "current.json"
    pointer.write_text(json.dumps({name: getattr(models[0], name) for name in Weights.__slots__}))
    built = Generator(CONFIG, str(pointer))
    run(built.start())
    yield built
    assert all(psutil.pid_exists(pid) for pid in built.engine.pids)
    run(built.close())
    assert not any(psutil.pid_exists(pid) for pid in built.engine.pids)


@pytest.fixture
def fresh(run: Run, generator: Generator, models: list[Weights]) -> Generator:
    """The shared generator with the first model in it."""
    run(generator.load(models[0]))
    return generator


def weights(folder: Path, version: int) -> Weights:
    return Weights(version=version, path=str(folder), fingerprint=fingerprint(folder))


def altered(source: str, folder: Path, name: str = "model.layers.1.mlp.down_proj.weight") -> Path:
    """A copy of a model folder with one tensor changed and everything else, canaries too, as it was."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, folder)
    tensors = load_file(folder / "model.safetensors")
    tensors[name] = tensors[name] * 1.05
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


async def draw(generator: Generator, jobs: list[tuple[str, int]], together: int, **how: Any) -> dict[Any, Candidate]:
    sampling = Sampling(**{"max_tokens": 24, **how})
    drawn = {}
    for i in range(0, len(jobs), together):
        part = jobs[i : i + together]
        candidates = await asyncio.gather(*(generator.sample(prompt, seed, sampling) for prompt, seed in part))
        drawn |= dict(zip(part, candidates, strict=True))
    return drawn


def reference(folder: str, examples: list[Example]) -> list[float]:
    """Mean token log-probs by plain transformers."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    each = [completion_logprobs(model, encode(tokenizer, e.prompt, e.completion)) for e in examples]
    return [sum(logprobs) / len(logprobs) for logprobs in each]


def test_samples_depend_on_prompt_and_seed_alone(run: Run, fresh: Generator) -> None:
    jobs = [(PROMPT + "!" * (i % 8), 2**62 + i) for i in range(40)]
    together = run(draw(fresh, jobs, 40))
    few = run(draw(fresh, jobs[::-1], 7))
    assert {job: c.tokens for job, c in together.items()} == {job: c.tokens for job, c in few.items()}
    assert max(abs(together[job].logprob - few[job].logprob) for job in jobs) < 1e-6
    assert len({c.tokens for c in together.values()}) == len(jobs)


def test_candidates_say_what_they_are(run: Run, fresh: Generator) -> None:
    drawn = list(run(draw(fresh, [(PROMPT, seed) for seed in range(30)], 30, max_tokens=60)).values())
    eos = fresh._tokenizer.eos_token_id
    assert {c.weights for c in drawn} == {0}
    assert {c.finish for c in drawn} == {"stop", "length"}
    for c in drawn:
        assert (c.tokens[-1] == eos) == (c.finish == "stop")
        assert c.text == fresh._tokenizer.decode(c.tokens, skip_special_tokens=True)
        assert c.logprob < 0


def test_log_probs_are_those_of_the_distribution_drawn_from(run: Run, fresh: Generator) -> None:
    """At temperature 1 scoring agrees; a lower temperature makes likely tokens likelier; greedy repeats itself."""
    at_one = run(draw(fresh, [(PROMPT, seed) for seed in range(20)], 20))
    scores = [run(fresh.engine.score(fresh._encode(PROMPT) + c.tokens, len(c.tokens))) for c in at_one.values()]
    gaps = [abs(sum(s) / len(s) - c.logprob) for s, c in zip(scores, at_one.values(), strict=True)]
    assert max(gaps) < 1e-5
    cold = run(draw(fresh, [(PROMPT, seed) for seed in range(20)], 20, temperature=0.5))
    assert mean(cold) > mean(at_one)
    greedy = run(draw(fresh, [(PROMPT, seed) for seed in range(3)], 3, temperature=0.0))
    assert len({c.tokens for c in greedy.values()}) == 1


def mean(drawn: dict[Any, Candidate]) -> float:
    return sum(c.logprob for c in drawn.values()) / len(drawn)


def test_a_stop_text_ends_a_completion_and_is_left_out(run: Run, fresh: Generator) -> None:
    whole = run(fresh.sample(PROMPT, 1, Sampling(max_tokens=20)))
    stop = whole.text[4:6]
    cut = run(fresh.sample(PROMPT, 1, Sampling(max_tokens=20, stop=(stop,))))
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish == "stop"


def test_scores_agree_with_a_plain_forward_pass(run: Run, fresh: Generator) -> None:
    scores = run(fresh.score(TEXTS))
    expected = reference(fresh.weights.path, TEXTS)
    assert max(abs(a - b) for a, b in zip(scores, expected, strict=True)) < 1e-5


def test_the_lengths_of_the_checkpoint_cap_nothing(run: Run, fresh: Generator) -> None:
    lengths = [len(c.tokens) for c in run(draw(fresh, [(PROMPT, s) for s in range(8)], 8, max_tokens=32)).values()]
    assert max(lengths) == 32


def test_a_prompt_that_does_not_fit_is_refused_and_a_text_that_does_not_fit_scores_minus_infinity(
    run: Run, fresh: Generator
) -> None:
    long = "12 + " * 200
    with pytest.raises(PromptTooLong, match=r"the prompt has \d+ tokens; engine.max_length is 256"):
        run(fresh.sample(long, 0, Sampling()))
    full = run(fresh.sample("1" * 250, 0, Sampling(max_tokens=50)))
    assert full.finish == "length"
    fits = run(fresh.score([TEXTS[0], Example(id="long", prompt=PROMPT, completion=long)]))
    assert fits[0] > -100
    assert fits[1] == float("-inf")


def test_an_update_changes_the_scores_and_leaves_no_keys_of_the_old_weights(
    run: Run, fresh: Generator, models: list[Weights]
) -> None:
    jobs = [(PROMPT, seed) for seed in range(10)]
    before = run(draw(fresh, jobs, 10))  # puts the prompt's keys and values into the cache
    for new in (models[1], models[0], models[2]):
        run(fresh.load(new))
        drawn = run(draw(fresh, jobs, 10))
        assert {c.weights for c in drawn.values()} == {new.version}
        scores = run(fresh.score(TEXTS))
        assert max(abs(a - b) for a, b in zip(scores, reference(new.path, TEXTS), strict=True)) < 1e-5
        rescored = [run(fresh.engine.score(fresh._encode(PROMPT) + c.tokens, len(c.tokens))) for c in drawn.values()]
        gaps = [abs(sum(s) / len(s) - c.logprob) for s, c in zip(rescored, drawn.values(), strict=True)]
        assert max(gaps) < 1e-5
    run(fresh.load(models[0]))
    assert {j: c.tokens for j, c in run(draw(fresh, jobs, 10)).items()} == {j: c.tokens for j, c in before.items()}


def test_requests_in_flight_end_under_the_weights_they_began_with(
    run: Run, fresh: Generator, models: list[Weights]
) -> None:
    jobs = [(PROMPT, seed) for seed in range(60)]
    alone = run(draw(fresh, jobs, 60, max_tokens=100))

    async def update_amid() -> tuple[Any, Any]:
        early = asyncio.gather(*(fresh.sample(p, s, Sampling(max_tokens=100)) for p, s in jobs))
        await asyncio.sleep(0.05)
        loading = asyncio.create_task(fresh.load(models[1]))
        await asyncio.sleep(0)
        late = await fresh.sample(PROMPT, 0, Sampling(max_tokens=5), 1)
        await loading
        return await early, late

    early, late = run(update_amid())
    assert [c.tokens for c in early] == [c.tokens for c in alone.values()]
    assert {c.weights for c in early} == {0}
    assert late.weights == 1


def test_only_the_version_asked_for_is_served(run: Run, fresh: Generator) -> None:
    assert run(fresh.sample(PROMPT, 0, Sampling(max_tokens=2), 0)).weights == 0
    with pytest.raises(StaleWeights, match="with weights 0, asked for 3"):
        run(fresh.sample(PROMPT, 0, Sampling(max_tokens=2), 3))


def test_one_wrong_tensor_in_the_engine_is_caught_and_nothing_is_served_until_a_good_load(
    run: Run, fresh: Generator, models: list[Weights], tmp_path: Path
) -> None:
    run(fresh.load(models[1]))
    wrong = altered(models[1].path, tmp_path / "wrong")
    run(fresh.engine._llm.collective_rpc("reload_weights", kwargs={"weights_path": str(wrong)}))  # behind its back
    with pytest.raises(StaleWeights, match="canary log-probs under weights 1 are off by"):
        run(fresh.attest())
    assert fresh.state is State.stale
    for refused in (fresh.sample(PROMPT, 0, Sampling()), fresh.score(TEXTS)):
        with pytest.raises(StaleWeights, match="load them first"):
            run(refused)
    run(fresh.load(models[1]))
    assert fresh.status()["state"] == "serving"
    assert run(fresh.sample(PROMPT, 0, Sampling(max_tokens=2))).weights == 1


def test_a_folder_that_pretends_to_be_another_is_caught(
    run: Run, fresh: Generator, models: list[Weights], tmp_path: Path
) -> None:
    """Canaries of the right model and tensors of another: by its fingerprint, and by what it computes."""
    wrong = altered(models[1].path, tmp_path / "wrong")
    with pytest.raises(StaleWeights, match="the files were changed"):
        run(fresh.load(Weights(version=1, path=str(wrong), fingerprint=models[1].fingerprint)))
    with pytest.raises(StaleWeights, match="canary log-probs"):
        run(fresh.load(weights(wrong, 1)))
    with pytest.raises(StaleWeights, match="cannot be read"):
        run(fresh.load(Weights(version=1, path=str(tmp_path / "nowhere"), fingerprint="")))
    assert fresh.state is State.stale


def test_a_probe_is_quick_and_the_status_counts(run: Run, fresh: Generator) -> None:
    before = fresh.status()
    drawn = run(draw(fresh, [(PROMPT, seed) for seed in range(5)], 5))
    run(fresh.score(TEXTS))
    after = fresh.status()
    assert run(fresh.probe()) < 5
    sampled = after["tokens"]["sampled"] - before["tokens"]["sampled"]  # type: ignore[index]
    assert sampled == sum(len(c.tokens) for c in drawn.values())
    assert after["tokens"]["scored"] > before["tokens"]["scored"]  # type: ignore[index]
    assert after["seconds"] > before["seconds"]  # type: ignore[operator]
    assert (after["running"], after["version"], after["state"]) == (0, 0, "serving")


SECOND = """
import sys, time
from actors.generator import EngineConfig, Generator
if __name__ == "__main__":
    generator = Generator(EngineConfig(max_length=256, kv_cache_gib=0.25), sys.argv[1])
    print(generator.engine.pids[0], flush=True)
    time.sleep(300)
"""


def test_no_engine_outlives_a_killed_generator(models: list[Weights], tmp_path: Path) -> None:
    script, pointer = tmp_path / "second.py", tmp_path / "current.json"
    script.write_text(SECOND)
    pointer.write_text(json.dumps({name: getattr(models[1], name) for name in Weights.__slots__}))
    path = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, str(script), str(pointer)], stdout=subprocess.PIPE, text=True, env=os.environ | path
    ) as owner:
        assert owner.stdout is not None
        engine = psutil.Process(int(owner.stdout.readline()))
        owner.kill()
    gone, _ = psutil.wait_procs([engine], 10)
    assert gone == [engine]


def test_the_death_of_the_engine_reaches_every_waiting_call_at_once(run: Run, models: list[Weights]) -> None:
    second = Generator(CONFIG, models[1])
    run(second.start())

    async def kill() -> tuple[list[Any], float]:
        calls = [second.sample(PROMPT, seed, Sampling(max_tokens=150)) for seed in range(200)]
        waiting = asyncio.gather(*calls, return_exceptions=True)
        loading = asyncio.create_task(second.load(models[1]))
        await asyncio.sleep(0.1)
        os.kill(second.engine.pids[0], signal.SIGKILL)
        start = time.monotonic()
        results = [*await waiting, *await asyncio.gather(loading, return_exceptions=True)]
        return results, time.monotonic() - start

    results, seconds = run(kill())
    assert seconds < 5
    assert all(isinstance(r, Candidate | InfrastructureError) for r in results)
    assert isinstance(results[-1], InfrastructureError)
    assert sum(isinstance(r, InfrastructureError) for r in results) > 50
    assert second.state is State.dead
    for call in (second.sample(PROMPT, 0, Sampling()), second.score(TEXTS), second.probe(), second.load(models[1])):
        with pytest.raises(InfrastructureError):
            run(call)
    run(second.close())

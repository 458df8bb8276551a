"""Real DeepSpeed on CPU ranks: this process is a learner of one rank; two ranks are two processes."""

import math
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch
from builders import tiny_examples, tiny_model, tiny_pairs
from safetensors.torch import load_file
from transformers import AutoTokenizer

from envisions.records import Example
from learner import batches, canary
from learner.batches import encode, micro_batches
from learner.engine import LearnConfig, LearnerRank, TrainResult
from learner.weights import check_folder, fingerprint

SPAWN = multiprocessing.get_context("spawn")
SMALL = {
    "rate": 3e-3,
    "examples_per_step": 12,
    "row_length": 128,
    "micro_batch_tokens": 256,
    "precision": "fp32",
    "threads": 1,
    "clip": 1.0,
    "deadline": 120,
}


def config(**fields: Any) -> LearnConfig:
    return LearnConfig(**{**SMALL, **fields})


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def joined(base: Path) -> Iterator[None]:
    """Makes this process a world of one rank, for all tests here."""
    rank = LearnerRank(config(), str(base))
    rank.join(*rank.rendezvous("127.0.0.1"))
    yield
    rank.close()


def train(base: Path, folder: Path, examples: list[Example] | None = None, **fields: Any) -> TrainResult:
    rank = LearnerRank(config(**fields), str(base))
    return rank.train(examples or tiny_examples(40), version=1, folder=str(folder), seed=7)


def gap(one: Path, other: Path) -> float:
    """The largest difference of any weight of two model folders."""
    a, b = (load_file(folder / "model.safetensors") for folder in (one, other))
    assert a.keys() == b.keys()
    return max((a[name].float() - b[name].float()).abs().max().item() for name in a)


MIXED = [*tiny_examples(12), *tiny_pairs(9)]
PREFER = {"dpo": {"rate": 1e-3, "examples_per_step": 4, "epochs": 2}}


def one_of_two_ranks(rank: int, pipe: Connection, base: Path, folder: Path) -> None:
    """Trains with every ZeRO stage, one after the other, in one process group."""
    learner = LearnerRank(config(), str(base), rank, world_size=2)
    if rank == 0:
        place = learner.rendezvous("127.0.0.1")
        pipe.send(place)
    else:
        place = pipe.recv()
    learner.join(*place)
    for zero in range(4):
        learner.config = config(zero=zero)
        result = learner.train(tiny_examples(40), version=1, folder=str(folder / f"zero{zero}"), seed=7)
        pipe.send(result)
    for zero in (0, 3):
        learner.config = config(zero=zero, row_length=256, **PREFER)
        pipe.send(learner.train(MIXED, version=1, folder=str(folder / f"pairs{zero}"), seed=7))
    learner.close()


def test_one_and_two_ranks_with_every_zero_stage_learn_the_same(joined: None, base: Path, tmp_path: Path) -> None:
    ours, theirs = zip(*(SPAWN.Pipe() for _ in range(2)), strict=True)
    ranks = [SPAWN.Process(target=one_of_two_ranks, args=(r, theirs[r], base, tmp_path / "two")) for r in range(2)]
    for process in ranks:
        process.start()
    try:
        assert ours[0].poll(60)
        ours[1].send(ours[0].recv())
        one = {zero: train(base, tmp_path / f"one{zero}", zero=zero) for zero in range(4)}
        for zero in range(4):
            for pipe in ours:
                assert pipe.poll(90)
                two = pipe.recv()
                assert two.loss == pytest.approx(one[0].loss, abs=1e-4), zero
                assert two.steps == one[0].steps
            assert one[zero].loss == pytest.approx(one[0].loss, abs=1e-4)
            assert gap(tmp_path / "one0", tmp_path / f"one{zero}") < 1e-4, zero
            assert gap(tmp_path / "one0", tmp_path / "two" / f"zero{zero}") < 1e-4, zero
        assert gap(tmp_path / "one0", base) > 5e-3
        alone = train(base, tmp_path / "pairs", MIXED, row_length=256, **PREFER)
        for zero in (0, 3):
            for pipe in ours:
                assert pipe.poll(90)
                two = pipe.recv()
                assert two.loss == pytest.approx(alone.loss, abs=1e-4), zero
                assert two.steps == alone.steps
            assert gap(tmp_path / "pairs", tmp_path / "two" / f"pairs{zero}") < 1e-4, zero
    finally:
        for process in ranks:
            process.join(20)
            process.kill()


def test_the_token_batch_of_every_step_can_be_made_again_from_the_names_of_its_examples(
    joined: None, base: Path, tmp_path: Path
) -> None:
    examples = {example.id: example for example in tiny_examples(40)}
    result = train(base, tmp_path / "new")
    tokenizer = AutoTokenizer.from_pretrained(base)
    assert len(result.batches) == len(result.steps) == 4
    for (_, ids), made in zip(result.steps, result.batches, strict=True):
        texts = [encode(tokenizer, examples[name].prompt, examples[name].completion) for name in ids]
        again = micro_batches(texts, row_length=128, tokens=256)
        assert batches.joined([batches.digest(again)]) == made
        other = micro_batches(texts[1:], row_length=128, tokens=256)
        assert batches.joined([batches.digest(other)]) != made


def test_what_is_written_is_an_ordinary_model_folder(joined: None, base: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    result = train(base, tmp_path / "new")
    folder = Path(result.weights.path)
    check_folder(folder)
    assert result.weights.fingerprint == fingerprint(folder) != fingerprint(base)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new"]
    assert (folder / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.dtype == torch.float32
    assert model.generation_config.max_new_tokens is None
    assert AutoTokenizer.from_pretrained(folder).eos_token == "</s>"
    assert canary.difference(canary.read(folder), [c.logprobs for c in canary.measure(folder)]) < 1e-6
    assert canary.difference(canary.read(folder), [c.logprobs for c in canary.measure(base)]) > 1e-2
    assert result.loss[-1] < result.loss[0] - 0.5


def test_every_example_is_used_once_an_epoch_in_whatever_order_they_come(
    joined: None, base: Path, tmp_path: Path
) -> None:
    examples = tiny_examples(40)
    result = train(base, tmp_path / "a", examples, epochs=2)
    assert [number for number, _ in result.steps] == list(range(len(result.loss)))
    seen = [id for _, ids in result.steps for id in ids]
    assert sorted(seen) == sorted([example.id for example in examples] * 2)
    assert train(base, tmp_path / "b", examples[::-1], epochs=2).weights.fingerprint == result.weights.fingerprint


def test_an_example_longer_than_a_row_is_dropped_and_named(joined: None, base: Path, tmp_path: Path) -> None:
    long = Example(id="long", prompt="Add " + "12 and " * 60, completion="x")
    result = train(base, tmp_path / "a", [*tiny_examples(8), long])
    assert result.dropped == ("long",)
    assert "long" not in {id for _, ids in result.steps for id in ids}
    with pytest.raises(ValueError, match=r"none of 1 examples fits a row; learn\.row_length is 128"):
        train(base, tmp_path / "b", [long])


def test_bf16_learns_as_well_as_fp32_and_its_weights_can_be_saved_in_bf16(
    joined: None, base: Path, tmp_path: Path
) -> None:
    full = train(base, tmp_path / "fp32", epochs=3)
    half = train(base, tmp_path / "bf16", epochs=3, precision="bf16", saved="bf16")
    assert half.loss == pytest.approx(full.loss, abs=0.03)
    assert {t.dtype for t in load_file(tmp_path / "bf16" / "model.safetensors").values()} == {torch.bfloat16}
    assert load_file(tmp_path / "bf16" / "model.safetensors")["model.norm.weight"].isfinite().all()


def train_until_killed(base: Path, folder: Path) -> None:
    learner = LearnerRank(config(epochs=20, checkpoint_steps=4), str(base))
    learner.join(*learner.rendezvous("127.0.0.1"))
    learner.train(tiny_examples(40), version=1, folder=str(folder), seed=7)


def test_a_training_killed_between_two_checkpoints_ends_with_the_same_weights(
    joined: None, base: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    process = SPAWN.Process(target=train_until_killed, args=(base, folder))
    process.start()
    limit = time.monotonic() + 90
    while not list(tmp_path.glob("broken.checkpoint/step-*")) and time.monotonic() < limit:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)  # type: ignore[arg-type]
    process.join(20)
    assert process.exitcode == -signal.SIGKILL
    assert list(tmp_path.glob("broken.checkpoint/step-*"))
    assert not folder.exists()

    learner = LearnerRank(config(epochs=20, checkpoint_steps=4), str(base))
    taken: list[int] = []
    step = learner._step
    learner._step = lambda *args: (taken.append(args[-1]), step(*args))[1]  # type: ignore[method-assign]
    resumed = learner.train(tiny_examples(40), version=1, folder=str(folder), seed=7)
    assert taken[0] % 4 == 0
    assert taken[0] > 0
    unbroken = train(base, tmp_path / "unbroken", epochs=20)
    assert resumed.loss == unbroken.loss
    assert resumed.tokens == unbroken.tokens
    assert resumed.weights.fingerprint == unbroken.weights.fingerprint
    assert not (tmp_path / "broken.checkpoint").exists()


def test_a_training_that_had_ended_is_not_done_again_but_another_seed_is(
    joined: None, base: Path, tmp_path: Path
) -> None:
    first = train(base, tmp_path / "a")
    written = (tmp_path / "a" / "model.safetensors").stat().st_mtime_ns
    assert train(base, tmp_path / "a") == first
    assert (tmp_path / "a" / "model.safetensors").stat().st_mtime_ns == written
    again = LearnerRank(config(), str(base)).train(
        tiny_examples(40), version=1, folder=str(tmp_path / "a"), seed=8, start_from=str(base)
    )
    assert again.weights.fingerprint != first.weights.fingerprint


def test_training_can_go_on_from_the_last_weights(joined: None, base: Path, tmp_path: Path) -> None:
    first = train(base, tmp_path / "a", epochs=3)
    learner = LearnerRank(config(epochs=3, warmup=0.0), str(base))
    second = learner.train(
        tiny_examples(40), version=2, folder=str(tmp_path / "b"), seed=7, start_from=first.weights.path
    )
    assert second.loss[0] < first.loss[0] - 0.5
    assert second.weights.version == 2
    assert learner.progress()["step"] == learner.progress()["steps"] == len(second.loss)


def test_pairs_are_learnt_after_lessons_and_from_the_weights_that_those_made(
    joined: None, base: Path, tmp_path: Path
) -> None:
    fields = {"row_length": 256, "epochs": 2, **PREFER}
    lessons = train(base, tmp_path / "lessons", tiny_examples(12), **fields)
    both = train(base, tmp_path / "both", MIXED, **fields)
    assert both.loss[:2] == lessons.loss
    assert both.loss[2] == pytest.approx(math.log(2), abs=1e-5)  # no margin has moved before the first step
    assert len(both.loss) == 2 + 2 * 3
    assert [number for number, _ in both.steps] == list(range(8))
    assert all("after" in id for _, ids in both.steps[2:] for id in ids)
    alone = train(Path(lessons.weights.path), tmp_path / "alone", tiny_pairs(9), **fields)
    assert alone.loss == both.loss[2:]
    assert alone.weights.fingerprint == both.weights.fingerprint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone", "both", "lessons"]
    assert both.loss[-1] < math.log(2) - 1e-3
    written = (tmp_path / "both" / "model.safetensors").stat().st_mtime_ns
    assert train(base, tmp_path / "both", MIXED, **fields) == both
    assert (tmp_path / "both" / "model.safetensors").stat().st_mtime_ns == written


def test_a_training_cut_off_among_its_pairs_ends_with_the_same_weights(
    joined: None, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"row_length": 256, "checkpoint_steps": 2, **PREFER}
    whole = train(base, tmp_path / "whole", MIXED, **fields)
    step = LearnerRank._step

    def broken(self: LearnerRank, engine: Any, loss_of: Any, job: Any, references: Any, number: int) -> float:
        if job.folder.name == "cut" and number == 3:
            raise KeyboardInterrupt
        return step(self, engine, loss_of, job, references, number)

    monkeypatch.setattr(LearnerRank, "_step", broken)
    with pytest.raises(KeyboardInterrupt):
        train(base, tmp_path / "cut", MIXED, **fields)
    assert not (tmp_path / "cut").exists()
    monkeypatch.undo()
    resumed = train(base, tmp_path / "cut", MIXED, **fields)
    assert resumed.loss == whole.loss
    assert resumed.weights.fingerprint == whole.weights.fingerprint


def test_a_loss_that_is_not_a_number_stops_the_training(joined: None, base: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"lower learn\.rate or set learn\.clip"):
        train(base, tmp_path / "a", rate=1e30, clip=0.0, epochs=3)
    assert not (tmp_path / "a").exists()


def test_the_rate_rises_then_falls_and_is_never_zero() -> None:
    settings = LearnConfig(rate=1.0, warmup=0.1)
    rates = [settings.rate_at(step, 100) for step in range(100)]
    assert min(rates) > 0
    assert max(rates) == rates[10] == 1.0
    assert all(a < b for a, b in pairwise(rates[:11]))
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert LearnConfig(rate=1.0, decay="none").rate_at(99, 100) == 1.0
    assert all(LearnConfig(rate=1.0, warmup=w).rate_at(0, 1) > 0 for w in (0.0, 0.03, 1.0))

"""What the learner makes of its cores: LearnerRank against plain torch loops, and against the machine's own limit."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import psutil

from envisions.config import RunConfig
from envisions.make_base import Recipe, texts
from envisions.records import Example
from envs.math.sources import SourceConfig, load
from envs.math.world import MathWorld
from learner.batches import FILLED, Encoded, encode, micro_batches, steps
from learner.config import LearnConfig
from learner.engine import LearnerRank
from learner.losses import CompletionLogits

DEADLINE = 1200.0  # seconds for one measurement in a process of its own
SEED = 31  # of the stories; no run file draws from it
GOALS = {"full_rows": 0.8, "padded": 1.5}  # tokens/s of the learner, as a multiple
IGNORED = -100  # the label of what is not learnt
Say = Callable[[str], None]


class Batch(NamedTuple):
    """One micro-batch of a plain loop."""

    loss: Callable[[], Any]  # its part of the loss of the step
    tokens: int
    positions: int  # tokens and padding


@contextmanager
def apart() -> Iterator[Callable[..., Any]]:
    """A process of its own: yields `run(function, *args)`. It ends with the block, by force when that fails."""
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    try:
        owner = psutil.Process(pool.submit(os.getpid).result(DEADLINE))
        try:
            yield lambda function, *args: pool.submit(function, *args).result(DEADLINE)
        except BaseException:
            for process in [*owner.children(recursive=True), owner]:
                process.kill()
            raise
    finally:
        pool.shutdown()


def lessons(run: RunConfig, count: int) -> list[Example]:
    """Story prompts with drafts for programs, in part refinements: the texts that a base model is made from."""
    source = SourceConfig(name="stories", count=count, seed=SEED)
    return list(texts(Recipe(questions=source), MathWorld(run.world, run.run.seed), load(source, "train")))


def training(run: RunConfig, count: int, rounds: int, say: Say) -> dict[str, Any]:
    """Tokens/s on the same lessons, each loop in a new process, in turns; padding never counts as a token."""
    examples = lessons(run, count)
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in ("learner", *PLAIN)}
    for number, name in ((number, name) for number in range(rounds) for name in seen):
        say(f"round {number + 1} of {rounds}: {name.replace('_', ' ')}")
        with apart() as run_apart:
            rest = (run.learn, run.run.model, examples)
            seen[name].append(run_apart(product, *rest) if name == "learner" else run_apart(plain, *rest, name))
    say("a matrix product")
    with apart() as run_apart:
        limit = run_apart(matrix_product, run.learn.threads)
    rates = {name: [one["tokens"] / one["seconds"] for one in each] for name, each in seen.items()}
    ratios = {name: [a / b for a, b in zip(rates["learner"], rates[name], strict=True)] for name in PLAIN}
    first = {name: each[0] for name, each in seen.items()}
    flops = 6 * first["full_rows"]["parameters"]  # of a token, forward and backward (attention left out)
    return {
        "lessons": len(examples),
        "tokens": first["learner"]["tokens"],
        "tokens_per_second": {name: median(each) for name, each in rates.items()},
        "tokens_per_second_of_the_whole_call": median(one["tokens"] / one["whole"] for one in seen["learner"]),
        "ratio": {name: median(each) for name, each in ratios.items()},
        "goal": GOALS,
        "share_of_padding": {name: 1 - first[name]["tokens"] / first[name]["positions"] for name in PLAIN},
        "parameters": first["full_rows"]["parameters"],
        "matrix_product_gflops": limit,
        "share_of_matrix_product": {name: flops * median(each) / 1e9 / limit for name, each in rates.items()},
        "rounds": rates,
    }


def product(config: LearnConfig, base: str, examples: Sequence[Example]) -> dict[str, float]:
    """LearnerRank, after a short training that warms it up."""
    os.environ["OMP_NUM_THREADS"] = str(config.threads)
    with TemporaryDirectory() as folder:
        rank = LearnerRank(config, base)
        rank.join(*rank.rendezvous("127.0.0.1"))
        rank.train(examples[: 2 * config.examples_per_step], 1, str(Path(folder, "1")), 0)
        start = time.perf_counter()
        trained = rank.train(examples, 2, str(Path(folder, "2")), 0)
        whole = time.perf_counter() - start
        rank.close()
    return {"tokens": trained.tokens, "seconds": trained.seconds, "whole": whole}


def plain(config: LearnConfig, base: str, examples: Sequence[Example], kind: str) -> dict[str, float]:
    """A torch loop as one writes it by hand; texts are encoded and batches are made before its clock starts."""
    os.environ["OMP_NUM_THREADS"] = str(config.threads)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(config.threads)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="sdpa").train()
    encoded = [encode(tokenizer, example.prompt, example.completion) for example in examples]
    encoded = [text for text in encoded if text.length <= config.row_length]
    plan = list(PLAIN[kind](model, encoded, config))
    optimize(model, plan[:2], config)  # warms up
    start = time.perf_counter()
    optimize(model, plan, config)
    seconds = time.perf_counter() - start
    batches = [batch for step in plan for batch in step]
    return {
        "tokens": sum(batch.tokens for batch in batches),
        "positions": sum(batch.positions for batch in batches),
        "seconds": seconds,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


def optimize(model: Any, plan: Sequence[Sequence[Batch]], config: LearnConfig) -> None:
    """One optimizer step for each list of micro-batches."""
    import torch

    parameters = list(model.parameters())
    adam = torch.optim.AdamW(parameters, lr=config.rate, weight_decay=config.weight_decay, fused=True)
    for step in plan:
        for batch in step:
            with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16"):
                loss = batch.loss()
            (loss / len(step)).backward()  # (the learner's own loss is a sum already; the time is the same)
        if config.clip:
            torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        adam.step()
        adam.zero_grad()


def full_rows(model: Any, encoded: Sequence[Encoded], config: LearnConfig) -> Iterator[list[Batch]]:
    """All texts as one stream, cut into full rows as long as the learner's: no padding, plain causal attention.

    The strongest rival, and a wrong one: texts see their neighbours and are cut where a row ends.
    """
    import torch

    length = min(config.row_length, max(FILLED, 2 * max(text.length for text in encoded)))
    tokens = torch.tensor([token for text in encoded for token in text.prompt + text.completion])
    labels = torch.tensor([label for text in encoded for label in labelled(text)])
    usable = len(tokens) // length * length
    rows, wanted = (x[:usable].view(-1, length).split(config.micro_batch_tokens // length) for x in (tokens, labels))
    batches = [
        Batch(partial(whole_loss, model, *pair), pair[0].numel(), pair[0].numel())
        for pair in zip(rows, wanted, strict=True)
    ]
    count = -(-len(encoded) // config.examples_per_step)
    cuts = [len(batches) * k // count for k in range(count + 1)]
    yield from (batches[a:b] for a, b in pairwise(cuts) if a < b)


def padded(model: Any, encoded: Sequence[Encoded], config: LearnConfig) -> Iterator[list[Batch]]:
    """Texts in their order, one a row, padded on the right to the longest of their micro-batch.

    As many rows a micro-batch as always fit into the learner's micro-batch.
    """
    import torch

    height = max(1, config.micro_batch_tokens // max(text.length for text in encoded))
    for first in range(0, len(encoded), config.examples_per_step):
        step = encoded[first : first + config.examples_per_step]
        batches = []
        for rows in (step[i : i + height] for i in range(0, len(step), height)):
            lengths = [text.length for text in rows]
            shape = (len(rows), max(lengths))
            ids, mask = (torch.zeros(shape, dtype=torch.long) for _ in range(2))
            wanted = torch.full(shape, IGNORED)
            for row, text in enumerate(rows):
                ids[row, : text.length] = torch.tensor(text.prompt + text.completion)
                wanted[row, : text.length] = torch.tensor(labelled(text))
                mask[row, : text.length] = 1
            batches.append(Batch(partial(whole_loss, model, ids, wanted, mask), sum(lengths), ids.numel()))
        yield batches


def without_deepspeed(model: Any, encoded: Sequence[Encoded], config: LearnConfig) -> Iterator[list[Batch]]:
    """The learner's own micro-batches and its own loss: what is left is the price of DeepSpeed."""
    loss_of = CompletionLogits(model)
    for chosen in steps(len(encoded), config.examples_per_step, 1, 0):
        texts = [encoded[i] for i in chosen]
        cut = micro_batches(texts, row_length=config.row_length, tokens=config.micro_batch_tokens, loss=config.loss)
        yield [
            Batch(partial(loss_of, model, batch, "cpu"), int((batch.segments_BT > 0).sum()), batch.tokens_BT.size)
            for batch in cut
        ]


PLAIN = {"full_rows": full_rows, "padded": padded, "without_deepspeed": without_deepspeed}


def labelled(text: Encoded) -> tuple[int, ...]:
    """Labels as transformers wants them: the completion, and nothing of the prompt."""
    return (*[IGNORED] * len(text.prompt), *text.completion)


def whole_loss(model: Any, ids_BT: Any, labels_BT: Any, mask_BT: Any = None) -> Any:
    return model(input_ids=ids_BT, labels=labels_BT, attention_mask=mask_BT, use_cache=False).loss


def matrix_product(threads: int, size: int = 2048) -> float:
    """GFLOP/s of a square bf16 matrix product, the best of several."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)
    a, b = (torch.randn(size, size, dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9

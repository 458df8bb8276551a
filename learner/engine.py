"""One rank of the DeepSpeed learner: examples in, a model folder out."""

import gc
import math
import os
import shutil
import socket
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from envisions.records import Example, Weights
from learner import canary, checkpoint, model, weights
from learner.batches import Encoded, MicroBatch, Pair, digest, encode_example, joined, micro_batches
from learner.checkpoint import Training
from learner.config import LearnConfig
from learner.losses import CompletionLogits
from learner.objectives import Part, parts

__all__ = ["LearnConfig", "LearnerRank", "TrainResult"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainResult:
    """What one training made, and which gradient step used which example. `dropped` were longer than a row.

    `batches`: for each step a digest of the tokens that went into the model.
    """

    weights: Weights
    loss: tuple[float, ...]
    steps: tuple[tuple[int, tuple[str, ...]], ...]
    dropped: tuple[str, ...]
    tokens: int
    seconds: float
    batches: tuple[str, ...] = ()
    saving: float = 0.0  # of these, writing checkpoints
    retries: int = 0  # gangs that were lost on the way


class LearnerRank:
    """One process of the learner. All ranks make the same calls; rank 0 writes and reports.

    Rank 0's `rendezvous()` gives host and port, every rank calls `join(host, port)`, then `train(...)` as often as
    wanted. The folders must be on a file system that all ranks see.
    """

    def __init__(self, config: LearnConfig, base: str, rank: int = 0, world_size: int = 1) -> None:
        self.config = config
        self.base = base
        self.rank = rank
        self.world_size = world_size
        # OpenMP keeps threads for each thread that computes; with more of them than cores, all sleep after every step
        # of a computation, and training takes half as long again.
        self._thread = ThreadPoolExecutor(1, "learner")
        self._store: Any = None
        self._progress: dict[str, float] = {}

    def rendezvous(self, host: str | None = None) -> tuple[str, int]:
        """Rank 0 only: opens the ranks' meeting point on a free port and keeps it, so nobody can take the port."""
        from torch.distributed import TCPStore

        host = host or _own_address()
        deadline = timedelta(seconds=self.config.deadline)
        self._store = TCPStore(host, 0, is_master=True, wait_for_workers=False, timeout=deadline)
        return host, self._store.port

    def join(self, host: str, port: int) -> None:
        """Joins the other ranks; returns when all are there. Raises when they are not within the deadline."""
        self._thread.submit(self._join, host, port).result()

    def _join(self, host: str, port: int) -> None:
        # Ray shows an actor its own GPU only, so the local rank is always 0.
        place = {"MASTER_ADDR": host, "MASTER_PORT": port, "RANK": self.rank, "LOCAL_RANK": 0}
        os.environ.update({name: str(value) for name, value in place.items()}, WORLD_SIZE=str(self.world_size))
        # DeepSpeed calls functions that torch will rename; that is between the two.
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.distributed")
        import deepspeed
        import torch
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        deadline = timedelta(seconds=self.config.deadline)
        if self._store is None:
            self._store = torch.distributed.TCPStore(host, port, is_master=False, timeout=deadline)
        torch.distributed.init_process_group(
            backend, store=self._store, rank=self.rank, world_size=self.world_size, timeout=deadline
        )
        # DeepSpeed would compile a C++ kernel here (a minute, and a compiler) that only its inference uses.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        deepspeed.init_distributed(dist_backend=backend, timeout=deadline)

    def train(
        self, examples: Sequence[Example], version: int, folder: str, seed: int, start_from: str | None = None
    ) -> TrainResult:
        """Trains the weights in `start_from` (the base) and writes them to `folder`, whole or not at all.

        Where some examples are pairs, they are learnt after the others, from the weights that those made.
        A pure function of its arguments and the settings: the order of `examples` takes no part, a training that was
        cut off goes on from its newest checkpoint, and one that had ended is not done again.
        Raises ValueError when no example fits a row, RuntimeError when the loss is not a number or a rank is lost.
        """
        return self._thread.submit(self._train, examples, version, folder, seed, start_from).result()

    def _train(
        self, examples: Sequence[Example], version: int, folder: str, seed: int, start_from: str | None
    ) -> TrainResult:
        source = weights.resolve(start_from or self.base)
        examples = sorted(examples, key=lambda e: (e.id, e.prompt, e.completion, e.rejected or ""))
        kept, dropped = self._encode(examples, source)
        learnt = parts(kept, self.config)
        plan = [(part, step) for part in learnt for step in part.plan(seed)]
        whole = self._agreed(lambda: self._key(examples, version, seed, source))
        training = self._agreed(lambda: checkpoint.read(folder, whole)) or Training(key=whole)
        between = Path(folder).with_name(f".{Path(folder).name}.lessons")
        for part in learnt if not training.loss else ():
            last = part is learnt[-1]
            job = _Job(
                key=whole if last else f"{whole}/lessons",
                source=source,
                folder=Path(folder) if last else between,
                seed=seed,
                part=part,
                steps=[[part.examples[i][1] for i in step] for of_part, step in plan if of_part is part],
            )
            training = self._trained(job, training)
            source = str(job.folder)
        if self.rank == 0:
            shutil.rmtree(between, ignore_errors=True)
        proof = self._agreed(lambda: weights.fingerprint(folder))
        return TrainResult(
            weights=Weights(version=version, path=str(folder), fingerprint=proof),
            loss=training.loss,
            steps=tuple((n, tuple(part.examples[i][0].id for i in step)) for n, (part, step) in enumerate(plan)),
            dropped=tuple(dropped),
            tokens=training.tokens,
            seconds=training.seconds,
            batches=training.batches,
            saving=training.saving,
        )

    def progress(self) -> dict[str, float]:
        """Step, steps, loss, tokens and seconds of the training under way; empty before. Safe from any thread."""
        return self._progress

    def close(self) -> None:
        """Leaves the other ranks, for good; waits for a training under way."""
        import torch

        if torch.distributed.is_initialized():
            self._thread.submit(torch.distributed.destroy_process_group).result()
        self._thread.shutdown()
        self._store = None

    def _encode(
        self, examples: Sequence[Example], source: str
    ) -> tuple[list[tuple[Example, Encoded | Pair]], list[str]]:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(source)
        texts = [(example, encode_example(tokenizer, example)) for example in examples]
        longest = self.config.row_length
        kept = [text for text in texts if text[1].length <= longest]
        if not kept:
            raise ValueError(
                f"none of {len(texts)} examples fits a row; learn.row_length is {longest}: raise it or shorten them"
            )
        return kept, [example.id for example, text in texts if text.length > longest]

    def _key(self, examples: Sequence[Example], version: int, seed: int, source: str) -> str:
        no_pairs = {"dpo"} if all(example.rejected is None for example in examples) else set()
        settings = self.config.model_dump(exclude={"start", "threads", "deadline", "checkpoint_steps"} | no_pairs)
        start = weights.fingerprint(source)
        return checkpoint.key(
            examples, settings=settings, version=version, seed=seed, start=start, ranks=self.world_size
        )

    def _agreed(self, look: Callable[[], Any]) -> Any:
        """What rank 0 sees, on all ranks: what a disk shows must not lead two ranks two ways."""
        import torch

        box = [look() if self.rank == 0 else None]
        torch.distributed.broadcast_object_list(box, src=0)
        return box[0]

    def _trained(self, job: "_Job", before: Training) -> Training:
        """The training after this part; what an earlier call did of it is not done again."""
        done = self._agreed(lambda: checkpoint.read(job.folder, job.key))
        held = self._agreed(lambda: checkpoint.newest(job.checkpoints, job.key))
        return done or self._run(job, replace(before, key=job.key), held)

    def _run(self, job: "_Job", training: Training, held: Path | None) -> Training:
        import deepspeed
        import torch

        torch.set_num_threads(self.config.threads)  # holds for the calling thread, so start() is too early
        settings = self.config.deepspeed()
        lm = model.load(job.source, zero=self.config.zero, rank=self.rank, deepspeed_config=settings)
        loss_of = CompletionLogits(lm)
        engine, *_ = deepspeed.initialize(model=lm, model_parameters=lm.parameters(), config=settings)
        try:
            training = self._optimize(engine, loss_of, job, training, held)
            dtype = torch.bfloat16 if self.config.saved == "bf16" else torch.float32
            state = model.gather(lm, zero=self.config.zero, rank=self.rank, dtype=dtype)
        finally:
            engine.destroy()
        del engine, loss_of
        _free()
        if self.rank == 0:
            self._write(lm, state, job, training)
        del lm, state
        _free()
        torch.distributed.barrier()
        return training

    def _optimize(
        self, engine: Any, loss_of: CompletionLogits, job: "_Job", training: Training, held: Path | None
    ) -> Training:
        """All steps of a job that `held` has not done; `training` is what was done before the job."""
        first = len(training.loss)
        done = (held and checkpoint.read(held, job.key)) or training
        engine.eval()
        recalled = {
            number: job.part.objective.recall(loss_of, engine, self._batches(job, number), engine.device)
            for number in range(len(done.loss) - first, len(job.steps))
        }
        if held is not None:
            checkpoint.load(engine, held)
        engine.train()
        training = done
        begun, saved = time.monotonic() - training.seconds, 0.0
        for number, references in recalled.items():
            loss, batch = self._step(engine, loss_of, job, references, number)
            training = Training(
                key=job.key,
                loss=(*training.loss, loss),
                batches=(*training.batches, batch),
                tokens=training.tokens + sum(text.length for text in job.steps[number]),
                seconds=time.monotonic() - begun,
                saving=training.saving + saved,
            )
            saved = 0.0
            self._progress = {
                "step": first + number + 1,
                "steps": first + len(job.steps),
                "loss": loss,
                "tokens": training.tokens,
                "seconds": training.seconds,
            }
            every = self.config.checkpoint_steps
            if every and (number + 1) % every == 0 and number + 1 < len(job.steps):
                began_saving = time.monotonic()
                checkpoint.save(engine, job.checkpoints, training, self.rank)
                saved = time.monotonic() - began_saving  # the checkpoint cannot say it, so the next step does
        return training

    def _batches(self, job: "_Job", number: int) -> Iterator[MicroBatch]:
        """This rank's part of a step."""
        yield from micro_batches(
            job.steps[number],
            row_length=self.config.row_length,
            tokens=self.config.micro_batch_tokens,
            loss=self.config.loss,
            rank=self.rank,
            ranks=self.world_size,
        )

    def _step(
        self, engine: Any, loss_of: CompletionLogits, job: "_Job", references: Iterable[Any], number: int
    ) -> tuple[float, str]:
        """One optimizer step; its loss and the digest of its tokens, over all ranks."""
        import torch

        # Dropout, where a model has it, must not depend on whether the run was cut off.
        torch.manual_seed((job.seed * 1_000_003 + number * self.world_size + self.rank) % 2**63)
        total = torch.zeros((), device=engine.device)
        batches = list(self._batches(job, number))
        for batch, recalled in zip(batches, references, strict=False):
            loss = job.part.objective.loss(loss_of, engine, batch, engine.device, recalled, len(job.steps[number]))
            # DeepSpeed averages gradients over ranks; our weights already make the loss a sum over them.
            engine.backward(loss * self.world_size, scale_wrt_gas=False)
            total += loss.detach()
        torch.distributed.all_reduce(total)
        if not math.isfinite(total.item()):
            raise RuntimeError(f"the loss of step {number} is {total.item()}; lower learn.rate or set learn.clip")
        for group in engine.optimizer.param_groups:
            group["lr"] = job.part.config.rate_at(number, len(job.steps))
        engine.step()
        digests = [""] * self.world_size
        torch.distributed.all_gather_object(digests, digest(batches))
        return float(total), joined(digests)

    def _write(self, lm: Any, state: dict[str, Any], job: "_Job", training: Training) -> None:
        aside = job.folder.with_name(f".{job.folder.name}.new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        weights.write(lm, state, job.source, aside)
        canary.write(aside, canary.measure(aside))
        training.write(aside)
        weights.publish(aside, job.folder)
        shutil.rmtree(job.checkpoints, ignore_errors=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    """One part of a training: `key` names it, `steps` holds the texts of each optimizer step."""

    key: str
    source: str
    folder: Path
    seed: int
    part: Part
    steps: list[list[Encoded | Pair]]

    @property
    def checkpoints(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.checkpoint")


def _free() -> None:
    """Gives memory back to the machine, and to an engine that may share the GPU."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _own_address() -> str:
    """This machine's address as others see it; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"

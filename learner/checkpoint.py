"""A training run that is cut off goes on where it was: DeepSpeed's state, complete on disk every so many steps."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from envisions.records import Example
from learner.weights import publish

STATE = "training.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """How far a run has come: what was done, and `key`, which says of what run."""

    key: str
    loss: tuple[float, ...] = ()
    batches: tuple[str, ...] = ()  # the digest of each step's token batch
    tokens: int = 0
    seconds: float = 0.0
    saving: float = 0.0  # of these, writing checkpoints

    def write(self, folder: str | Path) -> None:
        fields = {name: getattr(self, name) for name in self.__slots__}
        (Path(folder) / STATE).write_text(json.dumps(fields) + "\n")


def key(examples: Sequence[Example], **what: Any) -> str:
    """A name for one run: equal for the same examples, settings, seed and start weights only."""
    texts = [(e.id, e.prompt, e.completion, *([] if e.rejected is None else [e.rejected])) for e in examples]
    return sha256(json.dumps([what, texts], sort_keys=True).encode()).hexdigest()


def read(folder: str | Path, key: str) -> Training | None:
    """What the folder says of run `key`; None where it holds no such run, or only a part of one."""
    try:
        fields = json.loads((Path(folder) / STATE).read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(fields, dict) or fields.get("key") != key:
        return None
    return Training(**{**fields, "loss": tuple(fields["loss"]), "batches": tuple(fields.get("batches", ()))})


def newest(root: Path, key: str) -> Path | None:
    """The complete checkpoint of run `key` that has come furthest."""
    found = [folder for folder in sorted(root.glob("step-*")) if read(folder, key)]
    return found[-1] if found else None


def save(engine: Any, root: Path, training: Training, rank: int) -> None:
    """Writes a checkpoint aside, then names it and removes the older ones. All ranks, one shared file system."""
    import torch

    step = len(training.loss)
    aside = root / f".step-{step:07d}"
    if rank == 0:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        training.write(aside)
    torch.distributed.barrier()
    engine.save_checkpoint(str(aside), tag="state")
    torch.distributed.barrier()
    if rank == 0:
        named = root / f"step-{step:07d}"
        publish(aside, named)
        for old in root.iterdir():
            if old != named:
                shutil.rmtree(old, ignore_errors=True)
    torch.distributed.barrier()


def load(engine: Any, folder: Path) -> None:
    """Puts model and optimizer back as they were when the checkpoint was saved."""
    path, _ = engine.load_checkpoint(str(folder), tag="state")
    if path is None:
        raise RuntimeError(f"checkpoint {folder} cannot be read; delete it, and the training starts from its beginning")

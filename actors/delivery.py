"""Weights for machines that do not share a disk: folders travel in chunks through Ray's object store.

A folder lies under the same path on every machine. The head has all of them: it fetches what the learner has written,
and generators and learner ranks fetch from it what they lack. Where there is a shared disk nothing is lacking. What
arrives is proved as anything else is: by the fingerprint that the learner named, and by the canaries.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actors.engine import EngineConfig
from actors.generator import Generator
from envisions.records import Example, Weights
from envs.base import InfrastructureError
from learner.engine import LearnerRank, TrainResult

HEAD = "memory-0"  # the actor that always lies on the head node, beside memory.sqlite
CHUNK_BYTES = 2**26
CHUNK_SECONDS = 120.0


def deliver(folder: str, source: str = HEAD, *, to: str | None = None) -> None:
    """Copy a folder from the machine of the actor `source`, whole or not at all; nothing to do where it is already.

    Raises InfrastructureError when the actor is lost, too slow, or has no such folder.
    """
    target = Path(to or folder)
    if target.is_dir():
        return
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, size in _asked(source, "files", folder):
        with (aside / name).open("wb") as file:
            for offset in range(0, size, CHUNK_BYTES):
                file.write(_asked(source, "read", str(Path(folder) / name), offset, CHUNK_BYTES))
            file.flush()
            os.fsync(file.fileno())
    try:
        aside.rename(target)
    except OSError:  # another process of this machine was first
        shutil.rmtree(aside)
        if not target.is_dir():
            raise


def current(path: str) -> Weights:
    """The weights that the head's file names, and which are here when this returns; the file is brought up to date."""
    text = _asked(HEAD, "read", path, 0, CHUNK_BYTES).decode()
    if not Path(path).is_file() or Path(path).read_text() != text:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        aside = Path(f"{path}.{os.getpid()}.part")
        aside.write_text(text)
        aside.rename(path)
    weights = Weights(**json.loads(text))
    deliver(weights.path)
    return weights


def _asked(actor: str, method: str, *args: Any) -> Any:
    import ray

    try:
        return ray.get(getattr(ray.get_actor(actor), method).remote(*args), timeout=CHUNK_SECONDS)
    except (ray.exceptions.RayError, TimeoutError, ValueError) as error:
        what = str(getattr(error, "cause", None) or error).splitlines()[0]
        raise InfrastructureError(f"{actor} did not give {args[0]}: {type(error).__name__}: {what}") from error


class DeliveredGenerator(Generator):
    """A generator on whatever machine: it fetches the weights that it lacks before it takes them."""

    def __init__(self, config: EngineConfig, weights: str) -> None:
        super().__init__(config, current(weights))

    async def load(self, weights: Weights) -> None:
        await asyncio.to_thread(deliver, weights.path)
        await super().load(weights)


class DeliveredRank(LearnerRank):
    """A learner rank on whatever machine: it fetches the weights that it starts from."""

    def train(
        self, examples: Sequence[Example], version: int, folder: str, seed: int, start_from: str | None = None
    ) -> TrainResult:
        deliver(start_from or self.base)
        return super().train(examples, version, folder, seed, start_from)

"""The policy as a service: samples and scores texts under attested weights, and takes new ones.

consumes: prompts, new weights          waits for: the engine
produces: candidates, log-probs         unblocks: whoever asked; a failed update refuses everyone
"""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from actors.engine import Engine, EngineConfig, Sampling
from actors.settled import settled
from envisions.records import Candidate, Example, Weights, text_fingerprint
from envs.base import InfrastructureError
from learner import canary
from learner.batches import encode
from learner.weights import fingerprint

__all__ = ["EngineConfig", "Generator", "PromptTooLong", "Sampling", "StaleWeights", "State"]


class PromptTooLong(ValueError):
    """The prompt leaves no room for a single token: to be recorded, not retried."""


class StaleWeights(InfrastructureError):
    """This replica does not hold the weights it should: ask another one, and load this one again."""


class State(StrEnum):
    serving = "serving"  # the engine has proved that it holds `weights`
    stale = "stale"  # it has not; no sample and no score leaves
    dead = "dead"


class Generator:
    """One engine and the weights it has proved to hold. Build it, then `await start()`.

    `weights` may be a JSON file that names them: a replica that is started again then holds what is current, not
    what was at its first start.
    """

    def __init__(self, config: EngineConfig, weights: Weights | str) -> None:
        from transformers import AutoTokenizer

        self.config = config
        self.weights = weights if isinstance(weights, Weights) else Weights(**json.loads(Path(weights).read_text()))
        self._tokenizer: Any = AutoTokenizer.from_pretrained(self.weights.path)
        self._encode = lru_cache(1024)(lambda prompt: encode(self._tokenizer, prompt, "").prompt)  # K samples a prompt
        self._proved = False
        self._running, self._busy_since, self._busy_seconds = 0, 0.0, 0.0
        self._sampled = self._scored = 0
        self._mismatch = math.nan
        self._open, self._idle, self._updating = asyncio.Event(), asyncio.Event(), asyncio.Lock()
        self._idle.set()
        self.engine = Engine(config, self.weights.path)

    async def start(self) -> None:
        """Attest the weights of the start. Raises StaleWeights, and leaves no engine, when it does not hold them."""
        try:
            await self._update(self.weights, reload=False)
        except BaseException:
            await self.close()
            raise

    async def sample(self, prompt: str, seed: int, sampling: Sampling, version: int | None = None) -> Candidate:
        """One sequence, drawn under `version` if it is given, else under whatever weights are held.

        Raises PromptTooLong; StaleWeights; InfrastructureError when the engine broke.
        """
        tokens = self._encode(prompt)
        if len(tokens) >= self.config.max_length:
            raise PromptTooLong(
                f"the prompt has {len(tokens)} tokens; engine.max_length is {self.config.max_length}, and one must be "
                "left to write: shorten the prompt or raise engine.max_length"
            )
        async with self._serving(version):
            sampled = await self.engine.sample(tokens, seed, sampling)
            self._sampled += len(sampled.tokens)
            return Candidate(
                text=self._decode(sampled.tokens) if sampled.text is None else sampled.text,
                tokens=sampled.tokens,
                logprob=sampled.logprob,
                weights=self.weights.version,
                seed=seed,
                finish=sampled.finish,
                prompt=text_fingerprint(prompt),
            )

    async def score(self, examples: Sequence[Example], version: int | None = None) -> list[float]:
        """Mean token log-probability of each completion with its EOS, given its prompt (the self-reward r).

        -inf for a text that does not fit the context: the model could not have written it.
        """
        async with self._serving(version):
            return await settled(self._score(example) for example in examples)

    async def load(self, weights: Weights) -> None:
        """Take new weights: let the running requests end, replace, forget cached keys, attest, serve again.

        Requests that arrive meanwhile wait. Raises StaleWeights, or InfrastructureError, and refuses all requests
        from then on until a load succeeds.
        """
        await self._update(weights, reload=True)

    async def attest(self) -> None:
        """Prove again that the engine holds `weights`; a wrong tensor makes this replica stale."""
        await self._update(self.weights, reload=False)

    async def probe(self) -> float:
        """Seconds of one real one-token generation."""
        await self._open.wait()  # an update pauses the engine
        return await self.engine.probe()

    def status(self) -> dict[str, object]:
        """What it holds, does and has done; `seconds` are those in which at least one request was running.

        `mismatch` is the mean difference from the learner's log-probs, a token, at the newest attestation.
        """
        busy = self._busy_seconds + (time.perf_counter() - self._busy_since if self._running else 0.0)
        return {
            "state": str(self.state),
            "version": self.weights.version,
            "running": self._running,
            "tokens": {"sampled": self._sampled, "scored": self._scored},
            "mismatch": self._mismatch,
            "seconds": busy,
            "pids": self.engine.pids,
        }

    @property
    def state(self) -> State:
        if not self.engine.alive:
            return State.dead
        return State.serving if self._proved else State.stale

    async def close(self) -> None:
        """Leaves no process."""
        await self.engine.close()

    @asynccontextmanager
    async def _serving(self, version: int | None) -> AsyncIterator[None]:
        """The time of one request: weights do not change within, and are the ones asked for."""
        await self._open.wait()  # an update ends by its own deadlines
        if self.state is State.dead:
            raise InfrastructureError("the engine died; this replica has to be replaced")
        if self.state is State.stale or version not in (None, self.weights.version):
            raise StaleWeights(
                f"this replica is {self.state} with weights {self.weights.version}"
                f"{'' if version is None else f', asked for {version}'}: load them first"
            )
        if not self._running:
            self._busy_since = time.perf_counter()
            self._idle.clear()
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._busy_seconds += time.perf_counter() - self._busy_since
                self._idle.set()

    async def _update(self, weights: Weights, *, reload: bool) -> None:
        """Close the door, wait until the room is empty, change and prove the weights, open the door."""
        async with self._updating:
            self._open.clear()
            self._proved = False
            try:
                await self._drained()
                self.weights = weights
                await asyncio.to_thread(self._check_files)
                if reload:
                    await self.engine.reload(weights.path)
                await self._check_canaries()
                self._proved = True
            finally:
                self._open.set()

    async def _drained(self) -> None:
        try:
            await asyncio.wait_for(self._idle.wait(), self.config.deadline)
        except TimeoutError:
            raise InfrastructureError(
                f"{self._running} requests still run after {self.config.deadline:.0f} s: no weights were loaded"
            ) from None

    def _check_files(self) -> None:
        """The folder still holds the tensors that the learner named."""
        try:
            found = fingerprint(self.weights.path)
        except (OSError, ValueError) as error:
            raise StaleWeights(f"weights {self.weights.version} cannot be read: {error}") from error
        if found != self.weights.fingerprint:
            raise StaleWeights(
                f"{self.weights.path} has fingerprint {found[:12]}, weights {self.weights.version} have "
                f"{self.weights.fingerprint[:12]}: the files were changed; write them again"
            )

    async def _check_canaries(self) -> None:
        """The engine computes what the learner computed: right files, rightly loaded, no old keys and values."""
        folder = self.weights.path
        canaries = canary.read(folder) or await asyncio.to_thread(canary.measure, folder)
        scores = await settled(self.engine.score(c.prompt + c.completion, len(c.completion)) for c in canaries)
        gaps = [abs(a - b) for c, s in zip(canaries, scores, strict=True) for a, b in zip(c.logprobs, s, strict=True)]
        self._mismatch = gap = sum(gaps) / len(gaps)
        if not gap <= self.config.allowed_difference:  # not a number is refused too
            raise StaleWeights(
                f"canary log-probs under weights {self.weights.version} are off by {gap:.2g} a token; at most "
                f"{self.config.allowed_difference:g} is allowed: load them again, or raise engine.tolerance"
            )

    async def _score(self, example: Example) -> float:
        prompt, completion = encode(self._tokenizer, example.prompt, example.completion)
        if len(prompt) + len(completion) >= self.config.max_length:
            return -math.inf
        logprobs = await self.engine.score(prompt + completion, len(completion))
        self._scored += len(completion)
        return sum(logprobs) / len(logprobs)

    def _decode(self, tokens: Sequence[int]) -> str:
        text = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text)

"""vLLM behind five verbs on token ids: sample, score, reload, probe, close. The only file that starts vLLM.

One engine process, one event loop. Whatever breaks in there arrives as InfrastructureError, at once and in every call
that was waiting; what waits too long does too.
"""

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from actors.leash import Leash
from envs.base import InfrastructureError

CLOSE_SECONDS = 10.0
LOOK_SECONDS = 0.25  # how often a call that vLLM may forget looks whether the engine still lives


class EngineConfig(BaseModel):
    """How each generator runs vLLM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: Literal["cpu", "cuda"] = "cpu"
    """What computes. Only "cpu" has been tested; "cuda" leaves out the settings a CPU needs."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the engine. bfloat16 samples about 1.4 times as fast where the processor has it."""
    max_length: int = Field(1024, ge=16)
    """Context in tokens, prompt and completion together; at most what the model was made for."""
    max_sequences: int = Field(128, ge=1)
    """Sequences that share one step. More: better use of the processor, more memory for their keys and values."""
    threads: int = Field(1, ge=1)
    """Threads of one engine on a CPU. Two win only where no other actor wants the second core."""
    kv_cache_gib: float = Field(1.0, gt=0)
    """Memory for keys and values on a CPU, in GiB."""
    gpu_memory: float = Field(0.9, gt=0, le=1)
    """Share of a GPU's memory that the engine takes (cuda only)."""
    tensor_parallel: int = Field(1, ge=1)
    """GPUs, or CPU processes, over which one model is spread."""
    tolerance: float | None = Field(None, gt=0)
    """Mean difference of a canary token's log-prob from the learner's, in nats, above which weights are refused.
    Default 1e-4 in float32 (seen: 1e-6), 3e-2 in bfloat16 (seen: 1e-2 at most)."""
    deadline: float = Field(300.0, gt=0)
    """Seconds that one request, or one step of a weight update, may take."""

    @property
    def allowed_difference(self) -> float:
        return self.tolerance or {"float32": 1e-4, "bfloat16": 3e-2}[self.dtype]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How completions are drawn. Temperature 0 is greedy; `stop` texts end a completion and are left out of it."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()


class Sampled(NamedTuple):
    """One completion as token ids (EOS included), its mean token log-prob, and why it ended."""

    tokens: tuple[int, ...]
    logprob: float
    finish: str
    text: str | None  # only where `stop` texts were given: the engine knows where it cut


class Engine:
    """One vLLM engine with the weights of `folder`. The constructor returns when it serves (15-30 s on a CPU)."""

    def __init__(self, config: EngineConfig, folder: str) -> None:
        os.environ.update(_environment(config))
        from vllm import AsyncEngineArgs, SamplingParams
        from vllm.exceptions import VLLMServerError
        from vllm.inputs.engine import tokens_input
        from vllm.sampling_params import RequestOutputKind
        from vllm.v1.engine.async_llm import AsyncLLM

        self.config = config
        self._params = partial(
            SamplingParams, output_kind=RequestOutputKind.FINAL_ONLY, flat_logprobs=True, skip_clone=True
        )
        self._tokens_input, self._broken = tokens_input, VLLMServerError
        self._ids = itertools.count()
        self._llm: Any = AsyncLLM.from_engine_args(AsyncEngineArgs(**_arguments(config, folder)))
        manager = self._llm.engine_core.resources.engine_manager
        self.pids: tuple[int, ...] = tuple(process.pid for process in manager.processes)

    @property
    def alive(self) -> bool:
        return self._llm is not None and not self._llm.errored

    async def sample(self, prompt: Sequence[int], seed: int, sampling: Sampling) -> Sampled:
        """One completion: a pure function of weights, prompt, seed and sampling, whatever else is in the batch.

        Log-probs are those of the distribution drawn from, i.e. after temperature and top-p.
        """
        params = self._params(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            stop=list(sampling.stop),
            seed=seed,
            logprobs=0,
            detokenize=bool(sampling.stop),
        )
        output = (await self._run(prompt, params)).outputs[0]
        if output.finish_reason not in ("stop", "length"):
            raise InfrastructureError(f"the engine ended a request with {output.finish_reason!r}")
        tokens = tuple(output.token_ids)
        logprob = output.cumulative_logprob / len(tokens)
        return Sampled(tokens, logprob, output.finish_reason, output.text if sampling.stop else None)

    async def score(self, tokens: Sequence[int], count: int) -> list[float]:
        """Log-probs of the last `count` tokens of a text, at temperature 1."""
        params = self._params(max_tokens=1, prompt_logprobs=0, detokenize=False)
        output = await self._run(tokens, params)
        return list(output.prompt_logprobs.logprobs[-count:])

    async def probe(self) -> float:
        """Seconds that one real token takes: what is wedged, not dead, fails here."""
        start = time.perf_counter()
        await self._run([0], self._params(max_tokens=1, detokenize=False))
        return time.perf_counter() - start

    async def reload(self, folder: str) -> None:
        """Put a folder's weights in place of those held, and forget every key and value of the old ones.

        The caller sees to it that nothing is in flight.
        """
        await self._ask(self._llm.pause_generation(mode="abort"))
        try:
            await self._ask(self._llm.collective_rpc("reload_weights", kwargs={"weights_path": folder}))
            await self._ask(self._llm.collective_rpc("repack_output"))
            if not await self._ask(self._llm.reset_prefix_cache()):
                raise InfrastructureError("vLLM did not reset its prefix cache: keys of the old weights may be left")
        finally:
            if self.alive:
                await self._ask(self._llm.resume_generation())

    async def close(self) -> None:
        """Ends the engine's processes; returns when they are gone."""
        import psutil

        if self._llm is None:
            return
        owned = [psutil.Process(pid) for pid in self.pids if psutil.pid_exists(pid)]
        owned += [child for process in owned for child in process.children(recursive=True)]
        if self._llm.output_handler is not None:
            self._llm.output_handler.cancel()  # or it reports the end as a failure
        await asyncio.to_thread(self._llm.shutdown, timeout=CLOSE_SECONDS)
        self._llm = None
        _, left = await asyncio.to_thread(psutil.wait_procs, owned, 1.0)
        for process in left:
            process.kill()

    async def _run(self, tokens: Sequence[int], params: Any) -> Any:
        """The finished request."""
        if not self.alive:
            raise InfrastructureError("the engine is dead")
        try:
            async with asyncio.timeout(self.config.deadline):
                prompt = self._tokens_input(list(tokens))
                outputs = [output async for output in self._llm.generate(prompt, params, str(next(self._ids)))]
        except TimeoutError:
            raise InfrastructureError(f"the engine gave no answer within {self.config.deadline:.0f} s") from None
        except self._broken as error:
            raise InfrastructureError(f"the engine broke: {type(error).__name__}: {error}") from error
        return outputs[-1]

    async def _ask(self, call: Awaitable[Any]) -> Any:
        """The answer to a control call. vLLM leaves these unanswered when the engine dies, so look for ourselves."""
        task = asyncio.ensure_future(call)
        until = time.monotonic() + self.config.deadline
        while not task.done() and self.alive and time.monotonic() < until:
            await asyncio.wait({task}, timeout=LOOK_SECONDS)
        if not task.done():
            task.cancel()
            what = f"did not answer within {self.config.deadline:.0f} s" if self.alive else "died"
            raise InfrastructureError(f"the engine {what}")
        try:
            return task.result()
        except Exception as error:
            raise InfrastructureError(f"the engine refused: {type(error).__name__}: {error}") from error


def _environment(config: EngineConfig) -> dict[str, str]:
    """What vLLM reads from the environment, of this process and of the engine's."""
    quiet = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}
    quiet["VLLM_LOGGING_LEVEL"] = os.environ.get("VLLM_LOGGING_LEVEL", "ERROR")  # each start warns 15 times of nothing
    if config.device == "cuda":
        return quiet
    return quiet | {
        "OMP_NUM_THREADS": str(config.threads),
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin while they wait take the core from the one they wait for
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        # On a CPU vLLM puts a second process behind the engine's unless told that it is not to use processes.
        # The two wait for each other in busy loops: half of the processor time.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0" if config.tensor_parallel == 1 else "1",
    }


def _arguments(config: EngineConfig, folder: str) -> dict[str, Any]:
    """vLLM's engine arguments."""
    arguments = {
        "model": folder,
        "dtype": config.dtype,
        "seed": 0,
        "max_model_len": config.max_length,
        "max_num_seqs": config.max_sequences,
        "tensor_parallel_size": config.tensor_parallel,
        "distributed_executor_backend": "uni" if config.tensor_parallel == 1 else "mp",
        "enable_prefix_caching": True,  # the samples of one prompt share its keys and values
        "generation_config": "vllm",  # a checkpoint's own max_new_tokens would cap every request
        "logprobs_mode": "processed_logprobs",
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        "worker_extension_cls": "actors.worker.RepackedOutput",
        "additional_config": Leash(),
    }
    if config.device == "cuda":
        return arguments | {"gpu_memory_utilization": config.gpu_memory}
    return arguments | {
        "enforce_eager": True,
        "block_size": 32,  # only full blocks are shared; vLLM's 128 would share nothing of most prompts
        "kv_cache_memory_bytes": int(config.kv_cache_gib * 2**30),
        # A seeded request whose prompt is cut over two steps kills the engine on a CPU: no chunks.
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": max(2 * config.max_length, 2048),
    }

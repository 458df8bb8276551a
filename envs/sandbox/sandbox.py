"""Runs untrusted programs: this program, with these inputs, within these limits, gives this value.

What a program is kept from, and what not, is said in `envs.sandbox.layers`.
"""

import json
import re
import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from envs.base import InfrastructureError
from envs.sandbox.child import EXIT_MEMORY, NO_MEMORY
from envs.sandbox.family import Family
from envs.sandbox.process import ZygoteDiedError, ZygoteProcess

GRACE_SECONDS = 10.0  # beyond a program's own deadline; then the zygote itself hangs
PROGRAM_CHARS = 1_000_000

Status = Literal["ok", "wrong_type", "error", "timeout", "memory", "killed", "output", "no_result"]
FROM_CHILD = ("ok", "wrong_type", "error", "memory", "output")


class Limits(BaseModel):
    """What one program may use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(default=2.0, gt=0)
    """Wall clock in seconds; the outer bound, for programs that sleep or wait. Raise it where the cores are shared."""
    cpu_seconds: int = Field(default=1, ge=1)
    """Processor time in whole seconds. Unlike `seconds`, it does not depend on the machine's load."""
    memory_mib: int = Field(default=512, ge=16)
    """Address space in MiB beyond what the preloaded modules take."""
    output_chars: int = Field(default=4096, ge=64)
    """Longest answer as JSON, and longest text kept of what was printed, in characters."""


class SandboxConfig(Limits):
    """How programs are run: the limits of each, and what all of them share."""

    preload: tuple[str, ...] = ("math", "fractions", "statistics", "itertools", "functools", "collections", "decimal")
    """Modules imported once and shared by all programs; others work too, but each program pays for its own import."""
    on_demand: tuple[str, ...] = ("numpy", "sympy")
    """Modules imported once too, but in zygotes of their own, which start with the first program that names one of them
    and run only such programs: a process full of modules forks several times more slowly."""
    zygotes: int = Field(default=1, ge=1)
    """Processes from which programs are forked. One keeps about one core busy."""
    parallel: int = Field(default=4, ge=1)
    """Programs running at once; more wait their turn, and their time does not run while they wait."""
    isolation: Literal["confined", "process"] = "confined"
    """"confined": refuse to run programs where the kernel offers no seccomp. "process": run them all the same, with
    whatever else it offers, in the worst case as ordinary processes; only for programs that you would run yourself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What became of one program.

    value: a JSON value; anything that is none is {"repr": its text, "type": its class}, e.g. sympy's sqrt(2) or 3/4;
    what has no text either, such as a function, is of the wrong type. error: one line, "TypeError: ... (line 3)".
    limit: what a timeout ran into. signal: what killed it. seconds: wall clock. peak_mib: largest resident size.
    """

    status: Status
    value: Any = None
    error: str = ""
    limit: Literal["", "cpu", "wall"] = ""
    signal: int = 0
    stdout: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0


class Sandbox:
    """Runs programs in forks of zygotes, which start when they are needed. To be used by many threads at once.

    layers: exactly these of `envs.sandbox.layers.LAYERS`, for tests and measurements; by default all that work here.
    """

    def __init__(self, config: SandboxConfig | None = None, *, layers: Sequence[str] | None = None) -> None:
        self.config = config = config or SandboxConfig()
        self._slots = threading.BoundedSemaphore(config.parallel)
        extra = [name for name in config.on_demand if name not in config.preload]
        start = partial(ZygoteProcess, isolation=config.isolation, layers=layers)
        self._plain = Family(config.zygotes, partial(start, config.preload))
        self._loaded = Family(config.zygotes, partial(start, (*config.preload, *extra))) if extra else self._plain
        self._names = re.compile(rf"\b(?:{'|'.join(map(re.escape, extra))})\b")

    def run(
        self,
        program: str,
        *,
        call: str | None = "solution",
        args: Sequence[Any] | Mapping[str, Any] = (),
        limits: Limits | None = None,
    ) -> Run:
        """Run one program and give the value that its function `call` returns (None: run it, no value).

        args: JSON values, positional or, as a mapping, by name. A program that hangs, dies or is killed is a Run;
        raises InfrastructureError when the zygote cannot be started or a program cannot be confined.
        """
        if len(program) > PROGRAM_CHARS:
            return Run(
                status="error",
                error=f"the program has {len(program)} characters; at most {PROGRAM_CHARS} are run",
            )
        limits = limits or self.config
        job = {
            "program": program,
            "call": call,
            "args": dict(args) if isinstance(args, Mapping) else list(args),
            "limits": limits.model_dump(include=set(Limits.model_fields)),
        }
        family = self._loaded if self._names.search(program) else self._plain
        with self._slots:
            for _ in range(2):
                try:
                    return judge(family.call(job, limits.seconds + GRACE_SECONDS), limits)
                except ZygoteDiedError:  # by another program's hand, or by this one's: see alone
                    continue
            return alone(family.start(), job, limits)

    @property
    def layers(self) -> tuple[str, ...]:
        """What stands between a program and this machine. Starts a zygote, which tries what can be had."""
        return self._plain.layers

    @property
    def pid(self) -> int | None:
        """A zygote's process id, None while there is none."""
        return self._plain.pid

    @property
    def restarts(self) -> int:
        """Zygotes started after the death of one."""
        return self._plain.restarts + (self._loaded.restarts if self._loaded is not self._plain else 0)

    def close(self) -> None:
        """End the zygotes and every program."""
        self._plain.close()
        self._loaded.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def alone(zygote: ZygoteProcess, job: dict[str, Any], limits: Limits) -> Run:
    """Run a program under which a zygote died twice in one of its own: if that dies too, it was the program.

    An empty program goes first, so that a machine on which zygotes die anyway is not blamed on this one.
    """
    try:
        probe = {**job, "program": "", "call": None}
        judge(zygote.call(probe, limits.seconds + GRACE_SECONDS), limits)
        try:
            return judge(zygote.call(job, limits.seconds + GRACE_SECONDS), limits)
        except ZygoteDiedError:
            return Run(status="killed", error="the program killed the process that had started it")
    except ZygoteDiedError as error:
        raise InfrastructureError(f"the sandbox keeps dying: {error}") from None
    finally:
        zygote.close()


def judge(reply: dict[str, Any], limits: Limits) -> Run:
    """What a zygote's reply means. The child's own words count only where nothing outside speaks against them."""
    if "fault" in reply:
        raise InfrastructureError(f"the sandbox could not fork: {reply['fault']}")
    if not reply["confined"] and reply["ended"] == "exit":
        raise InfrastructureError(f"a program could not be confined, so it was not run: {reply['text']}")
    used = {"seconds": reply["wall"], "cpu_seconds": reply["cpu"], "peak_mib": reply["peak_kib"] / 1024}
    number = reply["signal"]
    if reply["ended"] == "timeout":
        return Run(status="timeout", limit="wall", error=f"no answer within {limits.seconds:g} s", **used)
    # The kernel enforces the limit by its own, coarser account of the time used.
    if number in (signal.SIGKILL, signal.SIGXCPU) and reply["cpu"] > 0.8 * limits.cpu_seconds:
        error = f"no answer within {limits.cpu_seconds} s of processor time"
        return Run(status="timeout", limit="cpu", error=error, **used)
    if reply["ended"] == "output":
        return Run(status="output", error="the program wrote more than a result may hold", **used)
    if number:
        error = f"killed by signal {number} ({signal.strsignal(number)})"
        return Run(status="killed", signal=number, error=error, **used)
    if reply["code"] == EXIT_MEMORY:
        return Run(status="memory", error=NO_MEMORY, **used)
    answer = parse(reply["text"])
    if answer is None:
        return Run(status="no_result", error="the program ended its process before it gave an answer", **used)
    error = " ".join(str(answer["error"]).split())[:400]
    stdout = str(answer["stdout"])[: limits.output_chars]
    return Run(status=answer["status"], value=answer["value"], error=error, stdout=stdout, **used)


def parse(text: str) -> dict[str, Any] | None:
    """A child's result, or None when it is none. The text may be forged; it can only mislead about its own program."""
    try:
        answer = json.loads(text, parse_constant=lambda name: name)
        # Half a surrogate pair can be written in JSON but in no file.
        answer = json.loads(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace"))
        return answer if answer["status"] in FROM_CHILD and {"value", "error", "stdout"} <= answer.keys() else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None

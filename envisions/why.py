"""`envisions why RUN`: who is waited for now, and where the time of the last iteration went."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from envisions.console import duration
from envisions.waterfall import REMEDIES, SLOW

STALE_SECONDS = 60.0  # a running run writes now.json every other second
WIDTH = 30
SMALLEST = 0.005  # of the wall clock: shares below are put together


def why(folder: Path, iteration: int | None = None) -> Iterator[str]:
    """The answer, line by line. Raises LookupError where nothing was written down."""
    logs = folder / "logs"
    now = _read(logs / "now.json")
    if now is not None:
        yield from _now(now)
    flow = _read(logs / f"waterfall-{_newest(logs) if iteration is None else iteration}.json")
    if flow is not None:
        yield from _iteration(flow)
    elif now is None or iteration is not None:
        which = "no iteration" if iteration is None else f"no iteration {iteration}"
        raise LookupError(f"{logs} tells of {which}; give the folder of a run that has ended one, such as runs/laptop")


def _now(now: dict[str, Any]) -> Iterator[str]:
    age = time.time() - now["at"]
    told = f"{now['done']:,}/{now['total']:,}" if now["total"] else ""
    yield f"now: {now['stage']} {now['iteration']}  {told}  {duration(now['seconds'])}".rstrip()
    if age > STALE_SECONDS or not _lives(now["pid"]):
        yield f"  nothing heard of the driver (process {now['pid']}) for {duration(age)}; `envisions resume` goes on"
    for replica, health in now["health"].items():
        if health != "healthy":
            yield f"  {replica} is {health}"
    for seconds, who, trace in now["waiting"]:
        yield f"  waits for {who} since {seconds:.1f} s{f', for {trace}' if trace else ''}"
    yield ""


def _iteration(flow: dict[str, Any]) -> Iterator[str]:
    wall = flow["seconds"]
    yield f"iteration {flow['iteration']} took {duration(wall)}; the learner was idle {flow['learner_idle']:.0%} of it"
    stage = None
    for bar in _large(flow["bars"], wall):
        if bar["stage"] != stage:
            stage = bar["stage"]
            whole = sum(other["seconds"] for other in flow["bars"] if other["stage"] == stage)
            yield f"  {stage:<34} {whole:9.1f} s  {whole / wall:5.1%}"
        mark = "▆" * max(round(WIDTH * bar["seconds"] / wall), 1)
        yield f"    {bar['cause']:<32} {bar['seconds']:9.1f} s  {bar['seconds'] / wall:5.1%}  {mark}"
    total = sum(bar["seconds"] for bar in flow["bars"])
    yield f"  {'sum':<34} {total:9.1f} s  {total / wall if wall else 1:5.1%}"
    if flow["dropped"]:
        made = flow["calls"] + flow["dropped"]
        yield f"  {flow['dropped']:,} of {made:,} calls were not kept: shares are of the rest"
    yield f"the bottleneck is {flow['where'] or flow['bottleneck']}: {flow['share']:.0%} of the time"
    yield (
        f"  it is over {SLOW:.0f} times as slow as its like: look at its machine, or replace it"
        if flow["where"]
        else f"  {REMEDIES[flow['bottleneck']]}"
    )


def _large(bars: list[dict[str, Any]], wall: float) -> Iterator[dict[str, Any]]:
    """The bars of each stage, longest first; what is too small to be seen is one bar."""
    for stage in dict.fromkeys(bar["stage"] for bar in bars):
        ours = sorted((bar for bar in bars if bar["stage"] == stage), key=lambda bar: -bar["seconds"])
        yield from (bar for bar in ours if bar["seconds"] >= SMALLEST * wall)
        if rest := sum(bar["seconds"] for bar in ours if bar["seconds"] < SMALLEST * wall):
            yield {"stage": stage, "cause": "all else", "seconds": rest}


def _newest(logs: Path) -> int:
    return max((int(file.stem.rpartition("-")[2]) for file in logs.glob("waterfall-*.json")), default=-1)


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text()) if path.is_file() else None


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid)

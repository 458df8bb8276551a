"""An iteration as a Chrome trace: open logs/timeline-N.json in https://ui.perfetto.dev or chrome://tracing.

One row of processes for the kinds of actors, one thread for each replica; calls are coloured by method and carry the
trace of the trajectory they were made for, so that one can be followed from actor to actor.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from actors.spans import Span
from envisions.activity import Stage
from envisions.files import write_aside

EVENTS = 100_000  # what a browser still opens in seconds; the rest is left out, and the file says how much
MICRO = 1e6


def write(path: Path, stages: Sequence[Stage], spans: Sequence[Span]) -> None:
    kept = sorted(spans, key=lambda span: span.sent)[:EVENTS]
    body = {
        "traceEvents": [*_stages(stages), *_calls(kept)],
        "displayTimeUnit": "ms",
        "otherData": {"left out": len(spans) - len(kept)},
    }
    write_aside(path, json.dumps(body))


def _stages(stages: Sequence[Stage]) -> Iterator[dict[str, Any]]:
    yield _name("process_name", 0, 0, "driver")
    for stage in stages:
        yield _event(f"{stage.name} {stage.iteration}", 0, 0, stage.began, stage.seconds)


def _calls(spans: Sequence[Span]) -> Iterator[dict[str, Any]]:
    """Asynchronous events ("b" to "e"), since calls to one replica overlap."""
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(span.kind for span in spans), start=1)}
    replicas = {where: number for number, where in enumerate(dict.fromkeys(span.where for span in spans), start=1)}
    for kind, number in kinds.items():
        yield _name("process_name", number, 0, kind)
    for number, span in enumerate(spans):
        trace = "/".join(span.trace)
        told = {"trace": trace, "replica": span.where, "waited": span.wait, "failed": span.failed}
        same = {"cat": span.where, "id": number, "pid": kinds[span.kind], "tid": replicas[span.where]}
        yield {"ph": "b", "name": span.name, "ts": MICRO * span.sent, "args": told, **same}
        yield {"ph": "n", "name": "began", "ts": MICRO * (span.sent + span.wait), **same}
        yield {"ph": "e", "name": span.name, "ts": MICRO * (span.sent + span.seconds), **same}


def _event(name: str, process: int, thread: int, began: float, seconds: float) -> dict[str, Any]:
    return {"ph": "X", "name": name, "pid": process, "tid": thread, "ts": MICRO * began, "dur": MICRO * seconds}


def _name(what: str, process: int, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "args": {"name": name}}

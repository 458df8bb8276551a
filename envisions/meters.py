"""What a run shows to Prometheus through Ray: gauges and counters that appear there as ray_envisions_NAME."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from actors.health import Health
from actors.watch import Sight
from envisions.records import IterationReport

GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "goodput": ("Accepted, distinct, verified trajectories an hour in the newest iteration", ()),
    "accuracy": ("Share of test problems accepted in the newest iteration", ("test",)),
    "stage_seconds": ("Seconds of each stage of the newest iteration", ("stage",)),
    "sync_seconds": ("Seconds in which engines took and proved the newest weights", ()),
    "queue_depth": ("Calls that wait or run", ("actor",)),
    "queue_wait_seconds": ("Mean seconds that calls waited for their turn since the look before", ("actor",)),
    "busy_share": ("Share of the time since the look before in which a replica ran a call, mean", ("actor",)),
    "staleness": ("Versions that an engine is behind the newest weights", ("replica",)),
    "logprob_mismatch": ("Mean difference between engine and learner on canary tokens, in nats", ("replica",)),
    "replicas": ("Actors by health", ("actor", "health")),
}
COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "outcomes": ("Executed programs by outcome", ("outcome",)),
    "tokens": ("Tokens sampled, scored and trained", ("kind",)),
    "retries": ("Calls that failed for reasons of the machine", ("actor",)),
}
NOT_THE_MACHINE = ("", "CancelledError", "PromptTooLong")


class Meters(Protocol):
    """Where figures go; `tags` must be those of GAUGES and COUNTERS."""

    def put(self, name: str, value: float, **tags: str) -> None: ...
    def add(self, name: str, by: float, **tags: str) -> None: ...


class RayMeters:
    """Needs a Ray that this process has joined; each node's metrics agent serves what its processes report."""

    def __init__(self) -> None:
        from ray.util import metrics

        self._gauges = {
            name: metrics.Gauge(f"envisions_{name}", description=text, tag_keys=tags)
            for name, (text, tags) in GAUGES.items()
        }
        self._counters = {
            name: metrics.Counter(f"envisions_{name}", description=text, tag_keys=tags)
            for name, (text, tags) in COUNTERS.items()
        }

    def put(self, name: str, value: float, **tags: str) -> None:
        self._gauges[name].set(value, tags=tags)

    def add(self, name: str, by: float, **tags: str) -> None:
        self._counters[name].inc(by, tags=tags)


class Totals:
    """Growth of totals that start from zero with each new process."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, ...], float] = {}

    def growth(self, *key: str, total: float) -> float:
        before = self._seen.get(key, 0.0)
        self._seen[key] = total
        return total - before


def show(meters: Meters, sight: Sight, totals: Totals, newest: int) -> None:
    """Report one round of looks; `newest` is the version of the weights that engines should hold."""
    kinds = sorted({_kind(replica) for replica in sight.health})
    for kind in kinds:
        waits = [span.wait for span in sight.spans if span.kind == kind]
        busy = [share for replica, share in sight.busy.items() if _kind(replica) == kind]
        meters.put("queue_depth", sight.unanswered[kind], actor=kind)
        meters.put("queue_wait_seconds", _mean(waits), actor=kind)
        meters.put("busy_share", _mean(busy), actor=kind)
        states = Counter(health for replica, health in sight.health.items() if _kind(replica) == kind)
        for health in Health:
            meters.put("replicas", states[health], actor=kind, health=health)
        failed = sum(span.kind == kind and span.failed not in NOT_THE_MACHINE for span in sight.spans)
        meters.add("retries", failed, actor=kind) if failed else None
    for replica, look in sight.looks.items():
        _show_work(meters, replica, look.incarnation, look.status, totals)
        if "version" in look.status:
            meters.put("staleness", max(newest - look.status["version"], 0), replica=replica)
        if math.isfinite(look.status.get("mismatch", math.nan)):
            meters.put("logprob_mismatch", look.status["mismatch"], replica=replica)


def _show_work(meters: Meters, replica: str, incarnation: str, status: Mapping[str, Any], totals: Totals) -> None:
    for name, tag, found in (("outcomes", "outcome", status.get("outcomes")), ("tokens", "kind", status.get("tokens"))):
        for value, total in (found or {}).items():
            if grown := totals.growth(replica, incarnation, name, value, total=total):
                meters.add(name, grown, **{tag: str(value)})


def show_report(meters: Meters, report: IterationReport) -> None:
    """Report an iteration that has ended."""
    meters.put("goodput", report.goodput)
    for test, accuracy in report.accuracy.items():
        meters.put("accuracy", accuracy.value, test=test)
    for stage, seconds in report.seconds.items():
        meters.put("stage_seconds", seconds, stage=stage)
    if "load" in report.seconds:
        meters.put("sync_seconds", report.seconds["load"])
    if trained := report.tokens.get("trained"):
        meters.add("tokens", trained, kind="trained")


def _kind(replica: str) -> str:
    return replica.rpartition("-")[0]


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 0.0

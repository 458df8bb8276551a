"""Where an iteration's time went: every second of its wall clock under one cause, and the cause to mend first.

Stages follow each other, so their seconds add up. Within `explore` and `evaluate` hundreds of problems are under way
at once: there a stage's seconds are shared out as the problems spent theirs. A problem's time is split into what some
other actor did or let it wait (the union of its calls, in proportion to their lengths) and the rest, which is the
service's own. All shares add up to the stage, whatever overlaps.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from actors.spans import Span
from envisions.activity import Stage

Shares = dict[str, float]  # seconds by cause
SPREAD = ("explore", "evaluate")
SLOW = 3.0  # times its sisters' mean seconds a call: a replica that is slow
LIGHT = 0.25  # of what generators and environments could have under way at once: too little is given to them
REMEDIES = {
    "generator": "the engines are the limit: more of them (actors.generator.count), or shorter completions",
    "environment": "environments are the limit: more of them (actors.environment.count, most), or tighter limits",
    "verifier": "judging what programs answered takes longer than running them: more actors.environment.count",
    "memory": "storing is the limit: give memory a faster disk and more cores (actors.memory.cores)",
    "service": "too few problems are under way: raise explore.in_flight or actors.service.count",
    "learner": "training is the limit: more learner ranks or threads, or fewer learn.epochs",
    "checkpoint": "training waits for its checkpoints: raise learn.checkpoint_steps, or give weights/ a faster disk",
    "weight sync": "engines wait for new weights: a faster disk or network, or longer iterations",
    "driver": "the driver is the limit: give it a core of its own",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """Seconds of the wall clock, the stage they fell into and what they were spent on."""

    stage: str
    cause: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Capacity:
    """What the parts could have under way at once, and what they said of their work."""

    problems: int = 0  # in flight, over all services
    generator: int = 0  # sequences, over all engines
    environment: int = 0  # programs, over all workers
    programs: float = 0.0  # seconds that programs ran
    verifying: float = 0.0  # seconds that their answers were judged
    hosts: Mapping[str, str] = field(default_factory=dict)  # machine of each replica


@dataclass(frozen=True, kw_only=True, slots=True)
class Waterfall:
    """One iteration. The bars sum to `seconds`, up to rounding."""

    iteration: int
    seconds: float
    bars: Sequence[Bar]
    bottleneck: str
    where: str  # a replica and its machine, where one alone is to blame
    share: float  # of the wall clock that the bottleneck accounts for
    learner_idle: float  # share of the wall clock
    calls: int
    dropped: int

    def body(self) -> dict[str, Any]:
        return asdict(self)


def waterfall(
    stages: Sequence[Stage],
    spans: Sequence[Span],
    capacity: Capacity,
    learning: Mapping[str, float],
    dropped: int = 0,
) -> Waterfall:
    """`stages` of one iteration; the calls made meanwhile; `learning`: seconds of steps and of saving."""
    bars: list[Bar] = []
    for stage in stages:
        if stage.name in SPREAD:
            shares = _of_problems(_problems(spans, stage), stage.seconds)
        elif stage.name == "learn":
            shares = _of_learning(learning, stage.seconds)
        else:
            shares = _of_driver(spans, stage)
        bars += [Bar(stage=stage.name, cause=cause, seconds=seconds) for cause, seconds in shares.items()]
    wall = sum(stage.seconds for stage in stages)
    name, seconds = _bottleneck(_merged(bars), stages, spans, capacity)
    learn = sum(stage.seconds for stage in stages if stage.name == "learn")
    return Waterfall(
        iteration=stages[-1].iteration,
        seconds=wall,
        bars=_merged(bars),
        bottleneck=name,
        where=_slow_one(spans, name, capacity.hosts),
        share=seconds / wall if wall else 0.0,
        learner_idle=1 - learn / wall if wall else 0.0,
        calls=len(spans),
        dropped=dropped,
    )


@dataclass
class _Problem:
    """The calls that were made for one problem, and the time between it was sent to a service and came back."""

    waited: float = 0.0
    seconds: float = 0.0
    calls: list[Span] = field(default_factory=list)


def _problems(spans: Iterable[Span], stage: Stage) -> list[_Problem]:
    problems: dict[tuple[str, ...], _Problem] = defaultdict(_Problem)
    for span in spans:
        if span.trace[:1] != (f"{stage.name}-{stage.iteration}",):
            continue
        problem = problems[span.trace[:2]]
        if span.kind == "service":
            problem.waited += span.wait
            problem.seconds += span.seconds
        else:
            problem.calls.append(span)
    return [problem for problem in problems.values() if problem.seconds]


def _of_problems(problems: Sequence[_Problem], seconds: float) -> Shares:
    """A stage's seconds by cause, as its problems spent theirs."""
    spent: dict[str, float] = defaultdict(float)
    for problem in problems:
        called = min(_union(problem.calls), problem.seconds)
        total = sum(span.seconds for span in problem.calls) or 1.0
        for span in problem.calls:
            spent[f"{span.kind}: {'failed calls' if span.failed else 'waiting'}"] += called * span.wait / total
            spent[f"{span.kind}: {'failed calls' if span.failed else 'running'}"] += called * span.ran / total
        spent["service: waiting"] += min(problem.waited, problem.seconds - called)
        spent["service: running"] += max(problem.seconds - called - problem.waited, 0.0)
    total = sum(spent.values())
    if not total:
        return {"driver: running": seconds}
    return {cause: seconds * value / total for cause, value in spent.items() if value}


def _of_learning(learning: Mapping[str, float], seconds: float) -> Shares:
    saving = min(learning.get("saving", 0.0), seconds)
    steps = min(learning.get("seconds", 0.0) - saving, seconds - saving)
    rest = seconds - saving - steps
    parts = {"learner: steps": steps, "learner: checkpoints": saving, "learner: loading and writing": rest}
    return {cause: value for cause, value in parts.items() if value > 0}


def _of_driver(spans: Iterable[Span], stage: Stage) -> Shares:
    """A stage in which the driver itself asks: each kind of actor while it is asked, the driver for the rest."""
    asked: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        if not span.trace and stage.began <= span.sent <= stage.began + stage.seconds:
            asked[span.kind].append(span)
    shares = {f"{kind}: running": _union(calls) for kind, calls in asked.items()}
    total = sum(shares.values())
    if total > stage.seconds:  # two kinds at once
        return {cause: value * stage.seconds / total for cause, value in shares.items()}
    return shares | {"driver: running": stage.seconds - total}


def _union(calls: Iterable[Span]) -> float:
    """Seconds in which at least one of the calls was under way."""
    covered, end = 0.0, float("-inf")
    for span in sorted(calls, key=lambda span: span.sent):
        until = span.sent + span.seconds
        covered += max(until - max(span.sent, end), 0.0)
        end = max(end, until)
    return covered


def _merged(bars: Iterable[Bar]) -> list[Bar]:
    """One bar for each stage and cause, in the order of the stages."""
    total: dict[tuple[str, str], float] = {}
    for bar in bars:
        total[bar.stage, bar.cause] = total.get((bar.stage, bar.cause), 0.0) + bar.seconds
    return [Bar(stage=stage, cause=cause, seconds=seconds) for (stage, cause), seconds in total.items()]


# What to mend first


def _bottleneck(
    bars: Sequence[Bar], stages: Sequence[Stage], spans: Sequence[Span], capacity: Capacity
) -> tuple[str, float]:
    """The cause that the largest part of the wall clock is due to, and that part in seconds."""
    blamed: dict[str, float] = defaultdict(float)
    for bar in bars:
        blamed[_blame(bar)] += bar.seconds
    if not blamed:
        return "driver", 0.0
    name, seconds = max(blamed.items(), key=lambda item: item[1])
    if name == "environment" and capacity.verifying > capacity.programs:
        name = "verifier"
    if name in ("generator", "environment", "verifier") and _starved(stages, spans, capacity):
        name = "service"
    return name, seconds


def _blame(bar: Bar) -> str:
    if bar.stage == "load":
        return "weight sync"
    if bar.cause == "learner: checkpoints":
        return "checkpoint"
    return bar.cause.partition(":")[0]


def _starved(stages: Sequence[Stage], spans: Sequence[Span], capacity: Capacity) -> bool:
    """Whether services had all they may have under way, and that was little for everyone behind them."""
    seconds = sum(stage.seconds for stage in stages if stage.name in SPREAD)
    inside = [span for span in spans if span.trace[:1] and span.trace[0].partition("-")[0] in SPREAD]
    if not seconds or not capacity.problems:
        return False

    def load(kind: str) -> float:
        return sum(span.ran for span in inside if span.kind == kind) / seconds

    full = load("service") > 0.8 * capacity.problems
    light = all(load(kind) < LIGHT * getattr(capacity, kind) for kind in ("generator", "environment"))
    return full and light


def _slow_one(spans: Iterable[Span], name: str, hosts: Mapping[str, str]) -> str:
    """The one replica of the blamed kind whose calls take several times as long as those of its sisters."""
    kind = "environment" if name == "verifier" else name
    ran: dict[str, list[float]] = defaultdict(list)
    for span in spans:
        if span.kind == kind and span.trace:
            ran[span.where].append(span.seconds)
    means = {where: sum(values) / len(values) for where, values in ran.items()}
    if len(means) < 2:
        return ""
    worst = max(means, key=lambda where: means[where])
    others = median(value for where, value in means.items() if where != worst)
    if means[worst] < SLOW * others:
        return ""
    return f"{worst} on {hosts[worst]}" if worst in hosts else worst

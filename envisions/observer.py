"""Makes what a watch sees lasting: meters while a run goes on, and for each iteration a waterfall and a timeline.

Everything lies in the run's logs/: now.json (who is waited for), waterfall-N.json, timeline-N.json, tensorboard/.
"""

import json
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actors.spans import Span
from actors.watch import Sight
from envisions import meters as showing
from envisions import timeline
from envisions.activity import Activity
from envisions.config import RunConfig
from envisions.files import write_aside
from envisions.meters import Meters, Totals
from envisions.records import IterationReport
from envisions.trackers import figures, trackers
from envisions.waterfall import Capacity, waterfall


class Observer:
    """One for a run, in the driver."""

    def __init__(self, config: RunConfig, logs: Path, activity: Activity, meters: Meters | None = None) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._config, self._logs, self._activity, self._meters = config, logs, activity, meters
        self._trackers = trackers(config.track, config.run.name, logs)
        self._totals, self._tallies = Totals(), Totals()
        self._spans: list[Span] = []
        self._hosts: dict[str, str] = {}
        self._parallel = 0
        self._worked: dict[str, float] = defaultdict(float)
        self._learning: Mapping[str, float] = {}
        self._dropped = self._dropped_before = 0
        self.newest = 0  # version of the weights that engines should hold

    def notice(self, sight: Sight) -> None:
        """One round of looks."""
        self._spans += sight.spans
        self._dropped = sight.dropped
        workers = [look.status for look in sight.looks.values() if "parallel" in look.status]
        self._parallel = sum(status["parallel"] for status in workers) or self._parallel
        for replica, look in sight.looks.items():
            self._hosts[replica] = look.host
            for part, seconds in look.status.get("seconds", {}).items() if "parallel" in look.status else ():
                self._worked[part] += self._tallies.growth(replica, look.incarnation, part, total=seconds)
        if self._meters is not None:
            showing.show(self._meters, sight, self._totals, self.newest)
        write_aside(self._logs / "now.json", json.dumps(self._now(sight)))

    def learned(self, seconds: float, saving: float) -> None:
        """What the learner says of a training: its seconds, and those of them in which it wrote checkpoints."""
        self._learning = {"seconds": seconds, "saving": saving}

    def iteration_ended(self, report: IterationReport) -> None:
        """Write down where its time went. Call it after a last look."""
        stages, spans = self._activity.ended(), self._spans
        flow = waterfall(stages, spans, self._capacity(), self._learning, self._dropped - self._dropped_before)
        write_aside(self._logs / f"waterfall-{report.iteration}.json", json.dumps(flow.body(), indent=1))
        timeline.write(self._logs / f"timeline-{report.iteration}.json", stages, spans)
        if self._meters is not None:
            showing.show_report(self._meters, report)
        for tracker in self._trackers:
            tracker.log(figures(report), report.iteration)
        self._spans, self._worked, self._learning, self._dropped_before = [], defaultdict(float), {}, self._dropped

    def close(self) -> None:
        for tracker in self._trackers:
            tracker.close()
        (self._logs / "now.json").unlink(missing_ok=True)  # nobody is waited for any more

    def _capacity(self) -> Capacity:
        config = self._config
        return Capacity(
            problems=config.explore.in_flight * config.actors.service.count,
            generator=config.engine.max_sequences * config.actors.generator.count,
            environment=self._parallel,
            programs=self._worked["program"],
            verifying=self._worked["verify"],
            hosts=self._hosts,
        )

    def _now(self, sight: Sight) -> dict[str, Any]:
        activity = self._activity
        return {
            "pid": os.getpid(),
            "at": time.time(),
            **{name: getattr(activity, name) for name in ("stage", "iteration", "done", "total", "seconds")},
            "health": sight.health,
            "unanswered": sight.unanswered,
            "waiting": [(seconds, who, "/".join(trace)) for seconds, who, trace in sight.waiting[:5]],
        }

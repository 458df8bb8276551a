"""Executes web scripts: expands one in the sandbox, plays its actions in a browser, and reads the page's reward."""

import json
import time
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from envisions.records import Feedback, Outcome, Problem
from envs.sandbox.sandbox import Sandbox, SandboxConfig
from envs.web.episode import EpisodeConfig, Played
from envs.web.farm import Farm, Unplayable
from envs.web.scripts import Action, Expansion, expand, extract
from envs.web.tasks import task


class WebEnvironment:
    """Plays scripts on MiniWoB++ tasks. To be used by many threads at once.

    `problem.setup` has `task` and `seed`. A script never runs beside the browser: it is expanded to actions first.
    """

    def __init__(self, config: EpisodeConfig | None = None, sandbox: SandboxConfig | None = None) -> None:
        self.config = config or EpisodeConfig()
        self.sandbox = Sandbox(sandbox)
        self.farm = Farm(self.config)

    @property
    def parallel(self) -> int:
        """How many scripts are under way at once: while one plays on each page, another one is expanded for it."""
        return 2 * self.config.pages

    def start(self) -> dict[str, Any]:
        """The browser, and the layers that confine scripts. Raises InfrastructureError where one cannot be had."""
        return {"browser": self.farm.version, "pages": self.config.pages, "sandbox": list(self.sandbox.layers)}

    def execute(self, problem: Problem, program: str) -> Feedback:
        """Run one script against one problem. Raises InfrastructureError when the machine broke."""
        begun = time.perf_counter()
        script = expand(extract(program) or program, self.sandbox)
        if script.error or not script.actions:
            outcome = Outcome.timed_out if script.run.status == "timeout" else Outcome.failed
            error = script.error or "the script does nothing: call the methods of agent"
            return Feedback(outcome=outcome, error=error, seconds=time.perf_counter() - begun, evidence=told(program))
        before = Counter(self.farm.recoveries)
        try:
            played = self.farm.play(task(problem.setup["task"]), problem.setup["seed"], script.actions)
        except Unplayable as fault:
            seconds = time.perf_counter() - begun
            return Feedback(outcome=Outcome.timed_out, error=str(fault), seconds=seconds, evidence=told(program))
        reward = played.timed if self.config.reward == "timed" else played.raw
        outcome = self._outcome(played, reward)
        return Feedback(
            outcome=outcome,
            output=json.dumps(reward) if played.done else None,
            error="" if outcome is Outcome.accepted else self._said(played, script),
            seconds=time.perf_counter() - begun,
            evidence=told(program) | seen(played) | recovered(self.farm.recoveries - before),
        )

    def close(self) -> None:
        """End the browser and the sandbox."""
        self.farm.close()
        self.sandbox.close()

    def _outcome(self, played: Played, reward: float) -> Outcome:
        if played.done and not played.left:
            return Outcome.accepted if reward > self.config.success else Outcome.rejected
        return Outcome.failed if played.fault else Outcome.rejected

    def _said(self, played: Played, script: Expansion) -> str:
        """What is wrong, for a refinement; never what would be right."""
        if played.left:
            verdict = "the page was left, which ends the episode"
        elif played.done:
            verdict = "the episode ended, and the task was not done as asked"
        else:
            verdict = played.fault or f"the episode is still open after {_counted(script.actions)}"
        return "; ".join([verdict, *played.notes[:3]])


def told(program: str) -> dict[str, Any]:
    return {"program_sha256": sha256(program.encode("utf-8", "surrogatepass")).hexdigest()}


def seen(played: Played) -> dict[str, Any]:
    """The episode as evidence: every action with the fingerprint of the page before it, and how it ended."""
    found: dict[str, Any] = {
        "actions": played.trace,
        "dom": played.dom,
        "done": played.done,
        "open": not (played.done or played.fault or played.left),
        "reward": {"raw": played.raw, "timed": played.timed, "reason": played.reason},
    }
    more = {"page": played.page, "left": played.left, "screenshot": played.screenshot}
    return found | {name: value for name, value in more.items() if value}


def recovered(counts: Mapping[str, int]) -> dict[str, Any]:
    """What broke and was replaced while this episode, or one beside it, was played."""
    return {"recovered": dict(counts)} if counts else {}


def _counted(actions: tuple[Action, ...]) -> str:
    return "its one action" if len(actions) == 1 else f"all {len(actions)} actions"

"""What a run is doing right now; the parts write it, the console reads it."""

import time
from dataclasses import dataclass, field
from typing import NamedTuple


class Stage(NamedTuple):
    """A stretch of an iteration: when it began (seconds since 1970) and how long it took."""

    name: str
    iteration: int
    began: float
    seconds: float


@dataclass
class Activity:
    """`done` of `total` units: problems while exploring and evaluating, texts while selecting, steps while learning."""

    stage: str = "starting"
    iteration: int = 0
    done: int = 0
    total: int = 0
    accepted: int = 0  # programs
    tokens: int = 0  # sampled, scored or trained
    began: float = field(default_factory=time.monotonic)
    past: list[Stage] = field(default_factory=list)  # the stages that have ended, until `ended` is asked

    def begin(self, stage: str, iteration: int, total: int = 0) -> None:
        self.past.append(Stage(self.stage, self.iteration, time.time() - self.seconds, self.seconds))
        self.stage, self.iteration, self.total = stage, iteration, total
        self.done = self.accepted = self.tokens = 0
        self.began = time.monotonic()

    def add(self, done: int = 1, accepted: int = 0, tokens: int = 0) -> None:
        self.done += done
        self.accepted += accepted
        self.tokens += tokens

    def ended(self) -> list[Stage]:
        """An iteration has ended: its stages. What is done from now on belongs to the next one."""
        self.begin("between", self.iteration)
        stages, self.past = self.past, []
        return stages

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

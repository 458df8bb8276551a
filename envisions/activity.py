"""What a run is doing right now; the parts write it, the console reads it."""

import time
from dataclasses import dataclass, field


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

    def begin(self, stage: str, iteration: int, total: int = 0) -> None:
        self.stage, self.iteration, self.total = stage, iteration, total
        self.done = self.accepted = self.tokens = 0
        self.began = time.monotonic()

    def add(self, done: int = 1, accepted: int = 0, tokens: int = 0) -> None:
        self.done += done
        self.accepted += accepted
        self.tokens += tokens

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

"""How many programs are sampled of which problem: K of each, or more where they are of use, decided in rounds.

A round ends when all its attempts have. Who is drawn in the next one follows from the attempts of the earlier rounds
alone: never from the order in which they arrived, so that any number of actors draws the same.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field


class AdaptiveConfig(BaseModel):
    """Sampling in rounds. All problems of an iteration share one budget: `explore.samples` for each, on average."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(2, ge=1)
    """Programs that a problem gets in a round."""
    most: int = Field(16, ge=1)
    """Programs that a problem gets at most, all rounds together."""
    enough: int = Field(3, ge=1)
    """Distinct right programs after which a problem gets no more; its refinements count too."""
    hopeless: float = Field(0.05, ge=0, lt=1)
    """An unsolved problem gets no more once the chance that a round solves it falls below this; 0 never gives up."""


class Try(NamedTuple):
    """One stored attempt, as far as rounds go. `right` is None where there was no verdict."""

    slot: int
    right: bool | None
    program: str  # canonical


Tries = Mapping[str, Collection[Try]]  # by problem


@dataclass(frozen=True, slots=True)
class Rounds:
    """The rounds of one iteration. `samples` x problems are never exceeded, however a run was cut off."""

    config: AdaptiveConfig
    samples: int

    @property
    def count(self) -> int:
        """How many rounds there can be."""
        return self.config.most // self.config.size

    def slots(self, number: int) -> range:
        """The slots that round `number` fills."""
        return range(number * self.config.size, (number + 1) * self.config.size)

    def chosen(self, problems: Sequence[str], tries: Tries, number: int, lot: Callable[[str], float]) -> list[str]:
        """The problems drawn in round `number`: at first all, in their order; then those still open, the least
        solved first and among equals those with the better chance, then by `lot`, as far as the budget goes."""
        drawn, left = list(problems), self.samples * len(problems)
        for n in range(number + 1):
            if n:
                tallies = {problem: tally(tries.get(problem, ()), n * self.config.size) for problem in drawn}
                open_ones = [problem for problem in drawn if self._open(tallies[problem])]
                drawn = sorted(open_ones, key=lambda p: (tallies[p].distinct, -tallies[p].chance(1), lot(p), p))
            drawn = drawn[: left // self.config.size]
            left -= self.config.size * len(drawn)
        return drawn

    def begun(self, tries: Tries) -> int:
        """The newest round that has attempts; earlier ones are closed, or a resumed run would choose anew."""
        newest = max((each.slot for tried in tries.values() for each in tried), default=0)
        return newest // self.config.size

    def touched(self, tries: Tries, number: int) -> set[str]:
        """The problems that have attempts of round `number`."""
        slots = self.slots(number)
        return {problem for problem, tried in tries.items() if any(each.slot in slots for each in tried)}

    def _open(self, found: "Tally") -> bool:
        hopeless = not found.right and found.chance(self.config.size) < self.config.hopeless
        return found.distinct < self.config.enough and not hopeless


class Tally(NamedTuple):
    """What attempts at one problem came to: verdicts, right ones, distinct right programs."""

    verdicts: int
    right: int
    distinct: int

    def chance(self, draws: int) -> float:
        """The posterior chance that at least one of the next draws is right, from a uniform prior on the solve rate."""
        wrong, missed = self.verdicts - self.right, 1.0
        for i in range(draws):
            missed *= (1 + wrong + i) / (2 + self.verdicts + i)
        return 1 - missed


def tally(tries: Collection[Try], below: int) -> Tally:
    """The tally of the slots below one; what is no verdict does not count."""
    verdicts = [each for each in tries if each.slot < below and each.right is not None]
    rights = [each.program for each in verdicts if each.right]
    return Tally(len(verdicts), len(rights), len(set(rights)))


def fixed(samples: int) -> Rounds:
    """One round: K programs of every problem."""
    return Rounds(AdaptiveConfig(size=samples, most=samples), samples)

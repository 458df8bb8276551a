"""How one replica does, told from its answers: healthy, suspect, dead, restarting or stale.

healthy -> suspect       a call or a probe failed
suspect -> healthy       one succeeded
suspect -> dead          FAILURES failed in a row, or one was not answered within its deadline
dead -> restarting       it was killed, and Ray starts it again
restarting -> stale      its process answers, and has not proved yet that it holds what it should
stale -> healthy         it has
"""

from dataclasses import dataclass
from enum import StrEnum

FAILURES = 3  # in a row


class Health(StrEnum):
    healthy = "healthy"
    suspect = "suspect"  # asked only where no healthy one is
    dead = "dead"  # to be replaced
    restarting = "restarting"
    stale = "stale"  # up, but without proof that it holds the current weights: it serves nothing


PREFERENCE = (Health.healthy, Health.suspect, Health.stale, Health.restarting, Health.dead)


@dataclass
class Vitals:
    """The health of one replica, and the failures in a row that led to it."""

    health: Health = Health.healthy
    failures: int = 0

    def answered(self, *, stale: bool = False) -> None:
        self.failures = 0
        self.health = Health.stale if stale else Health.healthy

    def failed(self) -> None:
        self.failures += 1
        self.health = Health.dead if self.failures >= FAILURES else Health.suspect

    def hung(self) -> None:
        self.health = Health.dead

    def lost(self) -> None:
        """Its process is gone, or was just killed; Ray starts another one."""
        self.failures = 0
        self.health = Health.restarting

    @property
    def preference(self) -> int:
        """Whom to ask first: the lowest."""
        return PREFERENCE.index(self.health)

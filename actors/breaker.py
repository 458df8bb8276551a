"""A circuit breaker: when everything a kind of actor is asked fails, asking pauses, longer each time, and then resumes.

Without it every call would use up its attempts within seconds while, say, a disk is full or a browser is being
updated, and a whole iteration would be noted as spoiled.
"""

import time
from collections.abc import Callable

FAILURES = 5  # in a row, over all replicas
FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0


class Breaker:
    """Closed: calls pass. Open: none does for a while. Then one is let through, and its result decides."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = FIRST_SECONDS
        self._opens_again = 0.0
        self._trial = False

    @property
    def open(self) -> bool:
        return self._failures >= FAILURES

    def wait(self) -> float:
        """Seconds until a call may be made; 0 lets this one through. Ask again afterwards: another may be first."""
        if not self.open:
            return 0.0
        left = self._opens_again - self._clock()
        if left > 0:
            return left
        if self._trial:
            return FIRST_SECONDS
        self._trial = True
        return 0.0

    def succeeded(self) -> None:
        self._failures, self._pause, self._trial = 0, FIRST_SECONDS, False

    def failed(self) -> None:
        self._failures += 1
        if self._failures < FAILURES:
            return
        if self._trial or self._failures == FAILURES:  # calls that were under way when it opened do not prolong it
            self._opens_again = self._clock() + self._pause
            self._pause = min(2 * self._pause, LONGEST_SECONDS)
        self._trial = False

    def abandoned(self) -> None:
        """A call was lost or given up: nothing is known, and another one may try."""
        self._trial = False

"""How many replicas a fleet should have, told from how long its calls wait and how busy it is."""

from dataclasses import dataclass

WAIT_SECONDS = 0.5  # a mean wait above this asks for more replicas
IDLE_SHARE = 0.3  # a busy share below this, with no wait, could do with fewer
CALM_LOOKS = 3  # in a row before one is let go: a new one takes seconds to start


@dataclass
class Elastic:
    """Between `least` and `most`; grows at once, by half its size, and shrinks slowly, one by one."""

    least: int
    most: int
    calm: int = 0

    def wanted(self, size: int, wait_seconds: float, busy_share: float) -> int:
        """The size to have, given the size there is and what was seen since the last look."""
        if wait_seconds > WAIT_SECONDS:
            self.calm = 0
            return min(max(size + max(size // 2, 1), self.least), self.most)
        self.calm = self.calm + 1 if busy_share < IDLE_SHARE else 0
        if self.calm >= CALM_LOOKS and size > self.least:
            self.calm = 0
            return size - 1
        return max(size, self.least)

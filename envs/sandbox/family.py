"""Zygotes that have the same modules loaded: who gets the next program, and what follows when one dies."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from envs.base import InfrastructureError
from envs.sandbox.process import ZygoteProcess


class Family:
    """A fixed number of zygotes. Each starts when a program needs it, and anew when it has died; for many threads."""

    def __init__(self, size: int, start: Callable[[], ZygoteProcess]) -> None:
        self.start = start
        self.restarts = 0  # zygotes started after the death of one
        self._members: list[ZygoteProcess | None] = [None] * size
        self._busy = [0] * size  # programs that each has now
        self._lock = threading.Lock()
        self._closed = False

    def call(self, job: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The reply of the least busy zygote to one job. Raises ZygoteDiedError when it dies meanwhile."""
        with self._one() as zygote:
            return zygote.call(job, seconds)

    @property
    def pid(self) -> int | None:
        """The process id of the first zygote that lives, None while none does."""
        return next((each.pid for each in self._members if each is not None and each.alive), None)

    @property
    def layers(self) -> tuple[str, ...]:
        """What stands between a program and this machine. Starts a zygote, which tries what can be had."""
        with self._one() as zygote:
            return zygote.layers

    def close(self) -> None:
        """End the zygotes and every program."""
        with self._lock:
            self._closed, members = True, self._members
            self._members = [None] * len(members)
        for each in members:
            if each is not None:
                each.close()

    @contextmanager
    def _one(self) -> Iterator[ZygoteProcess]:
        with self._lock:
            if self._closed:
                raise InfrastructureError("the sandbox is closed; make a new one")
            place = min(range(len(self._busy)), key=self._busy.__getitem__)
            zygote = self._living(place)
            self._busy[place] += 1
        try:
            yield zygote
        finally:
            with self._lock:
                self._busy[place] -= 1

    def _living(self, place: int) -> ZygoteProcess:
        zygote = self._members[place]
        if zygote is None or not zygote.alive:
            self.restarts += zygote is not None
            zygote = self._members[place] = self.start()
        return zygote

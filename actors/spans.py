"""Where time goes: every call from one actor to another, noted by the caller, with the trajectory it was made for.

A trajectory has one trace: stage and iteration, problem, slot, kind. It travels with each request, so that whatever an
actor asks of others on the way belongs to the same trace. Only durations cross machines: clocks need not agree.
"""

import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from itertools import islice
from typing import NamedTuple, ParamSpec, TypeVar

from envisions.records import AttemptKey

P = ParamSpec("P")
R = TypeVar("R")
Trace = tuple[str, ...]
TRACE: ContextVar[Trace] = ContextVar("trace", default=())
KEPT = 100_000  # spans that one process keeps until it is asked for them; older ones are dropped, and counted
OLDEST = 5  # open calls that are told of


class Span(NamedTuple):
    """One call: made at `sent` (seconds since 1970, the caller's clock), `wait` until it began, `ran` from then on."""

    trace: Trace
    name: str  # "environment.execute"
    where: str  # who did it: "environment-0"
    sent: float
    wait: float
    ran: float
    failed: str = ""  # the class of the error that the caller saw

    @property
    def kind(self) -> str:
        """The kind of actor that was asked."""
        return self.name.partition(".")[0]

    @property
    def seconds(self) -> float:
        return self.wait + self.ran


@dataclass(slots=True)
class Open:
    """A call that has not been answered."""

    trace: Trace
    name: str
    where: str
    sent: float
    ran: float | None = None  # what the callee says; None: all of it, as the caller sees it


@contextmanager
def traced(*names: object) -> Iterator[None]:
    """Calls made within belong to the trace extended by these names."""
    token = TRACE.set((*TRACE.get(), *map(str, names)))
    try:
        yield
    finally:
        TRACE.reset(token)


def of_trajectory(attempt: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Calls that a method makes belong to the trajectory whose key is among its arguments."""

    @wraps(attempt)
    async def within(*args: P.args, **kwargs: P.kwargs) -> R:
        key = next(value for value in args if isinstance(value, AttemptKey))
        with traced(key.slot, key.kind):
            return await attempt(*args, **kwargs)

    return within


class Record:
    """The calls of this process. Belongs to the event loop that makes the calls."""

    def __init__(self) -> None:
        self.dropped = 0
        self._spans: deque[Span] = deque(maxlen=KEPT)
        self._open: dict[int, Open] = {}

    @contextmanager
    def call(self, name: str, where: str) -> Iterator[Open]:
        """Note what happens within as one call; the callee's own seconds go into `ran`."""
        call = Open(TRACE.get(), name, where, time.time())
        begun, failed = time.perf_counter(), ""
        self._open[id(call)] = call
        try:
            yield call
        except BaseException as error:
            failed = type(error).__name__
            raise
        finally:
            del self._open[id(call)]
            whole = time.perf_counter() - begun
            ran = whole if call.ran is None else min(call.ran, whole)
            self.dropped += len(self._spans) == KEPT
            self._spans.append(Span(call.trace, name, where, call.sent, whole - ran, ran, failed))

    def drain(self) -> list[Span]:
        """Every call that has ended since last asked."""
        spans = list(self._spans)
        self._spans.clear()
        return spans

    def waiting(self) -> list[tuple[float, str, Trace]]:
        """(seconds so far, who and what, trace) of the calls that are open longest."""
        now = time.time()  # calls are kept in the order in which they were made
        return [(now - call.sent, f"{call.where} {call.name}", call.trace) for call in islice(self.open, OLDEST)]

    def unanswered(self) -> Counter[str]:
        """Open calls by kind of actor."""
        return Counter(call.name.partition(".")[0] for call in self.open)

    @property
    def open(self) -> list[Open]:
        return list(self._open.values())


RECORD = Record()

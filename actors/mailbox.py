"""Many small calls in few messages: the two ends of the wire between one caller and one replica.

A Ray call costs about half a millisecond of processor time on each side; a sampled program or an executed one
costs a few. So calls travel in batches: `Line.call` puts a request into an outbox that leaves with the next
message, `Replica` answers once any request is done with everything that is done by then. Both linger for a moment, so
that a message holds what comes up within it.

Replica  consumes: requests            waits for: the object's methods    produces: replies, in any order
Line     consumes: calls, replies      waits for: Ray                     produces: results, or ReplicaLost
"""

import asyncio
import contextlib
import itertools
import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any, NamedTuple
from uuid import uuid4

from actors.health import Vitals
from actors.spans import RECORD, TRACE, Span, Trace
from envs.base import InfrastructureError

LINGER_SECONDS = 0.01
COLLECT_SECONDS = 10.0  # how long an idle poll stays open
SILENCE_SECONDS = 60.0  # an open poll unanswered for this long means that the process hangs
RECONNECT_SECONDS = 0.5
START_SECONDS = 600.0  # a large model takes minutes to load
FOR_EVER = 1e9
FATAL_ERRORS = 3  # infrastructure failures in a row after which a replica replaces itself
LOOKS_PER_WEIGHING = 5  # counting a process tree's memory takes milliseconds
MEMBERS: dict[str, Sequence[str]] = {}  # names of the replicas of each fleet, once its driver has told this process


class ReplicaLost(InfrastructureError):
    """The replica died, hung or was replaced before it answered: the call may be made again elsewhere."""


class Request(NamedTuple):
    id: int
    method: str
    args: tuple[Any, ...]
    trace: Trace = ()


class Reply(NamedTuple):
    id: int
    value: Any
    error: Exception | None
    seconds: float = 0.0  # that the method ran


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What one process tells of itself. Totals are since its start; spans since last asked."""

    incarnation: str
    host: str
    ready: bool
    running: int = 0
    answered: int = 0  # calls without an infrastructure failure
    errors_in_a_row: int = 0
    busy_seconds: float = 0.0  # in which at least one call was running
    resident_gib: float = 0.0  # memory of the process and all below it
    status: Mapping[str, Any] = field(default_factory=dict)  # what the object tells
    spans: Sequence[Span] = ()
    dropped: int = 0
    waiting: Sequence[tuple[float, str, Trace]] = ()
    unanswered: Mapping[str, int] = field(default_factory=dict)


class Replica:
    """What Ray runs: one plain object and the mailbox through which it is asked.

    Methods that are coroutines run on the actor's event loop, all others in threads: as many at once as the object's
    `parallel` says, if it does, so that it is known how long a call has waited for its turn. An object that keeps
    failing for infrastructure reasons ends its process, and Ray starts a new one.
    """

    def __init__(self, name: str, cls: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._name, self._cls, self._args = name, cls, args
        self._incarnation = uuid4().hex
        self._object: Any = None
        self._threads: ThreadPoolExecutor | None = None
        self._facts: dict[str, Any] = {}
        self._starting: asyncio.Task[None] | None = None
        self._done: dict[str, asyncio.Queue[Reply]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors_in_a_row = self._answered = self._looks = 0
        self._busy_since, self._busy_seconds, self._resident_gib = 0.0, 0.0, 0.0

    def __repr__(self) -> str:
        return getattr(self, "_name", type(self).__name__)  # Ray asks even when the constructor failed

    async def ready(self) -> dict[str, Any]:
        """Build the object if it is not there yet; then who and where it is, and what its `start` told."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        try:
            await asyncio.shield(self._starting)
        except Exception:
            self._starting = None  # the next caller may find a machine in better health
            raise
        return {"incarnation": self._incarnation, "pid": os.getpid(), "host": os.uname().nodename, **self._facts}

    async def _start(self) -> None:
        built = await asyncio.to_thread(self._cls, *self._args)
        if hasattr(built, "start"):
            self._facts = await built.start() or {}
        self._object = built
        self._threads = ThreadPoolExecutor(getattr(built, "parallel", None), self._name)

    async def post(self, client: str, requests: list[Request]) -> str:
        await self.ready()
        self._done.setdefault(client, asyncio.Queue())
        if requests and not self._tasks:
            self._busy_since = time.perf_counter()
        for request in requests:
            task = asyncio.create_task(self._answer(client, request))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        return self._incarnation

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._busy_seconds += time.perf_counter() - self._busy_since

    async def collect(self, client: str) -> tuple[str, list[Reply]]:
        """Every reply that is ready; waits for the first one, but not for long."""
        done = self._done.setdefault(client, asyncio.Queue())
        try:
            replies = [await asyncio.wait_for(done.get(), COLLECT_SECONDS)]
        except TimeoutError:
            return self._incarnation, []
        await asyncio.sleep(LINGER_SECONDS)
        while not done.empty():
            replies.append(done.get_nowait())
        return self._incarnation, replies

    async def look(self, members: Mapping[str, Sequence[str]]) -> Look:
        """How this process does. `members` are the replicas that it may ask from now on, by fleet."""
        MEMBERS.update(members)
        if self._looks % LOOKS_PER_WEIGHING == 0:
            self._resident_gib = await asyncio.to_thread(resident_gib)
        self._looks += 1
        status = getattr(self._object, "status", None)
        return Look(
            incarnation=self._incarnation,
            host=os.uname().nodename,
            ready=self._object is not None,
            running=len(self._tasks),
            answered=self._answered,
            errors_in_a_row=self._errors_in_a_row,
            busy_seconds=self._busy_seconds + (time.perf_counter() - self._busy_since if self._tasks else 0.0),
            resident_gib=self._resident_gib,
            status=status() if status is not None else {},
            spans=RECORD.drain(),
            dropped=RECORD.dropped,
            waiting=RECORD.waiting(),
            unanswered=RECORD.unanswered(),
        )

    async def _answer(self, client: str, request: Request) -> None:
        value, error = None, None
        TRACE.set(request.trace)  # this task's own
        begun = time.perf_counter()
        try:
            method = getattr(self._object, request.method)
            if iscoroutinefunction(method):
                value = await method(*request.args)
            else:
                loop, context = asyncio.get_running_loop(), copy_context()
                value, begun = await loop.run_in_executor(self._threads, context.run, timed, method, request.args)
        except Exception as raised:
            error = portable(raised)
        self._done[client].put_nowait(Reply(request.id, value, error, time.perf_counter() - begun))
        if not isinstance(error, InfrastructureError):
            self._errors_in_a_row = 0
            self._answered += 1
        else:
            self._errors_in_a_row += 1
            if self._errors_in_a_row == FATAL_ERRORS:
                asyncio.get_running_loop().call_later(1.0, os._exit, 1)  # after the replies have left

    async def stop(self) -> None:
        """Let the object put away what it owns; the process is ended by Ray."""
        if hasattr(self._object, "close"):
            if iscoroutinefunction(self._object.close):
                await self._object.close()
            else:
                await asyncio.to_thread(self._object.close)


def timed(method: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, float]:
    """The result, and when the method began: later than it was asked for where all threads are taken."""
    begun = time.perf_counter()
    return method(*args), begun


def resident_gib() -> float:
    """Memory of this process and of all below it; what they share is counted in each."""
    import psutil

    total, own = 0, psutil.Process()
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # it has just ended
            total += process.memory_info().rss
    return total / 2**30


def portable(error: Exception) -> Exception:
    """The same error with its traceback as a note, since tracebacks do not travel."""
    error.add_note("".join(traceback.format_exception(error)))
    return error.with_traceback(None)


class Line:
    """One caller's connection to one replica. Belongs to the event loop that made it."""

    def __init__(self, handle: Any, name: str) -> None:
        self.name = name
        self.vitals = Vitals()
        self.connected, self._connected_at = False, 0.0
        self._handle = handle
        self._client = uuid4().hex
        self._ids = itertools.count()
        self._outbox: list[Request] = []
        self._pending: dict[int, asyncio.Future[Reply]] = {}
        self._incarnation = ""
        self._worker: asyncio.Task[None] | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._reviving: asyncio.Task[None] | None = None

    @property
    def load(self) -> int:
        return len(self._pending)

    async def call(self, method: str, args: tuple[Any, ...], deadline: float) -> Any:
        """The method's result; its own exception; ReplicaLost; or TimeoutError after `deadline` seconds.

        The time that a replica takes to start does not count: `connect` has a deadline of its own for that.
        """
        request = Request(next(self._ids), method, args, TRACE.get())
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._pending[request.id] = future
        self._outbox.append(request)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        elif self.connected:
            self._flush()
        with RECORD.call(f"{self.name.rpartition('-')[0]}.{method}", self.name) as call:
            try:
                reply = await self._answered(future, deadline)
            finally:
                self._pending.pop(request.id, None)
            call.ran = reply.seconds
            if reply.error is not None:
                raise reply.error
            return reply.value

    async def _answered(self, future: asyncio.Future[Reply], deadline: float) -> Reply:
        asked = time.monotonic()
        while True:
            since = max(asked, self._connected_at) if self.connected else time.monotonic()
            done, _ = await asyncio.wait({future}, timeout=max(since + deadline - time.monotonic(), 0.0))
            if done:
                return future.result()
            if self.connected and time.monotonic() >= max(asked, self._connected_at) + deadline:
                raise TimeoutError

    async def _work(self) -> None:
        """Connect, send, receive; ends when nothing is pending, fails all that is when the replica is lost."""
        try:
            self._incarnation = (await connect(self._handle, self.name))["incarnation"]
            self.connected, self._connected_at = True, time.monotonic()
            while self._pending:
                self._flush()
                incarnation, replies = await asyncio.wait_for(
                    self._handle.collect.remote(self._client), COLLECT_SECONDS + SILENCE_SECONDS
                )
                for reply in replies:
                    self._settle(reply)
                if incarnation != self._incarnation:
                    raise ReplicaLost(f"{self.name} was restarted")
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._lose(error)
        finally:
            self.connected = False

    def _flush(self) -> None:
        if self._outbox and (self._flushing is None or self._flushing.done()):
            self._flushing = asyncio.create_task(self._post())

    async def _post(self) -> None:
        await asyncio.sleep(LINGER_SECONDS)
        while self._outbox:
            batch, self._outbox = self._outbox, []
            try:
                await asyncio.wait_for(self._handle.post.remote(self._client, batch), SILENCE_SECONDS)
            except Exception as error:
                self._lose(error)
                return

    def _settle(self, reply: Reply) -> None:
        future = self._pending.get(reply.id)
        if future is not None and not future.done():  # else its caller has given up
            future.set_result(reply)

    def _lose(self, error: Exception) -> None:
        """Fail whatever is pending. An error of the object's own constructor is passed on as it is."""
        cause = getattr(error, "cause", None)  # ray.exceptions.RayTaskError
        if not isinstance(cause, Exception):
            cause = ReplicaLost(f"{self.name} was lost: {type(error).__name__}: {error}".splitlines()[0])
        self._outbox.clear()
        for future in self._pending.values():
            if not future.done():
                future.set_exception(cause)
        if isinstance(cause, ReplicaLost):
            self.vitals.lost()
            if self._reviving is None or self._reviving.done():
                self._reviving = asyncio.create_task(self._revive())

    async def _revive(self) -> None:
        """Find out when the replica serves again, so that no call has to."""
        try:
            await connect(self._handle, self.name, seconds=FOR_EVER)
        except ReplicaLost:
            self.vitals.hung()
        except Exception:  # its object cannot be built: whoever calls next is told why
            self.vitals.failed()
        else:
            self.vitals.answered()


async def connect(handle: Any, name: str, seconds: float = START_SECONDS) -> dict[str, Any]:
    """Wait until the replica serves; a restarting one is asked again, a dead one raises ReplicaLost."""
    from ray.exceptions import ActorDiedError, RayActorError

    until = time.monotonic() + seconds
    while True:
        try:
            return await asyncio.wait_for(handle.ready.remote(), until - time.monotonic())
        except ActorDiedError as error:
            raise ReplicaLost(f"{name} is dead: {error}") from error
        except RayActorError as error:  # restarting
            if time.monotonic() + RECONNECT_SECONDS > until:
                raise ReplicaLost(f"{name} did not come back within {seconds:.0f} s") from error
            await asyncio.sleep(RECONNECT_SECONDS)
        except TimeoutError as error:
            raise ReplicaLost(f"{name} did not start within {seconds:.0f} s") from error

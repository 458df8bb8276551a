"""N copies of a plain class as named Ray actors: whom to ask, when to ask again, when to replace one.

The only file that starts actors. A fleet can be handed to other actors: every process that uses it opens its own
lines. Calls name the method itself, `fleet.call(Generator.sample, ...)`, so that types are checked and an editor
finds the code; Ray appears nowhere else.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from pydantic import BaseModel, ConfigDict, Field, model_validator

from actors.breaker import Breaker
from actors.mailbox import MEMBERS, Line, Look, Replica, ReplicaLost, connect
from actors.spans import Trace, traced
from envs.base import InfrastructureError

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
ATTEMPTS = 5  # how often one call is made before its failure is reported
CLOSE_SECONDS = 20.0
NODE_SHARE = 0.001  # of a machine's custom resource: it says where, not how many


class FleetConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(1, ge=1)
    """How many actors of this kind; the fewest, where `most` is higher."""
    most: int = Field(0, ge=0)
    """Up to how many are started while calls wait (environment only); 0: always `count`."""
    cores: float = Field(0.25, gt=0)
    """Share of processor cores that each reserves; light actors take a fraction."""
    gpus: float = Field(0.0, ge=0)
    """GPUs that each reserves."""
    memory_gib: float = Field(0.5, gt=0)
    """Memory that each reserves, in GiB."""
    node: str = ""
    """Custom resource that a machine must offer to get one, such as a node group's name in cluster.yaml; "": any."""
    recycle_calls: int = Field(0, ge=0)
    """Calls after which an actor is replaced by a fresh one, at a moment when it has nothing to do; 0: never."""
    recycle_gib: float = Field(0.0, ge=0)
    """The same by memory: of its process and all below it, in GiB; 0: never."""
    deadline: float = Field(300.0, gt=0)
    """Seconds after which an unanswered call means that the actor hangs: it is killed and the call repeated."""

    @model_validator(mode="after")
    def _most_is_not_least(self) -> "FleetConfig":
        if 0 < self.most < self.count:
            raise ValueError(f"most is {self.most} and count is {self.count}; most must be at least count, or 0")
        return self


class Fleet:
    """The replicas of one class, as one process sees them.

    Which ones there are is up to the driver, which alone can start and end them; other processes are told (`MEMBERS`).
    """

    def __init__(
        self, name: str, names: Sequence[str], deadline: float, start: Callable[[str], Any] | None = None
    ) -> None:
        self.name, self.deadline = name, deadline
        self.retries: Counter[str] = Counter()
        self._names = list(names)
        self._start = start
        self._handles = {name: start(name) for name in names} if start else {}
        self._lines: dict[str, Line] = {}
        self._breaker = Breaker()
        self._next = len(self._names)

    def __reduce__(self) -> Any:
        # Names travel, not handles: Ray could not restart an actor whose arguments hold handles that were lost.
        return Fleet, (self.name, self.names, self.deadline)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def names(self) -> list[str]:
        """The replicas that may be asked."""
        return list(MEMBERS.get(self.name, self._names))

    @property
    def lines(self) -> list[Line]:
        names = self.names
        for name in self._lines.keys() - set(names):
            del self._lines[name]  # what is under way on it ends all the same
        for name in names:
            if name not in self._lines:
                self._lines[name] = Line(self.handle(name), name)
        return [self._lines[name] for name in names]

    def handle(self, name: str) -> Any:
        """Ray's handle of one replica; looked up by its name where it was not started by this process."""
        if name not in self._handles:
            import ray

            try:
                self._handles[name] = ray.get_actor(name)
            except ValueError as error:
                raise ReplicaLost(f"{name} is not there") from error
        return self._handles[name]

    @overload
    def call(
        self, method: Callable[Concatenate[S, P], Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, R]: ...
    @overload
    def call(
        self, method: Callable[Concatenate[S, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, R]: ...
    async def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The method's result from the least busy replica; an infrastructure failure is retried, a bug is raised."""
        failure: Exception = InfrastructureError(f"{self.name} has no replicas")
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(0.1 * 2**attempt)
            await self._admitted(failure)
            try:
                line = min(self.lines, key=lambda line: (line.vitals.preference, line.load))
                return await self._ask(line, method.__name__, args)
            except TimeoutError as error:
                failure = error
                self.retries["timeout"] += 1
                self.replace(line.name)
            except InfrastructureError as error:
                if not isinstance(error, ReplicaLost) or not attempt:
                    failure = error  # a cause says more than that its replica was then replaced
                self.retries["lost" if isinstance(error, ReplicaLost) else "error"] += 1
        raise InfrastructureError(f"{self.name}.{method.__name__} failed {ATTEMPTS} times: {failure}") from failure

    async def _admitted(self, failure: Exception) -> None:
        """Wait while the circuit breaker is open, or no replica is there; not for longer than a call may take."""
        until = time.monotonic() + self.deadline
        while (pause := self._breaker.wait()) or not self.names:
            if time.monotonic() > until:
                raise InfrastructureError(f"{self.name} has served nobody for {self.deadline:.0f} s: {failure}")
            await asyncio.sleep(pause or 0.1)

    async def _ask(self, line: Line, method: str, args: tuple[Any, ...]) -> Any:
        """One attempt, and what it says of the replica and of them all."""
        try:
            value = await line.call(method, args, self.deadline)
        except TimeoutError:
            line.lost()  # the caller has it replaced
            self._breaker.abandoned()
            raise
        except ReplicaLost:
            self._breaker.abandoned()
            raise
        except InfrastructureError:
            line.vitals.failed()
            self._breaker.failed()
            raise
        except asyncio.CancelledError:
            self._breaker.abandoned()
            raise
        except Exception:  # a bug is an answer
            self._breaker.succeeded()
            raise
        line.vitals.answered()
        self._breaker.succeeded()
        return value

    async def call_each(self, method: Callable[..., Any], *args: Any) -> list[Any]:
        """The method's results from every replica, in order. The first failure fails the call; nothing is retried."""
        calls = [asyncio.ensure_future(line.call(method.__name__, args, self.deadline)) for line in self.lines]
        try:
            await asyncio.wait(calls, return_when=asyncio.FIRST_EXCEPTION)
            return [call.result() for call in calls if call.done()]
        finally:
            for call in calls:
                call.cancel()

    async def map(
        self,
        method: Callable[..., Any],
        items: Iterable[S],
        *args: Any,
        window: int,
        trace: Callable[[S], Trace] = lambda item: (),
    ) -> AsyncIterator[tuple[S, Any]]:
        """`(item, result)` as they come, at most `window` in flight; a result may be an InfrastructureError.

        `trace` names what is done for an item.
        """
        waiting = iter(items)
        running: dict[asyncio.Task[Any], S] = {}
        while True:
            while len(running) < window and (item := next(waiting, None)) is not None:
                with traced(*trace(item)):
                    running[asyncio.ensure_future(self.call(method, item, *args))] = item
            if not running:
                return
            # every call ends by its own deadline, so this wait does too
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is not None and not isinstance(error, InfrastructureError):
                    raise error
                yield running.pop(task), error if error is not None else task.result()

    async def ready(self) -> list[dict[str, Any]]:
        """Process ids and hosts, once every replica serves. Raises what an object's own start raised."""
        try:
            return await asyncio.gather(*(connect(self.handle(name), name) for name in self.names))
        except Exception as error:
            raise getattr(error, "cause", None) or error from None  # Ray wraps it in pages of traceback

    async def look(self, name: str, members: Mapping[str, Sequence[str]], seconds: float) -> Look:
        """What one replica tells of itself, after it was told who is there. Raises TimeoutError or a Ray error."""
        return await asyncio.wait_for(self.handle(name).look.remote(members), seconds)

    def grow(self) -> str:
        """Start one more replica. Nobody asks it before it is restored: it takes a while until it serves."""
        if self._start is None:
            raise RuntimeError(f"only the process that has launched {self.name} can change its size")
        name = f"{self.name}-{self._next}"
        self._next += 1  # a name is never used again: Ray may still know its old bearer
        self._handles[name] = self._start(name)
        return name

    def withdraw(self, name: str) -> None:
        """Ask this replica nothing more; what it has begun it ends."""
        self._names.remove(name)

    def restore(self, name: str) -> None:
        """Ask a withdrawn replica again, or a new one for the first time."""
        self._names.append(name)

    async def retire(self, name: str) -> None:
        """End a withdrawn replica for good, after it has put away what it owns."""
        import ray

        await self._stopped(name)
        ray.kill(self._handles.pop(name))

    async def renew(self, name: str) -> None:
        """End a withdrawn replica, after it has put away what it owns; Ray starts it afresh."""
        await self._stopped(name)
        self.replace(name)

    async def _stopped(self, name: str) -> None:
        with contextlib.suppress(Exception):  # who cannot stop is ended all the same
            await asyncio.wait_for(self.handle(name).stop.remote(), CLOSE_SECONDS)

    def replace(self, name: str) -> None:
        """Kill one replica; Ray starts it again."""
        import ray

        ray.kill(self.handle(name), no_restart=False)

    async def kill(self) -> None:
        """End every replica at once and for good."""
        import ray

        for handle in self._handles.values():
            ray.kill(handle)

    async def close(self) -> None:
        """Let every replica put away what it owns, then end it."""
        await asyncio.gather(*(self._stopped(name) for name in self._handles))
        await self.kill()


def launch(
    name: str,
    cls: type,
    args: tuple[Any, ...] | Callable[[int], tuple[Any, ...]],
    config: FleetConfig,
    *,
    restarts: int = -1,
) -> Fleet:
    """Start `config.count` actors with these constructor arguments, or with `args(i)` for the i-th.

    They are titled after the class in the Ray dashboard and named NAME-0, NAME-1 ... A dead one is started again,
    `restarts` times at most (-1 = always), with the same arguments.
    """
    import ray

    titled: Any = ray.remote(type(cls.__name__, (Replica,), {"__doc__": cls.__doc__}))
    options = {
        "num_cpus": config.cores,
        "num_gpus": config.gpus,
        "memory": int(config.memory_gib * 2**30),
        "resources": {config.node: NODE_SHARE} if config.node else {},
        "max_restarts": restarts,
        "max_task_retries": 0,  # a call is repeated by us, who know what has become of it
        "max_concurrency": 1000,
    }

    def start(replica: str) -> Any:
        index = int(replica.rpartition("-")[2])
        return titled.options(name=replica, **options).remote(replica, cls, args(index) if callable(args) else args)

    return Fleet(name, [f"{name}-{i}" for i in range(config.count)], config.deadline, start)

"""N copies of a plain class as named Ray actors: whom to ask, when to ask again, when to replace one.

The only file that starts actors. A fleet can be handed to other actors: every process that uses it opens its own
lines. Calls name the method itself, `fleet.call(Generator.sample, ...)`, so that types are checked and an editor
finds the code; Ray appears nowhere else.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from pydantic import BaseModel, ConfigDict, Field

from actors.mailbox import Line, Replica, ReplicaLost, connect
from envs.base import InfrastructureError

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
ATTEMPTS = 5  # how often one call is made before its failure is reported
CLOSE_SECONDS = 20.0


class FleetConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    count: int = Field(1, ge=1)
    """How many actors of this kind."""
    cores: float = Field(0.25, gt=0)
    """Share of processor cores that each reserves; light actors take a fraction."""
    gpus: float = Field(0.0, ge=0)
    """GPUs that each reserves."""
    memory_gib: float = Field(0.5, gt=0)
    """Memory that each reserves, in GiB."""
    deadline: float = Field(300.0, gt=0)
    """Seconds after which an unanswered call means that the actor hangs: it is killed and the call repeated."""


class Fleet:
    """The replicas of one class, as one process sees them."""

    def __init__(self, name: str, handles: list[Any], deadline: float) -> None:
        self.name, self.deadline = name, deadline
        self._handles = handles
        self._lines: list[Line] | None = None
        self.retries: Counter[str] = Counter()

    def __reduce__(self) -> Any:
        # Names travel, not handles: Ray could not restart an actor whose arguments hold handles that were lost.
        return Fleet, (self.name, [f"{self.name}-{i}" for i in range(len(self._handles))], self.deadline)

    def __len__(self) -> int:
        return len(self._handles)

    @property
    def lines(self) -> list[Line]:
        if self._lines is None:
            self._handles = [found(handle) for handle in self._handles]
            self._lines = [Line(handle, f"{self.name}-{i}") for i, handle in enumerate(self._handles)]
        return self._lines

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
            line = min(self.lines, key=lambda line: (not line.connected, line.load))
            try:
                return await line.call(method.__name__, args, self.deadline)
            except TimeoutError as error:
                failure = error
                self.retries["timeout"] += 1
                self.replace(self.lines.index(line))
            except InfrastructureError as error:
                if not isinstance(error, ReplicaLost) or not attempt:
                    failure = error  # a cause says more than that its replica was then replaced
                self.retries["lost" if isinstance(error, ReplicaLost) else "error"] += 1
        raise InfrastructureError(f"{self.name}.{method.__name__} failed {ATTEMPTS} times: {failure}") from failure

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
        self, method: Callable[..., Any], items: Iterable[S], *args: Any, window: int
    ) -> AsyncIterator[tuple[S, Any]]:
        """`(item, result)` as they come, at most `window` in flight; a result may be an InfrastructureError."""
        waiting = iter(items)
        running: dict[asyncio.Task[Any], S] = {}
        while True:
            while len(running) < window and (item := next(waiting, None)) is not None:
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
            return await asyncio.gather(*(connect(line._handle, line.name) for line in self.lines))
        except Exception as error:
            raise getattr(error, "cause", None) or error from None  # Ray wraps it in pages of traceback

    def replace(self, index: int) -> None:
        """Kill one replica; Ray starts it again."""
        import ray

        ray.kill(self._handles[index], no_restart=False)

    async def kill(self) -> None:
        """End every replica at once and for good."""
        import ray

        for handle in self._handles:
            ray.kill(handle)

    async def close(self) -> None:
        """Let every replica put away what it owns, then end it."""
        stops = [asyncio.wait_for(handle.stop.remote(), CLOSE_SECONDS) for handle in self._handles]
        await asyncio.gather(*stops, return_exceptions=True)  # who cannot stop is ended all the same
        await self.kill()


def found(handle: Any) -> Any:
    """The handle of an actor that is known by its name only."""
    if not isinstance(handle, str):
        return handle
    import ray

    return ray.get_actor(handle)


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
        "max_restarts": restarts,
        "max_task_retries": 0,  # a call is repeated by us, who know what has become of it
        "max_concurrency": 1000,
    }
    handles = [
        titled.options(name=f"{name}-{i}", **options).remote(f"{name}-{i}", cls, args(i) if callable(args) else args)
        for i in range(config.count)
    ]
    return Fleet(name, handles, config.deadline)

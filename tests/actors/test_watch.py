"""Real Ray, a toy class: what a watch sees of replicas, and what it does about them."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import pytest

from actors.breaker import FAILURES, Breaker
from actors.fleet import Fleet, FleetConfig, launch
from actors.health import Health
from actors.scaling import CALM_LOOKS, Elastic
from actors.spans import RECORD, traced
from actors.watch import Sight, Watch, Watched
from envs.base import InfrastructureError


class Toy:
    parallel = 1

    def __init__(self) -> None:
        self.wedged = self.broken = False

    def work(self, seconds: float) -> int:
        if self.broken:
            raise InfrastructureError("no disk")
        time.sleep(seconds)
        return os.getpid()

    def wedge(self) -> None:
        self.wedged = True

    def break_down(self) -> None:
        self.broken = True

    async def probe(self) -> None:
        if self.wedged:
            await asyncio.sleep(3600)


def toys(name: str, **settings: float) -> tuple[Fleet, FleetConfig]:
    config = FleetConfig.model_validate({"cores": 0.1, "memory_gib": 0.1, "deadline": 30, **settings})
    return launch(name, Toy, (), config), config


async def until(watch: Watch, holds: Callable[[Sight], bool], seconds: float = 40) -> Sight:
    end = time.monotonic() + seconds
    while not holds(sight := await watch.round()):
        assert time.monotonic() < end, sight
        await asyncio.sleep(0.2)
    return sight


def scenario(play: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(play(), 90))  # type: ignore[arg-type]


def test_a_call_is_noted_with_its_trace_what_it_waited_and_what_it_ran(ray_cluster: None) -> None:
    async def play() -> None:
        fleet, config = toys("noted")
        watch = Watch([Watched(fleet=fleet, config=config)], lambda sight: None)
        await fleet.ready()
        RECORD.drain()
        with traced("1", "sum-3"):
            await asyncio.gather(fleet.call(Toy.work, 0.3), fleet.call(Toy.work, 0.3))
        sight = await watch.round()
        spans = [span for span in sight.spans if span.name == "noted.work"]
        assert [(span.trace, span.where) for span in spans] == [(("1", "sum-3"), "noted-0")] * 2
        assert all(0.3 <= span.ran < 0.3 + 0.3 for span in spans)
        assert max(span.wait for span in spans) >= 0.3  # one thread: the second waits for the first
        assert sight.health == {"noted-0": Health.healthy}
        await fleet.close()

    scenario(play)


def test_a_wedged_replica_fails_its_probe_and_is_replaced(ray_cluster: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.watch.PROBE_SECONDS", 0.1)
    monkeypatch.setattr("actors.watch.PROBE_DEADLINE", 0.5)

    async def play() -> None:
        fleet, config = toys("wedged")
        watch = Watch([Watched(fleet=fleet, config=config, probe=Toy.probe)], lambda sight: None)
        before = await fleet.call(Toy.work, 0)
        await until(watch, lambda sight: sight.health["wedged-0"] is Health.healthy)
        await fleet.call(Toy.wedge)
        seen = []
        await until(watch, lambda sight: seen.append(sight.health["wedged-0"]) or seen[-1] is Health.restarting)
        assert Health.suspect in seen
        assert await fleet.call(Toy.work, 0) != before
        await fleet.close()

    scenario(play)


@pytest.mark.slow
def test_a_fleet_grows_while_calls_wait_and_returns_to_its_smallest_size(ray_cluster: None) -> None:
    async def play() -> None:
        fleet, config = toys("elastic", count=1, most=3)
        watch = Watch([Watched(fleet=fleet, config=config)], lambda sight: None)
        await fleet.ready()
        pids: set[int] = set()

        async def load() -> None:
            async for _, pid in fleet.map(Toy.work, [0.25] * 10_000, window=12):  # one alone lets each wait for 3 s
                pids.add(pid)
                if len(pids) == 3:
                    return

        working = asyncio.create_task(load())
        await until(watch, lambda sight: working.done())
        assert len(fleet) == 3
        await until(watch, lambda sight: len(fleet) == 1 and len(sight.health) == 1)
        assert await fleet.call(Toy.work, 0)
        await fleet.close()

    scenario(play)


@pytest.mark.slow
def test_a_spent_replica_is_renewed_without_losing_a_call(ray_cluster: None) -> None:
    async def play() -> None:
        fleet, config = toys("spent", count=2, recycle_calls=5)
        watch = Watch([Watched(fleet=fleet, config=config)], lambda sight: None)
        first = set(await asyncio.gather(*(fleet.call(Toy.work, 0.01) for _ in range(20))))
        assert len(first) == 2
        seen: set[int] = set()
        end = time.monotonic() + 40
        while len(seen - first) < 2:
            assert time.monotonic() < end
            seen |= set(await asyncio.gather(*(fleet.call(Toy.work, 0.01) for _ in range(4))))
            await watch.round()
            await asyncio.sleep(0.1)
        assert not fleet.retries
        await fleet.close()

    scenario(play)


def test_a_fleet_that_fails_throughout_is_left_alone_for_a_while_and_then_serves_again() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(FAILURES):
        assert breaker.wait() == 0
        breaker.failed()
    first = breaker.wait()
    assert first > 0
    now[0] += first
    assert breaker.wait() == 0  # one trial ...
    assert breaker.wait() > 0  # ... and no other beside it
    breaker.failed()
    assert breaker.wait() == 2 * first
    now[0] += 2 * first
    assert breaker.wait() == 0
    breaker.succeeded()
    assert [breaker.wait() for _ in range(3)] == [0, 0, 0]


def test_a_fleet_shrinks_only_after_it_was_calm_for_a_while_and_never_leaves_its_bounds() -> None:
    elastic = Elastic(2, 8)
    assert elastic.wanted(2, wait_seconds=3, busy_share=1) == 3
    assert elastic.wanted(6, wait_seconds=3, busy_share=1) == 8
    sizes = [elastic.wanted(8, wait_seconds=0, busy_share=0.1) for _ in range(CALM_LOOKS)]
    assert sizes == [8] * (CALM_LOOKS - 1) + [7]
    assert [elastic.wanted(2, wait_seconds=0, busy_share=0) for _ in range(9)] == [2] * 9

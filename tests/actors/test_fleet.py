"""Real Ray, a toy class: what happens to calls when replicas die, hang, fail or raise."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from actors.fleet import Fleet, FleetConfig, launch
from envs.base import InfrastructureError


class Toy:
    def __init__(self, folder: str) -> None:
        self.folder = folder

    async def double(self, n: int) -> int:
        await asyncio.sleep(0.01 * (n % 3))
        return 2 * n

    def pid(self) -> int:
        return os.getpid()

    def raise_bug(self) -> None:
        raise ValueError("a bug")

    def break_machine(self) -> None:
        raise InfrastructureError("no disk")

    def hang_once(self) -> str:
        marker = Path(self.folder) / "hung"
        if not marker.exists():
            marker.touch()
            time.sleep(60)
        return "done"


def toys(folder: object, name: str, count: int = 2, deadline: float = 30) -> Fleet:
    return launch(name, Toy, (str(folder),), FleetConfig(count=count, cores=0.1, memory_gib=0.1, deadline=deadline))


def test_a_thousand_calls_come_back_each_with_its_own_result(ray_cluster: None, tmp_path: object) -> None:
    async def scenario() -> None:
        fleet = toys(tmp_path, "many")
        assert await asyncio.gather(*(fleet.call(Toy.double, n) for n in range(1000))) == [2 * n for n in range(1000)]
        await fleet.close()

    asyncio.run(scenario())


def test_calls_survive_the_kill_of_a_replica(ray_cluster: None, tmp_path: object) -> None:
    async def scenario() -> None:
        fleet = toys(tmp_path, "killed")
        pids = [await line.call("pid", (), 30) for line in fleet.lines]
        calls = [asyncio.ensure_future(fleet.call(Toy.double, n)) for n in range(500)]
        await asyncio.sleep(0.01)
        os.kill(pids[0], signal.SIGKILL)
        assert await asyncio.gather(*calls) == [2 * n for n in range(500)]
        assert fleet.retries["lost"] > 0
        assert pids[0] not in [who["pid"] for who in await fleet.ready()]
        await fleet.close()

    asyncio.run(scenario())


def test_a_hung_replica_is_replaced_after_its_deadline(ray_cluster: None, tmp_path: object) -> None:
    async def scenario() -> None:
        fleet = toys(tmp_path, "hung", count=1, deadline=3)
        await fleet.ready()
        assert await fleet.call(Toy.hang_once) == "done"
        assert fleet.retries["timeout"] == 1
        await fleet.close()

    asyncio.run(scenario())


def test_a_bug_is_raised_and_not_retried(ray_cluster: None, tmp_path: object) -> None:
    async def scenario() -> None:
        fleet = toys(tmp_path, "bug", count=1)
        with pytest.raises(ValueError, match="a bug"):
            await fleet.call(Toy.raise_bug)
        assert not fleet.retries
        await fleet.close()

    asyncio.run(scenario())


def test_a_machine_that_stays_broken_is_reported_as_such(ray_cluster: None, tmp_path: object) -> None:
    async def scenario() -> None:
        fleet = toys(tmp_path, "broken", count=1)
        with pytest.raises(InfrastructureError, match="failed 5 times: no disk"):
            await fleet.call(Toy.break_machine)
        await fleet.close()

    asyncio.run(scenario())


def test_map_yields_every_item_once_and_failures_as_values(ray_cluster: None, tmp_path: object) -> None:
    async def scenario() -> None:
        fleet = toys(tmp_path, "map")
        seen = [pair async for pair in fleet.map(Toy.double, range(100), window=7)]
        assert sorted(seen) == [(n, 2 * n) for n in range(100)]
        await fleet.close()

    asyncio.run(scenario())


class Unbuildable:
    def __init__(self) -> None:
        raise FileNotFoundError("no model here")

    def serve(self) -> None: ...


def test_an_object_that_cannot_be_built_names_its_own_error(ray_cluster: None) -> None:
    async def scenario() -> None:
        fleet = launch("unbuildable", Unbuildable, (), FleetConfig(cores=0.1, memory_gib=0.1))
        with pytest.raises(FileNotFoundError, match="no model here"):
            await fleet.call(Unbuildable.serve)
        await fleet.close()

    asyncio.run(scenario())


class Telling:
    def __init__(self, fault: str) -> None:
        self.fault = fault

    async def start(self) -> dict[str, str]:
        if self.fault:
            raise InfrastructureError(self.fault)
        return {"sandbox": "seccomp"}


def test_what_an_object_tells_at_its_start_is_known_once_it_serves_and_its_refusal_is_one_line(
    ray_cluster: None,
) -> None:
    async def scenario() -> None:
        fleet = launch("telling", Telling, ("",), FleetConfig(cores=0.1, memory_gib=0.1))
        assert [who["sandbox"] for who in await fleet.ready()] == ["seccomp"]
        await fleet.close()
        fleet = launch("refusing", Telling, ("no seccomp",), FleetConfig(cores=0.1, memory_gib=0.1))
        with pytest.raises(InfrastructureError) as refused:
            await fleet.ready()
        assert str(refused.value) == "no seccomp"
        await fleet.close()

    asyncio.run(scenario())


class Asker:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    async def ask(self, n: int) -> int:
        return await self.fleet.call(Toy.double, n)


def test_a_fleet_can_be_handed_to_other_actors(ray_cluster: None, tmp_path: object) -> None:
    async def scenario() -> None:
        fleet = toys(tmp_path, "shared")
        asker = launch("asker", Asker, (fleet,), FleetConfig(cores=0.1, memory_gib=0.1))
        assert await asyncio.gather(*(asker.call(Asker.ask, n) for n in range(50))) == [2 * n for n in range(50)]
        await asker.close()
        await fleet.close()

    asyncio.run(scenario())

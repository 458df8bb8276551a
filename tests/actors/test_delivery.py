"""Folders that travel between processes of a real Ray, in chunks."""

import asyncio
from pathlib import Path

import pytest

from actors import delivery
from actors.fleet import FleetConfig, launch
from envs.base import InfrastructureError


class Keeper:
    """Stands for whoever lies on the machine that has the folder."""


def test_a_folder_arrives_whole_in_chunks_or_not_at_all(
    ray_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "CHUNK_BYTES", 100_000)
    there = tmp_path / "there"
    there.mkdir()
    tensors = bytes(range(256)) * 2000  # five chunks and a bit
    (there / "model.safetensors").write_bytes(tensors)
    (there / "config.json").write_text("{}")
    (there / "empty.txt").write_text("")

    async def scenario() -> None:
        fleet = launch("keeper", Keeper, (), FleetConfig(cores=0.1, memory_gib=0.1))
        await fleet.ready()
        here = tmp_path / "here"
        await asyncio.to_thread(delivery.deliver, str(there), "keeper-0", to=str(here))
        assert {file.name: file.read_bytes() for file in here.iterdir()} == {
            "model.safetensors": tensors,
            "config.json": b"{}",
            "empty.txt": b"",
        }
        (there / "config.json").write_text("changed")
        await asyncio.to_thread(delivery.deliver, str(there), "keeper-0", to=str(here))
        assert (here / "config.json").read_text() == "{}"  # what is here is not fetched again
        nowhere = tmp_path / "nowhere"
        with pytest.raises(InfrastructureError, match=r"keeper-0 did not give .*/none: "):
            await asyncio.to_thread(delivery.deliver, str(tmp_path / "none"), "keeper-0", to=str(nowhere))
        assert not nowhere.exists()
        await fleet.close()
        with pytest.raises(InfrastructureError, match="keeper-1 did not give"):
            await asyncio.to_thread(delivery.deliver, str(there), "keeper-1", to=str(nowhere))

    asyncio.run(scenario())

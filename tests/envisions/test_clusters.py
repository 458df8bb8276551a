"""The cluster files: Ray's own schema takes them, and groups, token, lock and run files fit together."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from envisions.config import ActorsSection, load

ROOT = Path(__file__).parents[2]
GROUPS = {"head", "generator", "learner", "environment"}


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / name).read_text())


@pytest.mark.parametrize("name", ["cluster.yaml", "cluster-local.yaml"])
def test_ray_accepts_the_file_as_it_is(name: str) -> None:
    from ray.autoscaler._private import util
    from ray.autoscaler._private.local.config import prepare_local

    config = read(name)
    filled, _ = prepare_local(config) if config["provider"]["type"] == "local" else (util.fillout_defaults(config), 0)
    util.validate_config(util.fillout_defaults(filled))


def test_each_group_offers_the_resource_that_places_actors_on_it() -> None:
    types = read("cluster.yaml")["available_node_types"]
    assert {name: node["resources"] for name, node in types.items()} == {name: {name: 1} for name in GROUPS}
    kuberay = read("cluster-kuberay.yaml")["spec"]
    groups = {group["groupName"]: group for group in kuberay["workerGroupSpecs"]} | {"head": kuberay["headGroupSpec"]}
    for name in GROUPS:
        assert json.loads(json.loads(groups[name]["rayStartParams"]["resources"])) == {name: 1}
    placed = load(ROOT / "examples/gsm8k-7b.toml").actors
    assert {getattr(placed, kind).node for kind in ActorsSection.model_fields} == GROUPS


def test_environment_machines_may_be_taken_away_and_others_may_not() -> None:
    types = read("cluster.yaml")["available_node_types"]
    spot = {name for name, node in types.items() if "InstanceMarketOptions" in node["node_config"]}
    assert spot == {"environment"}


@pytest.mark.parametrize("name", ["cluster.yaml", "cluster-local.yaml"])
def test_every_node_has_the_token_asks_for_it_and_is_set_up_from_the_lock(name: str) -> None:
    config = read(name)
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    for commands in (config["head_start_ray_commands"], config["worker_start_ray_commands"]):
        assert "RAY_AUTH_MODE=token ray start" in commands[-1]
    assert config["setup_commands"] == ["sh ~/requirements/cluster.sh"]
    script = (ROOT / "requirements/cluster.sh").read_text()
    assert all(word in script for word in ("cpu.lock", "eprover", "playwright"))


@pytest.mark.parametrize(
    ("said", "written", "roles"),
    [
        ("", "", {"environment"}),
        ("head", "", {"head"}),
        ("head", "learner generator\n", {"head", "learner", "generator"}),
    ],
)
def test_a_machine_says_what_it_is_for(tmp_path: Path, said: str, written: str, roles: set[str]) -> None:
    (tmp_path / ".envisions").mkdir()
    (tmp_path / ".envisions/roles").write_text(written)
    command = ["sh", str(ROOT / "requirements/roles.sh"), *said.split()]
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=20)
    assert json.loads(told.stdout) == dict.fromkeys(roles, 1)


def test_the_scripts_are_sound_shell() -> None:
    for script in sorted((ROOT / "requirements").glob("*.sh")):
        subprocess.run(["sh", "-n", str(script)], check=True, timeout=20)

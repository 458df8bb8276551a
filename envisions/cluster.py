"""The Ray cluster a run lives on: the one that submitted it, or one of its own on this machine."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BOOTSTRAP = Path("~/ray_bootstrap_config.yaml").expanduser()


def is_given() -> bool:
    """Whether there is a cluster to join already; a job submitted to one has its address."""
    return "RAY_ADDRESS" in os.environ


def connect(name: str, logs: Path) -> list[dict[str, Any]]:
    """Join the cluster of $RAY_ADDRESS (a submitted job has it), else start one here; returns Ray's list of nodes."""
    import ray

    logging.getLogger("ray").setLevel(logging.ERROR)  # that a local cluster asks for a token is no warning to a user
    quiet: dict[str, Any] = {"namespace": name, "log_to_driver": False, "logging_level": logging.WARNING}
    if is_given():
        ray.init(address="auto", **quiet)
    else:
        environment = {"PYTHONPATH": str(ROOT)}
        ray.init(include_dashboard=False, runtime_env={"env_vars": environment}, **quiet)
    link_logs(logs)
    return [*ray.nodes(), *promised(BOOTSTRAP)]


def promised(bootstrap: Path) -> list[dict[str, Any]]:
    """The machines that the autoscaler may yet start, in the shape of Ray's list of nodes.

    `bootstrap` is the cluster file that `ray up` leaves on the head node; elsewhere there is none, and no promise.
    """
    if not bootstrap.is_file():
        return []
    import yaml

    config = yaml.safe_load(bootstrap.read_text())
    types = {name: node for name, node in config["available_node_types"].items() if name != config["head_node_type"]}
    return [
        {"Alive": True, "NodeID": f"{name} (not started yet)", "Resources": node.get("resources", {})}
        for name, node in types.items()
        for _ in range(node.get("max_workers", 0) - node.get("min_workers", 0))
    ]


def link_logs(logs: Path) -> None:
    """Every actor's own output lies in Ray's session folder; `logs/ray` leads there."""
    import ray

    logs.mkdir(parents=True, exist_ok=True)
    context = ray.get_runtime_context()
    session = Path(context.get_temp_dir()) / context.get_session_name() / "logs"
    link = logs / "ray"
    link.unlink(missing_ok=True)
    link.symlink_to(session)


def disconnect() -> None:
    """Leave; a cluster of our own ends."""
    if "ray" in sys.modules:
        sys.modules["ray"].shutdown()

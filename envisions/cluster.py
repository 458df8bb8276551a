"""The Ray cluster a run lives on: the one that submitted it, or one of its own on this machine."""

import logging
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


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
    return ray.nodes()


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

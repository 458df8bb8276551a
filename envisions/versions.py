"""Which environment, verifiers and prompts a run works with, as short names that change when they do."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from envisions.config import RunConfig
from envisions.records import text_fingerprint
from envisions.worlds import WORLDS

ENVS = Path(__file__).parent.parent / "envs"
OF_A_PROCESS = ("incarnation", "pid", "host")


def versions(config: RunConfig, workers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What every attempt's lineage names: `environment` and `prompts` are fingerprints of our own files.

    `settings`: of the sections [world] and [sandbox]. `verifiers`: distributions with their versions, and what the
    environment `workers` say of themselves, such as the browser or the prover.
    """
    name = config.world.name
    settings = [config.world.model_dump(mode="json"), config.sandbox.model_dump(mode="json")]
    said = {key: value for key, value in (workers[0] if workers else {}).items() if key not in OF_A_PROCESS}
    return {
        "world": name,
        "environment": fingerprint(ENVS / name, ENVS / "sandbox"),
        "prompts": fingerprint(ENVS / name / "prompts"),
        "settings": text_fingerprint(json.dumps(settings, sort_keys=True)),
        "verifiers": {package: version(package) for package in WORLDS[name].verifiers} | said,
    }


@cache
def fingerprint(*folders: Path) -> str:
    """A short name for the files below these folders, by their names and bytes."""
    hashed = sha256()
    for file in sorted(file for folder in folders for file in folder.rglob("*") if file.is_file()):
        if "__pycache__" not in file.parts:
            hashed.update(f"{file.relative_to(ENVS)}\n{file.stat().st_size}\n".encode())
            hashed.update(file.read_bytes())
    return hashed.hexdigest()[:16]

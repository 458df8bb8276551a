"""One Ray for the whole session: real, on this machine, with tests importable by its workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    import ray

    paths = [ROOT, ROOT / "tests", ROOT / "tests" / "actors"]
    ray.init(
        num_cpus=8,
        include_dashboard=False,
        log_to_driver=False,
        namespace="tests",
        runtime_env={"env_vars": {"PYTHONPATH": ":".join(map(str, paths))}},
    )
    yield
    ray.shutdown()

"""One Ray for the whole session: real, on this machine, with tests importable by its workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says nothing where tests share their cores with trainings.
settings.register_profile("shared-cores", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared-cores")

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

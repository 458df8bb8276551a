"""What a run shows while it goes on: every metric on the node's metrics endpoint, and the files beside them."""

import asyncio
import json
import re
import sys
import textwrap
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from scripted_run import ROOT, Policy, ToyEnvironment, run_file
from test_why import train

from actors.fleet import Fleet, FleetConfig, launch
from actors.memory import Memory
from actors.scripted import ScriptedLearner
from envisions import loop
from envisions.activity import Activity
from envisions.meters import COUNTERS, GAUGES, RayMeters
from envisions.trackers import TrackConfig, require, trackers
from envisions.wiring import LiveParts
from envs.math.world import MathWorld

DASHBOARD = ROOT / "docs" / "grafana-dashboard.json"


def with_toys(name: str, cls: type, args: tuple[Any, ...], config: FleetConfig) -> Fleet:
    if name == "environment":
        args = (ToyEnvironment,)
    return launch(name, cls, args, config.model_copy(update={"memory_gib": 0.1, "cores": 0.1}))


def scraped() -> str:
    import ray

    node = ray.nodes()[0]
    address = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    with urllib.request.urlopen(address, timeout=20) as answer:
        return answer.read().decode()


def shown(name: str) -> str:
    """As Prometheus names it."""
    return f"ray_envisions_{name}" + ("_total" if name in COUNTERS else "")


@pytest.mark.timeout(400)
def test_every_metric_of_a_live_run_is_on_the_metrics_endpoint(ray_cluster: None, tmp_path: Path) -> None:
    wanted = {shown(name) for name in (*GAUGES, *COUNTERS)} - {"ray_envisions_retries_total"}  # nothing fails here

    async def scenario() -> str:
        config = run_file()
        parts = LiveParts(
            config,
            MathWorld(config.world, config.run.seed),
            tmp_path,
            Activity(),
            launch=with_toys,
            generator=Policy,  # type: ignore[arg-type]
            learner=ScriptedLearner,  # type: ignore[arg-type]
            meters=RayMeters,
        )
        await parts.start()
        try:
            async for _ in loop.self_train(parts, iterations=1):
                pass
            text, end = "", time.monotonic() + 120
            while not all(name in text for name in wanted) and time.monotonic() < end:
                await asyncio.sleep(2)
                text = await asyncio.to_thread(scraped)
            return text
        finally:
            await parts.close()

    text = asyncio.run(scenario())
    missing = {name for name in wanted if name not in text}
    assert not missing
    goodput = re.search(r"^ray_envisions_goodput\{.*\} (\S+)$", text, re.MULTILINE)
    assert goodput is not None
    assert float(goodput[1]) > 0
    outcomes = re.findall(r'^ray_envisions_outcomes_total\{.*outcome="(\w+)".*\} (\S+)$', text, re.MULTILINE)
    assert {outcome for outcome, count in outcomes if float(count)} == {"accepted", "rejected"}
    assert 'actor="environment"' in text
    assert json.loads((tmp_path / "logs" / "waterfall-1.json").read_text())["iteration"] == 1


def test_the_dashboard_shows_every_metric_and_no_other() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    assert set(re.findall(r"ray_envisions_\w+", asked)) == {shown(name) for name in (*GAUGES, *COUNTERS)}


def test_tensorboard_gets_every_iteration(tmp_path: Path) -> None:
    from tensorboardX.proto.event_pb2 import Event

    train(tmp_path, run_file(), Policy, ToyEnvironment, Memory, ScriptedLearner)
    (file,) = (tmp_path / "logs" / "tensorboard").iterdir()
    seen = {}
    data = file.read_bytes()
    while data:  # length, its checksum, the event, its checksum
        length = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + length])
        seen.update({(value.tag, event.step): value.simple_value for value in event.summary.value})
        data = data[16 + length :]
    assert {("accuracy/stories", 0), ("accuracy/stories", 1), ("goodput", 1), ("seconds/explore", 1)} <= seen.keys()
    assert seen["outcomes/accepted", 1] + seen["outcomes/rejected", 1] == 10 * 2 * 2


def test_a_tracker_that_is_not_installed_stops_the_run_before_it_starts() -> None:
    with pytest.raises(ValueError, match=r"track.mlflow is 'http://x', and the package mlflow is not installed: pip"):
        require(TrackConfig(mlflow="http://x"))
    require(TrackConfig())


def test_wandb_and_mlflow_are_told_what_tensorboard_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages with the calls of W&B and MLflow that are used, which write down how they were called."""
    said = tmp_path / "said"
    body = textwrap.dedent(f"""
        import json
        def say(*what):
            with open({str(said)!r}, "a") as file:
                file.write(json.dumps(what) + "\\n")
        class Run:
            def log(self, figures, step): say("wandb", figures, step)
            def finish(self): say("wandb ends")
        def init(project, name, id, dir, resume):
            say("wandb begins", project, name, resume)
            return Run()
        def set_tracking_uri(uri): say("mlflow at", uri)
        def start_run(run_name): say("mlflow begins", run_name)
        def log_metrics(figures, step): say("mlflow", figures, step)
        def end_run(): say("mlflow ends")
    """)
    for name in ("wandb", "mlflow"):
        (tmp_path / f"{name}.py").write_text(body)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    config = TrackConfig(wandb="envisions", mlflow="file:runs")
    require(config)
    for tracker in trackers(config, "laptop", tmp_path / "logs"):
        tracker.log({"goodput": 5.0}, 3)
        tracker.close()
    assert [json.loads(line) for line in said.read_text().splitlines()] == [
        ["wandb begins", "envisions", "laptop", "allow"],
        ["mlflow at", "file:runs"],
        ["mlflow begins", "laptop"],
        ["wandb", {"goodput": 5.0}, 3],
        ["wandb ends"],
        ["mlflow", {"goodput": 5.0}, 3],
        ["mlflow ends"],
    ]

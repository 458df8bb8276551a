"""Where else an iteration's figures go: TensorBoard always, W&B and MLflow by a line in the run file."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from envisions.records import IterationReport


class TrackConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    wandb: str = ""
    """Project of Weights & Biases that the run is logged to; needs `pip install wandb`. "": none."""
    mlflow: str = ""
    """Tracking URI of MLflow that the run is logged to; needs `pip install mlflow`. "": none."""


class Tracker(Protocol):
    def log(self, figures: dict[str, float], iteration: int) -> None: ...
    def close(self) -> None: ...


class TensorBoard:
    """Event files in `folder`; torch is not needed to write them."""

    def __init__(self, folder: Path) -> None:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(str(folder))

    def log(self, figures: dict[str, float], iteration: int) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, iteration)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    def __init__(self, project: str, run: str, folder: Path) -> None:
        import wandb

        self._run: Any = wandb.init(project=project, name=run, id=run, dir=str(folder), resume="allow")

    def log(self, figures: dict[str, float], iteration: int) -> None:
        self._run.log(figures, step=iteration)

    def close(self) -> None:
        self._run.finish()


class MLflow:
    def __init__(self, uri: str, run: str) -> None:
        import mlflow

        self._mlflow: Any = mlflow
        mlflow.set_tracking_uri(uri)
        mlflow.start_run(run_name=run)

    def log(self, figures: dict[str, float], iteration: int) -> None:
        self._mlflow.log_metrics(figures, step=iteration)

    def close(self) -> None:
        self._mlflow.end_run()


def require(config: TrackConfig) -> None:
    """Raises ValueError where something is asked for that is not installed."""
    for name in TrackConfig.model_fields:
        if (asked := getattr(config, name)) and importlib.util.find_spec(name) is None:
            raise ValueError(
                f"track.{name} is {asked!r}, and the package {name} is not installed: pip install {name}, "
                "or leave the line out"
            )


def trackers(config: TrackConfig, run: str, logs: Path) -> list[Tracker]:
    """All that this run logs to."""
    found: list[Tracker] = [TensorBoard(logs / "tensorboard")]
    if config.wandb:
        found.append(WeightsAndBiases(config.wandb, run, logs))
    if config.mlflow:
        found.append(MLflow(config.mlflow, run))
    return found


def figures(report: IterationReport) -> dict[str, float]:
    """A report as flat names and numbers."""
    return dict(_figures(report))


def _figures(report: IterationReport) -> Iterator[tuple[str, float]]:
    yield from ((f"accuracy/{name}", accuracy.value) for name, accuracy in report.accuracy.items())
    if not report.iteration:
        return
    yield "goodput", report.goodput
    yield "solved", report.solved / report.problems if report.problems else 0.0
    if report.loss:
        yield from (("loss/first", report.loss[0]), ("loss/last", report.loss[-1]))
    for group in ("outcomes", "lessons", "tokens", "seconds", "retries"):
        yield from ((f"{group}/{name}", value) for name, value in getattr(report, group).items())

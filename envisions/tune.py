"""`envisions inject` and `envisions infuse`: supervised tuning on symbols, then on symbols and general text.

Paper: two stages of the same training. Here too: they differ in their stage files only, so both commands do the same.
"""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from envisions.config import ConfigError, apply, explain
from envisions.files import write_aside
from envisions.make_base import watched
from envisions.records import Example
from envs.symbols.mixture import GeneralSource, MixtureConfig, general_texts, mixture, symbol_texts
from envs.symbols.world import SymbolSource
from learner import weights
from learner.config import LearnConfig
from learner.engine import LearnerRank
from learner.heldout import heldout_loss

LOG = "stage.json"


class HeldOut(BaseModel):
    """Texts that the stage does not train on; their loss is measured before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbols: SymbolSource | None = None
    """Pairs of the test part."""
    general: GeneralSource | None = None
    """General text; stories of other templates, or a file of its own."""


class StageConfig(BaseModel):
    """A stage file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """What is tuned: a Hugging Face folder (relative to the stage file) or a hub id."""
    folder: Path
    """Where the tuned model is written (relative to the stage file), with its log."""
    seed: int = 0
    """What the mixture and the order of its texts are drawn from."""
    mixture: MixtureConfig
    held_out: HeldOut = HeldOut()
    learn: LearnConfig = Field(default_factory=lambda: LearnConfig(epochs=1))


def load_stage(path: Path, overrides: Sequence[str] = ()) -> StageConfig:
    """The validated stage of a TOML file. Raises ConfigError; its relative paths are made absolute."""
    if not path.is_file():
        raise ConfigError(f"{path} does not exist; name a stage file such as examples/symbols/inject.toml")
    try:
        raw = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}; mend the TOML there") from error
    for override in overrides:
        apply(raw, override)
    beside = path.parent.resolve()
    try:
        stage = StageConfig.model_validate(raw, context={"folder": beside})
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error))) from error
    local = beside / stage.model
    model = str(local.resolve()) if local.is_dir() else stage.model
    return stage.model_copy(update={"model": model, "folder": (beside / stage.folder).resolve()})


def tune(stage: StageConfig) -> dict[str, Any]:
    """Write the tuned model folder; returns its log. The same call again goes on where an interrupted one stopped."""
    weights.check_folder(source := weights.resolve(stage.model))
    examples = mixture(stage.mixture, stage.seed)
    held = held_out(stage)
    before = {name: heldout_loss(source, texts) for name, texts in held.items()}
    rank = LearnerRank(stage.learn, source)
    rank.join(*rank.rendezvous("127.0.0.1"))
    try:
        trained = watched(rank, examples, stage.folder, stage.seed, Path(source))
    finally:
        rank.close()
    log = {
        "stage": stage.model_dump(mode="json"),
        "texts": len(examples),
        "dropped": len(trained.dropped),
        "tokens": trained.tokens,
        "seconds": round(trained.seconds, 1),
        "steps": len(trained.loss),
        "loss": [round(loss, 4) for loss in trained.loss[:: max(1, len(trained.loss) // 50)]],
        "held_out": {
            name: {"texts": len(texts), "before": before[name], "after": heldout_loss(stage.folder, texts)}
            for name, texts in held.items()
        },
        "fingerprint": trained.weights.fingerprint,
    }
    write_aside(stage.folder / LOG, json.dumps(log, indent=1) + "\n")
    return log


def held_out(stage: StageConfig) -> dict[str, list[Example]]:
    """The texts whose loss is measured, by kind."""
    found = {}
    if stage.held_out.symbols:
        found["symbols"] = symbol_texts(stage.held_out.symbols, "test", stage.seed)
    if stage.held_out.general:
        found["general"] = general_texts(stage.held_out.general, "test")
    return found

"""Run files: TOML plus `a.b=value` overrides, validated before anything starts.

Each section's fields live beside what they configure; this file only puts them together.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from actors.evaluation import EvaluateConfig
from actors.fleet import FleetConfig
from actors.generator import EngineConfig
from actors.memory import MemoryConfig
from actors.reward import ExploreConfig
from actors.teacher import TeacherConfig
from envisions.strategies import PROFILES, STRATEGIES, applied
from envisions.trackers import TrackConfig
from envisions.worlds import USUAL, WorldSettings
from envs.sandbox.sandbox import SandboxConfig
from learner.config import LearnConfig
from pool.curriculum import CurriculumConfig
from pool.select import SelectConfig


class ConfigError(ValueError):
    """One line a fault: the value, the rule, the way out."""


class RunSection(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Names the run and, by default, its folder runs/NAME."""
    model: str
    """The base model: a Hugging Face folder (relative to the run file) or a hub id."""
    iterations: int = Field(ge=0)
    """Times through explore, select, learn, evaluate; 0 evaluates the base only."""
    strategy: str = "envisions"
    """How it trains: a name in envisions/strategies.py, whose settings have the last word."""
    profile: str = ""
    """Settings beneath those of this file: `reference-compat`, those of the paper's public code."""
    seed: int = 0
    """Every random choice of the run derives from it."""
    folder: str = ""
    """Where everything is written; default runs/NAME under $ENVISIONS_HOME or the current directory."""

    @field_validator("strategy", "profile")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        names = {"strategy": STRATEGIES, "profile": {"": {}} | dict(PROFILES)}[str(info.field_name)]
        if name not in names:
            near = get_close_matches(name, names, n=1)
            way = f"did you mean {near[0]}?" if near else f"it must be one of {', '.join(filter(None, names))}"
            raise ValueError(f"{name!r} is unknown; {way}")
        return name


ACTORS = {  # what each kind takes unless the run file says otherwise; together they fit two cores
    "generator": {"cores": 0.8, "memory_gib": 2.5},
    "environment": {"cores": 0.3, "deadline": 60},
    "service": {"cores": 0.2, "deadline": 1800},
    "memory": {"cores": 0.1, "deadline": 120},
    "learner": {"cores": 0.5, "memory_gib": 2.5, "deadline": 86400},
}


class ActorsSection(BaseModel):
    """How many actors of each kind, and the share of the machine that each reserves."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    generator: FleetConfig = Field(default_factory=FleetConfig)
    environment: FleetConfig = Field(default_factory=FleetConfig)
    service: FleetConfig = Field(default_factory=FleetConfig)
    memory: FleetConfig = Field(default_factory=FleetConfig)
    learner: FleetConfig = Field(default_factory=FleetConfig)

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, given: Any) -> Any:
        """A run file that sets one value of a kind keeps the others."""
        if not isinstance(given, dict) or not all(isinstance(given.get(kind, {}), dict) for kind in ACTORS):
            return given
        return given | {kind: default | given.get(kind, {}) for kind, default in ACTORS.items()}

    @model_validator(mode="after")
    def _one_memory(self) -> "ActorsSection":
        if self.memory.count != 1:
            raise ValueError(f"actors.memory.count is {self.memory.count}; the store has one writer: it must be 1")
        return self


class RunConfig(BaseModel):
    """A whole run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: RunSection
    world: WorldSettings
    explore: ExploreConfig = ExploreConfig()
    curriculum: CurriculumConfig | None = None
    select: SelectConfig = SelectConfig()
    memory: MemoryConfig = MemoryConfig()
    learn: LearnConfig = LearnConfig()
    teacher: TeacherConfig | None = None
    evaluate: EvaluateConfig = EvaluateConfig()
    engine: EngineConfig = EngineConfig()
    sandbox: SandboxConfig = SandboxConfig()
    actors: ActorsSection = Field(default_factory=ActorsSection)
    track: TrackConfig = TrackConfig()

    @model_validator(mode="after")
    def _examples_to_show(self) -> "RunConfig":
        if self.evaluate.few_shot and not getattr(self.world, "shots", 0):
            raise ValueError("world.shots is 0; evaluate.few_shot shows worked examples: set it to at least 1")
        return self

    @model_validator(mode="after")
    def _card_for_the_engine(self) -> "RunConfig":
        if self.engine.device == "cuda" and not self.actors.generator.gpus:
            raise ValueError("actors.generator.gpus is 0; an engine on cuda needs at least a share of a card: set it")
        return self

    @model_validator(mode="after")
    def _what_the_strategy_needs(self) -> "RunConfig":
        if self.run.profile and self.world.name not in (known := PROFILES[self.run.profile]):
            raise ValueError(f"run.profile {self.run.profile!r} is for {', '.join(known)}; leave it out")
        if self.explore.sampler == "teacher" and self.teacher is None:
            raise ValueError("explore.sampler is 'teacher'; add a section [teacher] with url and model, or answers")
        if self.explore.adaptive and self.select.label == "self":
            raise ValueError(
                "explore.adaptive is set; select.label 'self' compares a problem's samples with each other and needs "
                "as many of each: leave it out"
            )
        return self


def load(path: str | Path, overrides: Sequence[str] = ()) -> RunConfig:
    """The validated run of a TOML file. Raises ConfigError; relative paths in the file are made absolute."""
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"{path} does not exist; name a run file such as examples/laptop.toml")
    try:
        raw = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}; mend the TOML there") from error
    for override in overrides:
        apply(raw, override)
    return validated(raw, path.parent)


def validated(raw: dict[str, Any], beside: Path) -> RunConfig:
    """The run of a parsed file; `beside` is the folder that its relative paths start from."""
    try:
        config = RunConfig.model_validate(applied(raw), context={"folder": beside})
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error))) from error
    local = beside / config.run.model
    if local.is_dir():
        run = config.run.model_copy(update={"model": str(local.resolve())})
        return config.model_copy(update={"run": run})
    return config


def apply(raw: dict[str, Any], override: str) -> None:
    """Set `a.b=value` in a parsed file; the value is TOML, or else text."""
    match = re.fullmatch(r"([A-Za-z0-9_.-]+)=(.*)", override, flags=re.DOTALL)
    if match is None:
        raise ConfigError(f"{override!r} is no override; write section.field=value")
    *sections, field = match[1].split(".")
    for section in sections:
        raw = raw.setdefault(section, {})
        if not isinstance(raw, dict):
            raise ConfigError(f"{match[1]}: {section} is a value, not a section; drop what follows it")
    try:
        raw[field] = tomllib.loads(f"value = {match[2]}")["value"]
    except tomllib.TOMLDecodeError:
        raw[field] = match[2]


def explain(error: ValidationError) -> Iterator[str]:
    """One line for each fault."""
    for fault in error.errors():
        where = told(fault["loc"])
        if fault["type"] == "extra_forbidden":
            yield unknown(fault["loc"])
        elif fault["type"] == "missing":
            yield f"{where} is missing; add it to the run file"
        elif fault["type"] == "value_error":
            yield f"{where}: {fault['ctx']['error']}" if where else str(fault["ctx"]["error"])
        else:
            rule = fault["msg"].removeprefix("Input should be ").replace("greater than or equal to", "at least")
            rule = rule.replace("less than or equal to", "at most")
            yield f"{where} is {fault['input']!r}; it must be {rule}"


def unknown(location: tuple[str | int, ...]) -> str:
    """The message for a key that nothing reads, with the nearest one that something does."""
    where = told(location)
    known = list(fields(RunConfig, world=str(location[1]) if location[0] == "world" else USUAL))
    near = get_close_matches(where, known, n=1) or [key for key in known if key.split(".")[-1] == str(location[-1])]
    if near:
        return f"{where} is unknown; did you mean {near[0]}?"
    section = where.rpartition(".")[0]
    there = sorted({key.removeprefix(f"{section}.").split(".")[0] for key in known if key.startswith(section)})
    return f"{where} is unknown; " + (f"it must be one of {', '.join(there)}" if there else "leave it out")


def told(location: tuple[str | int, ...]) -> str:
    """A place as the run file has it; behind `world`, a fault also names the world whose settings are meant."""
    return ".".join(map(str, (*location[:1], *location[2:]) if location[:1] == ("world",) else location))


def fields(model: type[BaseModel], prefix: str = "", world: str = USUAL) -> Iterator[str]:
    """Every `section.field` of a run file in this world."""
    for name, field in model.model_fields.items():
        yield prefix + (field.alias or name)
        kinds = get_args(field.annotation) if isinstance(field.annotation, UnionType) else (field.annotation,)
        models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        for kind in models:
            if len(models) == 1 or kind.model_fields["name"].default == world:
                yield from fields(kind, f"{prefix}{name}.", world)

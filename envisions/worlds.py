"""The worlds that a run can be in, by the name that `[world]` gives. A new one is an entry and a member below."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from envs.base import Environment, World
from envs.logic.checking import Strictness
from envs.logic.environment import LogicEnvironment
from envs.logic.world import LogicConfig, LogicWorld
from envs.math.environment import MathEnvironment
from envs.math.world import MathConfig, MathWorld
from envs.sandbox.sandbox import SandboxConfig
from envs.symbols.environment import SymbolsEnvironment
from envs.symbols.world import SymbolsConfig, SymbolsWorld
from envs.web.environment import WebEnvironment
from envs.web.world import WebConfig, WebWorld

USUAL = "math"  # where a run file names no world


@dataclass(frozen=True, slots=True)
class Kind:
    """The two halves of a world: `world` from its settings and the run's seed, `environment` from its settings."""

    world: Callable[[Any, int], World]
    environment: Callable[[Any, SandboxConfig], Environment]


def _math(config: MathConfig, sandbox: SandboxConfig) -> Environment:
    return MathEnvironment(sandbox)


def _logic(config: LogicConfig, sandbox: SandboxConfig) -> Environment:
    return LogicEnvironment(Strictness(vacuous=config.vacuous, aligned=config.aligned), config.prover)


def _web(config: WebConfig, sandbox: SandboxConfig) -> Environment:
    return WebEnvironment(config.episode, sandbox)


def _symbols(config: SymbolsConfig, sandbox: SandboxConfig) -> Environment:
    return SymbolsEnvironment(sandbox)


WORLDS: Mapping[str, Kind] = {
    "math": Kind(MathWorld, _math),
    "logic": Kind(LogicWorld, _logic),
    "web": Kind(WebWorld, _web),
    "symbols": Kind(SymbolsWorld, _symbols),
}


def _named(given: Any) -> Any:
    """Settings with the name of their world, which must be one."""
    if not isinstance(given, dict):
        return given
    given = {"name": USUAL} | given
    if (name := given["name"]) not in WORLDS:
        near = get_close_matches(str(name), WORLDS, n=1)
        way = f"did you mean {near[0]}?" if near else f"it must be one of {', '.join(WORLDS)}"
        raise ValueError(f"name is {name!r}; {way}")
    return given


WorldSettings = Annotated[
    MathConfig | LogicConfig | WebConfig | SymbolsConfig, Field(discriminator="name"), BeforeValidator(_named)
]

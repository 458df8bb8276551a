"""One program in the sandbox, from the command line: what became of it."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from envisions.config import ConfigError, apply, explain
from envs.sandbox.sandbox import Sandbox, SandboxConfig


class Settings(BaseModel):
    """The one section of a run file that matters here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sandbox: SandboxConfig = SandboxConfig()


def execution(file: str, inputs: str, call: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What became of the program in a file ("-": standard input), and the layers that stood around it.

    inputs: JSON, a list of arguments or an object of them by name. call: the function whose value is wanted, empty to
    run the program only. overrides: sandbox.field=value. Raises ValueError, one line a fault.
    """
    arguments = arguments_of(inputs)
    with Sandbox(settings(overrides).sandbox) as sandbox:
        run = sandbox.run(program_of(file), call=call or None, args=arguments)
        return asdict(run) | {"layers": sandbox.layers}


def settings(overrides: Sequence[str]) -> Settings:
    raw: dict[str, Any] = {}
    for override in overrides:
        apply(raw, override)
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error))) from error


def program_of(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    if not Path(file).is_file():
        raise ConfigError(f"{file} does not exist; name a Python file, or - to read the program from a pipe")
    return Path(file).read_text()


def arguments_of(inputs: str) -> list[Any] | dict[str, Any]:
    try:
        arguments = json.loads(inputs)
    except ValueError as error:
        raise ConfigError(f"inputs is {inputs!r:.80}, which is no JSON ({error}); write e.g. [3, 4]") from None
    if not isinstance(arguments, list | dict):
        raise ConfigError(f'inputs is {inputs!r:.80}; it must be a list, [3, 4], or an object by name, {{"n": 3}}')
    return arguments

"""The generators by task. A new one is a module and a line below."""

from collections.abc import Mapping

from envs.symbols.generators.commands import by_length, commands
from envs.symbols.generators.parts import Generator

GENERATORS: Mapping[str, Generator] = {
    "scan": commands,
    "scan-length": by_length,
}

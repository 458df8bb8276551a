"""The generators by name. A new one is a module and a line below."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pkgutil import resolve_name

from envisions.records import Problem
from envs.symbols.generators.parts import Generator
from envs.symbols.manifest import tasks
from envs.symbols.names import Part

GENERATORS: Mapping[str, str] = {  # each imports the library of its language, so it is loaded when asked for
    "scan": "commands:commands",
    "scan-length": "commands:by_length",
    "clevr": "questions:questions",
    "sql": "databases:on_schemas",
    "stories": "arithmetic:word_problems",
    "blocksworld": "planning:blocksworld",
    "grippers": "planning:grippers",
    "floortile": "planning:floortile",
    "termes": "planning:termes",
    "fol": "sentences:sentences",
    "last-letter": "puzzles:last_letters",
    "coloured-objects": "puzzles:coloured_objects",
}


def generator(name: str) -> Generator:
    """The generator of this name."""
    found: Generator = resolve_name(f"{__package__}.{GENERATORS[name]}")
    return found


def generated(task: str, part: Part, seed: int) -> Iterator[Problem]:
    """The pairs of a task of the manifest that has a generator."""
    where = {"task": task, "source": "generated", "licence": "made here"}
    for one in generator(tasks()[task].generator)(part, seed):
        yield replace(one, setup={**one.setup, **where})

"""The symbol languages by name. A new one is a module and a line below."""

from collections.abc import Mapping
from functools import cache
from pkgutil import resolve_name
from typing import Any

from envs.languages.base import Language

LANGUAGES: Mapping[str, str] = {  # each module imports the library of its language, so it is loaded when asked for
    "scan": "envs.languages.scan:Scan",
}


@cache
def language_class(name: str) -> type[Language[Any]]:
    """The class of a language. Raises ValueError for a name that is none."""
    if name not in LANGUAGES:
        raise ValueError(f"language is {name!r}; it must be one of {', '.join(LANGUAGES)}")
    found: type[Language[Any]] = resolve_name(LANGUAGES[name])
    return found


def language(name: str, definition: Any = None) -> Language[Any]:
    """A language with what its instruction defines; without a definition, the language's usual one."""
    return language_class(name)() if definition is None else language_class(name)(definition)  # type: ignore[call-arg]

"""The symbol languages by name. A new one is a module and a line below."""

from collections.abc import Mapping
from functools import cache
from pkgutil import resolve_name
from typing import Any

from envs.languages.base import Language

LANGUAGES: Mapping[str, str] = {  # each module imports the library of its language, so it is loaded when asked for
    "scan": "envs.languages.scan:Scan",
    "cogs": "envs.languages.cogs:Cogs",
    "clevr": "envs.languages.clevr:Clevr",
    "gqa": "envs.languages.gqa:Gqa",
    "sql": "envs.languages.sql:Sql",
    "pddl": "envs.languages.pddl:Pddl",
    "amr": "envs.languages.amr:Amr",
    "ontology": "envs.languages.ontology:Ontology",
    "top": "envs.languages.top:Top",
    "nlmaps": "envs.languages.nlmaps:Nlmaps",
    "sexpr": "envs.languages.sexpr:SExpression",
    "sparql": "envs.languages.sparql:Sparql",
    "bash": "envs.languages.bash:Bash",
    "regex": "envs.languages.regex:RegexDsl",
    "python": "envs.languages.python:Python",
    "solution": "envs.languages.python:Solution",
    "java": "envs.languages.code:Java",
    "go": "envs.languages.code:Go",
    "fol": "envs.languages.fol:FirstOrder",
    "geometry": "envs.languages.geometry:Geometry",
    "smiles": "envs.languages.smiles:Smiles",
}


@cache
def language_class(name: str) -> type[Language[Any]]:
    """The class of a language. Raises ValueError for a name that is none."""
    if name not in LANGUAGES:
        raise ValueError(f"language is {name!r}; it must be one of {', '.join(LANGUAGES)}")
    found: type[Language[Any]] = resolve_name(LANGUAGES[name])
    return found


def language(name: str, definition: Any = None) -> Language[Any]:
    """A language with what its instruction defines; without a definition, the language's usual one.

    PDDL has no usual one. Raises ValueError, or Malformed, for a definition that is none.
    """
    made = language_class(name)
    if definition is not None:
        return made(definition)  # type: ignore[call-arg]
    if name == "pddl":
        raise ValueError("pddl needs a definition: the text of the problem's domain")
    return made()

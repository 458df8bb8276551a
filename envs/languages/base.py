"""What a symbol language is: text to tree and back, equality by meaning, renaming, and execution where it means one.

An instance is a language together with what its instruction defines: SCAN with its action names, SQL with a schema,
PDDL problems with a domain. Symbol-Evol renames both: `rename` a tree, `renamed` the language it is then written in.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

Tree = TypeVar("Tree")
Symbols = Mapping[str, frozenset[str]]  # kind -> names
Names = Mapping[str, Mapping[str, str]]  # kind -> old name -> new name

LONGEST = 100_000  # characters of a text


class Malformed(ValueError):
    """A text that is not of the language: what is wrong, and at which character (from 0) it shows."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(f"{message} (at character {position})")
        self.message, self.position = message, position


class Language(ABC, Generic[Tree]):
    """One language. A new one is a subclass with the underscored methods, and a line in the registry.

    Trees are immutable values; `==` on them is equality of syntax. All methods are pure, and safe in many threads.
    """

    name: ClassVar[str]
    NAME: ClassVar[re.Pattern[str]] = re.compile(r"[^\W\d]\w*")
    """What the name of a symbol looks like."""
    reserved: ClassVar[frozenset[str]] = frozenset()
    """Keywords and built-ins: never renamed, and no symbol may be given such a name."""

    @property
    def definition(self) -> Any:
        """What the instruction defines, as JSON values: `type(self)(definition)` is this language again."""
        return None

    @property
    def vocabulary(self) -> Symbols:
        """The symbols that the definition defines; empty where every text brings its own."""
        return {}

    def parse(self, text: str) -> Tree:
        """The syntax tree. Raises Malformed, whatever the text is."""
        if len(text) > LONGEST:
            raise Malformed(f"the text has {len(text)} characters; at most {LONGEST} are read", LONGEST)
        try:
            return self._parse(text)
        except RecursionError:
            raise Malformed("it is nested too deep", len(text)) from None

    @abstractmethod
    def _parse(self, text: str) -> Tree: ...

    @abstractmethod
    def print(self, tree: Tree) -> str:
        """The canonical text: `parse(print(tree))` prints the same again."""

    def equal(self, gold: Tree, tree: Tree) -> bool:
        """Whether both mean the same; by canonical form where no procedure decides meaning."""
        return self.print(gold) == self.print(tree)

    def score(self, gold: Tree, tree: Tree) -> float:
        """How near a tree comes to the gold one, from 0 to 1, which is equality."""
        return float(self.equal(gold, tree))

    def fault(self, tree: Tree) -> str:
        """Why a tree that can be read says nothing all the same, such as a goal already true; else empty."""
        return ""

    @abstractmethod
    def symbols(self, tree: Tree) -> Symbols:
        """The user-defined names of a tree by kind: without keywords, built-ins and literals."""

    def taken(self, tree: Tree) -> frozenset[str]:
        """Names in a tree that are no symbols of it, such as those of a library: no symbol may be given one."""
        return frozenset()

    def spells(self, kind: str, name: str) -> bool:
        """Whether a symbol of this kind may have this name."""
        return self.NAME.fullmatch(name) is not None and name not in self.reserved

    def rename(self, tree: Tree, names: Names) -> Tree:
        """The tree under new names, which is of the language `renamed` so. Names not given stay.

        Raises ValueError unless it can be undone.
        """
        used = self.symbols(tree)
        self._require_bijection(used, names, self.taken(tree))
        full = {kind: {name: names.get(kind, {}).get(name, name) for name in own} for kind, own in used.items()}
        return self._rename(tree, full)

    @abstractmethod
    def _rename(self, tree: Tree, names: Names) -> Tree:
        """As `rename`, with a new name for every symbol of the tree."""

    def renamed(self, names: Names) -> Self:
        """The language with its own vocabulary under new names. Raises ValueError unless it can be undone."""
        self._require_bijection(self.vocabulary, names, frozenset())
        return self._renamed(names)

    def _renamed(self, names: Names) -> Self:
        return self

    def close(self) -> None:
        """End the processes of its own, if it has any."""

    def _require_bijection(self, used: Symbols, names: Names, taken: frozenset[str]) -> None:
        for kind, own in used.items():
            new = [names.get(kind, {}).get(name, name) for name in sorted(own)]
            if len(set(new)) < len(new):
                twice = next(name for name in new if new.count(name) > 1)
                raise ValueError(f"two symbols of kind {kind} become {twice!r}; give each a name of its own")
            for name in set(new) - own:
                if name in taken or not self.spells(kind, name):
                    raise ValueError(f"{name!r} cannot name a {kind} of {self.name}; it must be a plain, unused word")


class Executable(Language[Tree]):
    """A language whose texts do something."""

    @abstractmethod
    def execute(self, tree: Tree, world: Any) -> Any:
        """What the tree gives in a world: a scene, a database, a graph, tests. Raises ExecutionError."""


class ExecutionError(ValueError):
    """A tree that can be read but not executed: a division by zero, no unique object, a time limit."""


def inverse(names: Names) -> Names:
    """The renaming that undoes one."""
    return {kind: {new: old for old, new in own.items()} for kind, own in names.items()}


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set: for lists of keywords."""
    return frozenset(text.split())

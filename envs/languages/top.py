"""TOP trees (Gupta et al. 2018; MTOP, TOPv2): `[IN:GET_EVENT concerts [SL:DATE_TIME this weekend ] ]`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Union

from envs.languages.base import Language, Malformed, Names, Symbols

TOKEN = re.compile(r"\[|\]|[^\s\[\]]+")
LABEL = re.compile(r"(IN|SL):(\w+)")
KINDS = {"IN": "intent", "SL": "slot"}
DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Node:
    """An intent (IN) or slot (SL) over words and further nodes."""

    sort: str
    label: str
    parts: tuple[Union["Node", str], ...]
    at: int = field(default=0, compare=False, repr=False)

    @property
    def nodes(self) -> tuple["Node", ...]:
        return tuple(part for part in self.parts if isinstance(part, Node))


class Top(Language[Node]):
    """Trees of intents and slots, which alternate."""

    name = "top"
    NAME = re.compile(r"\w+")

    def _parse(self, text: str) -> Node:
        tokens = [(found[0], found.start()) for found in TOKEN.finditer(text)]
        open_nodes: list[tuple[str, str, int, list[Node | str]]] = []
        for number, (token, at) in enumerate(tokens):
            if token == "[":
                following, where = tokens[number + 1] if number + 1 < len(tokens) else ("", len(text))
                label = LABEL.fullmatch(following)
                above = open_nodes[-1][0] if open_nodes else "SL"
                if label is None or label[1] == above:
                    wanted = "IN:" if above == "SL" else "SL:"
                    raise Malformed(f"{following!r:.40} opens a node; a label with {wanted} must", where)
                if len(open_nodes) == DEEPEST:
                    raise Malformed(f"it is nested more than {DEEPEST} deep", at)
                open_nodes.append((label[1], label[2], at, []))
            elif not open_nodes:
                raise Malformed(f"{token!r:.40} stands outside the tree", at)
            elif token != "]":
                if tokens[number - 1][0] != "[":
                    open_nodes[-1][3].append(token)
            else:
                sort, name, start, parts = open_nodes.pop()
                node = Node(sort, name, tuple(parts), start)
                if open_nodes:
                    open_nodes[-1][3].append(node)
                elif number + 1 < len(tokens):
                    raise Malformed("something stands behind the tree", tokens[number + 1][1])
                else:
                    return node
        raise Malformed("a bracket is not closed" if open_nodes else "there is no tree", len(text))

    def print(self, tree: Node) -> str:
        parts = (self.print(part) if isinstance(part, Node) else part for part in tree.parts)
        return " ".join([f"[{tree.sort}:{tree.label}", *parts, "]"])

    def equal(self, gold: Node, tree: Node) -> bool:
        """The same intents and slots, in any order. Only words in a slot without intents say something."""
        return _decoupled(gold) == _decoupled(tree)

    def symbols(self, tree: Node) -> Symbols:
        return {
            kind: frozenset(node.label for node in _nodes(tree) if node.sort == sort) for sort, kind in KINDS.items()
        }

    def _rename(self, tree: Node, names: Names) -> Node:
        parts = (self._rename(part, names) if isinstance(part, Node) else part for part in tree.parts)
        return replace(tree, label=names[KINDS[tree.sort]][tree.label], parts=tuple(parts))


def _nodes(tree: Node) -> Iterator[Node]:
    yield tree
    for node in tree.nodes:
        yield from _nodes(node)


def _decoupled(tree: Node) -> tuple[object, ...]:
    words = () if tree.nodes or tree.sort == "IN" else tuple(str(part).lower() for part in tree.parts)
    return (tree.sort, tree.label, words, tuple(sorted(map(_decoupled, tree.nodes), key=repr)))

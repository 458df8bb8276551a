"""SPARQL queries, parsed and run by rdflib on local graphs: compared by what they give on random graphs."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pyparsing import ParseBaseException
from rdflib import Graph, Literal, URIRef, Variable
from rdflib.plugins.sparql import prepareQuery
from rdflib.plugins.sparql.parser import parseQuery
from rdflib.term import Node

from envs.languages.base import Executable, ExecutionError, Malformed, Names, Symbols

GRAPHS, COPIES, THINGS = 4, 8, 4  # random graphs; copies of the query's patterns in each; nodes that variables share
MOST_PATTERNS = 30
TOKEN = re.compile(
    r"\s*(?:(?P<comment>#[^\n]*)|(?P<iri><[^\s<>]*>)|(?P<text>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<variable>[?$]\w+)|(?P<prefixed>\w*:[\w.-]*\w|\w*:)|(?P<tag>@[A-Za-z-]+|\^\^)|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<sign>&&|\|\||!=|<=|>=|[\[\]{}().;,*/|+=<>!^-]))"
)
ENTITY = re.compile(r"[mg]\.[0-9a-z_]+")
REMOTE = ("service", "from", "load")  # what would fetch from elsewhere
BUILT_IN = ("rdf", "rdfs", "xsd", "owl")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a query and its kind, a group of TOKEN."""

    kind: str
    text: str
    at: int = field(default=0, compare=False, repr=False)


class Sparql(Executable[tuple[Token, ...]]):
    """SELECT and ASK queries. The local names behind prefixes are symbols, but for Freebase's entities."""

    name = "sparql"
    NAME = re.compile(r"[A-Za-z][\w-]*(?:\.[\w-]+)*")

    def _parse(self, text: str) -> tuple[Token, ...]:
        tokens = tuple(_tokens(text))
        for token in tokens:
            if token.kind == "word" and token.text.lower() in REMOTE:
                raise Malformed(f"{token.text} fetches from elsewhere: queries are of local graphs only", token.at)
        try:
            parseQuery(self.print(tokens))
            prepareQuery(self.print(tokens))
        except ParseBaseException as fault:
            raise Malformed(f"no query: {fault.msg}"[:200], _at(tokens, fault.loc, text)) from None
        except RecursionError:
            raise
        except Exception as fault:  # an unknown prefix, or what rdflib does not take
            raise Malformed(f"no query: {fault}"[:200], 0) from None
        return tokens

    def print(self, tree: tuple[Token, ...]) -> str:
        return " ".join(token.text for token in tree).replace(" ^^ ", "^^").replace(" @", "@")

    def equal(self, gold: tuple[Token, ...], tree: tuple[Token, ...]) -> bool:
        """The same answers on every random graph where gold has any; the same form, where it has none."""
        if _nameless(gold) == _nameless(tree):
            return True
        patterns, answered = self._patterns(gold), False
        ordered = any(token.text.upper() == "ORDER" for token in gold)
        for seed in range(GRAPHS if len(patterns) <= MOST_PATTERNS else 0):
            graph = random_graph(patterns, Random(seed))
            wanted: Any = self.execute(gold, graph)
            if wanted == [] or wanted is False:
                continue
            answered = True
            try:
                given: Any = self.execute(tree, graph)
            except ExecutionError:
                return False
            counted = not ordered and isinstance(wanted, list) and isinstance(given, list)
            same = Counter(wanted) == Counter(given) if counted else wanted == given
            if not same:
                return False
        return answered

    def _patterns(self, tree: tuple[Token, ...]) -> list[tuple[Node, Node, Node]]:
        """The triple patterns of a query."""
        found, waiting = [], [prepareQuery(self.print(tree)).algebra]
        while waiting:
            node = waiting.pop()
            if isinstance(node, dict):
                found += [one for one in node.get("triples") or () if isinstance(one, tuple) and len(one) == 3]
                waiting.extend(value for key, value in node.items() if key != "triples")
            elif isinstance(node, list | tuple):
                waiting.extend(node)
        return found

    def symbols(self, tree: tuple[Token, ...]) -> Symbols:
        return {"term": frozenset(local for token in tree if (local := _local(token)))}

    def spells(self, kind: str, name: str) -> bool:
        return super().spells(kind, name) and not ENTITY.fullmatch(name)

    def _rename(self, tree: tuple[Token, ...], names: Names) -> tuple[Token, ...]:
        def new(token: Token) -> Token:
            local = _local(token)
            prefix = token.text.partition(":")[0]
            return Token(token.kind, f"{prefix}:{names['term'][local]}", token.at) if local else token

        return tuple(map(new, tree))

    def execute(self, tree: tuple[Token, ...], world: Graph) -> list[tuple[str, ...]] | bool:
        """The rows of a SELECT, as texts, or the answer of an ASK."""
        try:
            result = world.query(self.print(tree))
            if result.type == "ASK":
                return bool(result.askAnswer)
            return [tuple("" if value is None else str(value) for value in row) for row in result]  # type: ignore[union-attr]
        except Exception as fault:  # rdflib fails in many ways on values of the wrong type
            raise ExecutionError(f"rdflib: {type(fault).__name__} {fault}"[:200]) from None


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if found is None:
            raise Malformed("this belongs to no query", at + len(text[at:]) - len(text[at:].lstrip()))
        kind = found.lastgroup or ""
        if kind == "word":
            yield Token(kind, found[kind].upper() if found[kind] != "a" else "a", found.start(kind))
        elif kind != "comment":
            yield Token(kind, found[kind], found.start(kind))
        at = found.end()


def _at(tokens: tuple[Token, ...], place: int, text: str) -> int:
    """Where in the text a token stands that is at a place of the printed query."""
    reached = 0
    for token in tokens:
        reached += len(token.text) + 1
        if reached > place:
            return token.at
    return len(text)


def _local(token: Token) -> str:
    """The local name of a prefixed one, where it is a symbol."""
    prefix, _, local = token.text.partition(":")
    return local if token.kind == "prefixed" and prefix not in BUILT_IN and not ENTITY.fullmatch(local) else ""


def _nameless(tree: tuple[Token, ...]) -> list[str]:
    """The tokens with variables numbered."""
    order: dict[str, str] = {}
    return [
        order.setdefault(token.text[1:], f"?{len(order)}") if token.kind == "variable" else token.text for token in tree
    ]


def random_graph(patterns: Collection[tuple[Node, Node, Node]], dice: Random) -> Graph:
    """Copies of the patterns, some with a triple missing, over things and numbers that they share by lot."""
    graph = Graph()
    variables = sorted({str(node) for one in patterns for node in one if isinstance(node, Variable)})
    subjects = {str(one[0]) for one in patterns if isinstance(one[0], Variable)}
    for _ in range(COPIES):
        values: dict[str, Node] = {}
        for name in variables:
            as_number = name not in subjects and dice.random() < 0.5
            values[name] = (
                Literal(dice.randint(1, 9)) if as_number else URIRef(f"http://example.org/{dice.randrange(THINGS)}")
            )
        for one in patterns:
            triple: tuple[Any, ...] = tuple(
                values.get(str(node), node) if isinstance(node, Variable) else node for node in one
            )
            if dice.random() < 0.9 and isinstance(triple[1], URIRef) and not isinstance(triple[0], Literal):
                graph.add(triple)
    return graph

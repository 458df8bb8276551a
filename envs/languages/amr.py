"""Abstract meaning representations in PENMAN notation (penman), compared by Smatch (smatchpp)."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import penman
from penman.exceptions import PenmanError
from penman.layout import interpret
from penman.models.amr import model as amr_model
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array
from smatchpp import Smatchpp
from smatchpp.interfaces import Solver

from envs.languages.base import Language, Malformed, Names, Symbols
from envs.languages.matching import Fact, same_up_to_names

CODEC = penman.PENMANCodec(model=amr_model)
SECONDS = 10.0  # of one alignment
LAYOUTS = 10  # tried for one that stays


@dataclass(frozen=True, slots=True)
class Graph:
    """Triples (source, role, target), the instances among them, and the variable at the top."""

    top: str
    triples: tuple[tuple[str, str, str], ...]

    @property
    def variables(self) -> frozenset[str]:
        return frozenset(source for source, role, _ in self.triples if role == ":instance")


class Amr(Language[Graph]):
    """Rooted graphs. Variables are the symbols: concepts and roles are those of PropBank and AMR."""

    name = "amr"
    NAME = re.compile(r"[a-z]\w*")

    def __init__(self) -> None:
        self._smatch = Smatchpp(graph_reader=Triples(), alignmentsolver=Optimal())

    def _parse(self, text: str) -> Graph:
        try:
            trees = list(CODEC.iterparse(text))
            if len(trees) != 1:
                raise Malformed(f"there are {len(trees)} graphs; one must stand here", len(text))
            graph = interpret(trees[0], amr_model)
        except PenmanError as fault:
            raise Malformed(str(getattr(fault, "message", fault)) or "no graph", _position(text, fault)) from None
        concepts = [source for source, role, target in graph.triples if role == ":instance" and source and target]
        if len(concepts) < sum(role == ":instance" for _, role, _ in graph.triples) or not concepts:
            raise Malformed("a node has no variable or no concept: write (b / boy)", text.find("("))
        if len(set(concepts)) < len(concepts):
            twice = next(name for name in concepts if concepts.count(name) > 1)
            raise Malformed(f"{twice!r} has two concepts", text.rfind(f"({twice}"))
        if any(target is None for _, _, target in graph.triples):
            raise Malformed("a role has nothing behind it", len(text))
        return _settled(Graph(str(graph.top), tuple(graph.triples)))

    def print(self, tree: Graph) -> str:
        return str(CODEC.encode(penman.Graph(tree.triples, top=tree.top), indent=None))

    def equal(self, gold: Graph, tree: Graph) -> bool:
        """The same graph under some renaming of variables: Smatch is 1."""
        names = gold.variables, tree.variables
        return same_up_to_names(
            _facts(gold), _facts(tree), lambda name: name.startswith("?") and name[1:] in names[0] | names[1]
        )

    def score(self, gold: Graph, tree: Graph) -> float:
        """Smatch: F1 over the triples under the best alignment of variables."""
        match, _, _ = self._smatch.process_pair(tree, gold)
        right, _, given, wanted = match["main"]
        return float(2 * right / (given + wanted)) if given + wanted else 1.0

    def taken(self, tree: Graph) -> frozenset[str]:
        return frozenset(target for _, role, target in tree.triples if role != ":instance") - tree.variables

    def symbols(self, tree: Graph) -> Symbols:
        return {"variable": tree.variables}

    def _rename(self, tree: Graph, names: Names) -> Graph:
        new = names["variable"]
        triples = (
            (new[one], role, target if role == ":instance" else new.get(target, target))
            for one, role, target in tree.triples
        )
        return Graph(new[tree.top], tuple(triples))


def _settled(graph: Graph) -> Graph:
    """The triples in an order that printing and reading keeps: which nodes stand below which follows from the order."""
    for _ in range(LAYOUTS):
        again = CODEC.decode(CODEC.encode(penman.Graph(graph.triples, top=graph.top), indent=None))
        before, graph = graph, Graph(graph.top, tuple(again.triples))
        if before == graph:
            return graph
    return Graph(graph.top, tuple(sorted(graph.triples)))


def _facts(tree: Graph) -> list[Fact]:
    facts: list[Fact] = [("top", (f"?{tree.top}",))]
    for source, role, target in tree.triples:
        variable = role != ":instance" and target in tree.variables
        facts.append((role, (f"?{source}", f"?{target}" if variable else f"={target}")))
    return facts


def _position(text: str, fault: Any) -> int:
    """Where an error is, from its line and column."""
    lines = text.split("\n")[: max((getattr(fault, "lineno", None) or 1) - 1, 0)]
    return min(sum(len(line) + 1 for line in lines) + (getattr(fault, "offset", None) or 0), len(text))


class Triples:
    """What smatchpp asks for a graph: its own reader would keep the roles that a layout turns around."""

    def string2graph(self, tree: Graph) -> list[tuple[str, str, str]]:
        return [("ROOT_OF_GRAPH", ":root", tree.top), *tree.triples]


class Optimal(Solver):
    """The best alignment of variables, as an integer program (HiGHS); smatchpp's own needs a solver of 600 MB."""

    def _solve(self, unarymatch_dict: Any, binarymatch_dict: Any, V: int) -> tuple[Any, float, float]:
        ones = sorted({*unarymatch_dict, *((i, j) for i, j, _, _ in binarymatch_dict)})
        both = sorted({tuple(sorted(((i, j), (k, m)))) for i, j, k, m in binarymatch_dict})
        place = {pair: number for number, pair in enumerate([*ones, *both])}
        gain = [unarymatch_dict.get(pair, 0.0) for pair in ones]
        gain += [
            binarymatch_dict.get((*a, *b), 0.0) + (binarymatch_dict.get((*b, *a), 0.0) if a != b else 0)
            for a, b in both
        ]
        alignment = np.full(V, -1)
        if not ones:
            return alignment, 0.0, 0.0
        # Each variable is aligned once; two pairs match together only where each of them is aligned.
        rows = [(number, place[i, j], 1.0) for number in range(V) for i, j in ones if i == number]
        rows += [(V + number, place[i, j], 1.0) for number in range(V) for i, j in ones if j == number]
        limits = [1.0] * (2 * V)
        for pair in both:
            for side in set(pair):
                rows += [(len(limits), place[pair], 1.0), (len(limits), place[side], -1.0)]
                limits.append(0.0)
        at, column, value = zip(*rows, strict=True)
        matrix = coo_array((value, (at, column)), shape=(len(limits), len(gain)))
        result = milp(
            c=-np.array(gain),
            constraints=LinearConstraint(matrix.tocsr(), ub=limits),
            integrality=np.ones(len(gain)),
            bounds=Bounds(0, 1),
            options={"time_limit": SECONDS},
        )
        if result.x is None:
            return alignment, 0.0, float("inf")
        for i, j in ones:
            if result.x[place[i, j]] > 0.5:
                alignment[i] = j
        return alignment, -result.fun, -result.fun

"""Whether two sets of facts are the same up to the names of some things: graph isomorphism, by networkx."""

from collections.abc import Callable, Collection, Hashable

import networkx as nx
from networkx.algorithms.isomorphism import categorical_node_match

Fact = tuple[Hashable, tuple[str, ...]]  # what is said, and of which things


def same_up_to_names(gold: Collection[Fact], other: Collection[Fact], free: Callable[[str], bool]) -> bool:
    """Whether a bijection of the free names makes the facts the same; the other names stand for themselves."""
    facts = [sorted({(repr(label), things) for label, things in side}) for side in (gold, other)]
    if facts[0] == facts[1]:
        return True
    if sorted(label for label, _ in facts[0]) != sorted(label for label, _ in facts[1]):
        return False
    graphs = [_graph(side, free) for side in facts]
    # Colours first: they tell most graphs apart without a search.
    if len({nx.weisfeiler_lehman_graph_hash(graph, node_attr="label") for graph in graphs}) > 1:
        return False
    return bool(nx.is_isomorphic(*graphs, node_match=categorical_node_match("label", "")))


def _graph(facts: Collection[tuple[str, tuple[str, ...]]], free: Callable[[str], bool]) -> nx.Graph:
    """A node for each fact, for each thing, and for each place of a thing in a fact."""
    graph = nx.Graph()
    for number, (label, things) in enumerate(facts):
        graph.add_node(number, label=label)
        for place, thing in enumerate(things):
            graph.add_node(thing, label="" if free(thing) else f"={thing}")
            graph.add_node((number, place), label=str(place))
            graph.add_edges_from([(number, (number, place)), ((number, place), thing)])
    return graph

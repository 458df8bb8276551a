"""How a model's states tell symbols apart: alignment and uniformity of several languages, with intervals.

The paper's own formula is not published: this is Wang & Isola 2020, for every layer, pooling and view that is asked.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from envisions.records import Example, Problem
from envs.symbols import alignment
from envs.symbols.evol import can_evolve, evolved
from envs.symbols.generators.registry import generated
from envs.symbols.world import instructed
from learner.embedding import embeddings

Texts = Sequence[Example]


def expressiveness(
    folder: str | Path, families: Mapping[str, Texts], positives: Mapping[str, tuple[Texts, Texts]], seed: int = 0
) -> list[dict[str, Any]]:
    """One row for each pooling, layer and view of the states, as JSON values.

    `families`: symbols of each language. `positives`: by kind, texts that mean the same, row by row.
    """
    of_families = {name: embeddings(folder, texts) for name, texts in families.items()}
    of_pairs = {name: tuple(embeddings(folder, side) for side in sides) for name, sides in positives.items()}
    rows = []
    for place in next(iter(of_families.values())):
        for view in alignment.VIEWS:
            viewed = _viewed([found[place] for found in of_families.values()], view)
            everything_ND = _stacked(viewed)
            rows.append(
                {
                    "pooling": place[0],
                    "layer": place[1],
                    "view": view,
                    "uniform": {
                        name: alignment.uniform_interval(one_ND, seed)
                        for name, one_ND in zip(of_families, viewed, strict=True)
                    },
                    "uniform_union": alignment.uniform_interval(everything_ND, seed),
                    "align": {
                        name: _aligned([side[place] for side in sides], view, seed) for name, sides in of_pairs.items()
                    },
                    "distances": alignment.distances(viewed).tolist(),
                    "silhouette": alignment.silhouette(viewed),
                }
            )
    return rows


def families(tasks: Sequence[str], count: int, seed: int = 0) -> dict[str, list[Example]]:
    """Evaluation symbols of some tasks, each below its instruction."""
    return {task: [text(one) for one in islice(generated(task, "test", seed), count)] for task in tasks}


def under_other_names(task: str, count: int, seed: int = 0) -> tuple[list[Example], list[Example]]:
    """Symbols of a task, and the same symbols under evolved names: positives of one kind."""
    pairs = [one for one in islice(generated(task, "test", seed), count) if can_evolve(one)]
    return [text(one) for one in pairs], [text(evolved(one, "random", "test", seed)) for one in pairs]


def text(problem: Problem) -> Example:
    """The symbols of a pair, of which alone an embedding is made, behind their instruction."""
    return Example(id=problem.id, prompt=f"{instructed(problem)}\n", completion=problem.answer)


def _aligned(sides: Sequence[Any], view: str, seed: int) -> alignment.Interval:
    one_ND, other_ND = _viewed(sides, view)
    return alignment.align_interval(one_ND, other_ND, seed)


def _viewed(groups: Sequence[Any], view: str) -> list[Any]:
    """All groups under one view of them all: one mean, one whitening."""
    import numpy as np

    together_ND = alignment.VIEWS[view](_stacked(groups))
    ends = np.cumsum([len(one_ND) for one_ND in groups])[:-1]
    return list(np.split(together_ND, ends))


def _stacked(groups: Sequence[Any]) -> Any:
    import numpy as np

    return np.concatenate(list(groups))

"""Alignment and uniformity of embeddings (Wang & Isola 2020), lower is better for both, with bootstrap intervals.

Dimensions: N embeddings, D their width, F families. Sums are taken in fp64 and in blocks, over unequal pairs only.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

BLOCK = 1000  # embeddings at once
RESAMPLES, LEVEL = 1000, 0.95


class Interval(NamedTuple):
    """A value with its bootstrap interval."""

    value: float
    low: float
    high: float


def normalised(embeddings_ND: "np.ndarray") -> "np.ndarray":
    """Each embedding with length 1, in fp64. Raises ValueError for one of length 0."""
    import numpy as np

    lengths_N1 = np.linalg.norm(embeddings_ND.astype(np.float64), axis=1, keepdims=True)
    if not lengths_N1.all():
        raise ValueError(f"embedding {int((lengths_N1 == 0).argmax())} has length 0; it has no direction: leave it out")
    return np.asarray(embeddings_ND.astype(np.float64) / lengths_N1)


def centred(embeddings_ND: "np.ndarray") -> "np.ndarray":
    """The embeddings about their mean: states of language models share one large direction."""
    return embeddings_ND - embeddings_ND.mean(axis=0, keepdims=True)


def whitened(embeddings_ND: "np.ndarray") -> "np.ndarray":
    """The embeddings about their mean, with equal variance in every direction that they use."""
    import numpy as np

    left_NR, sizes_R, _ = np.linalg.svd(centred(embeddings_ND).astype(np.float64), full_matrices=False)
    used = sizes_R > sizes_R.max(initial=0.0) * 1e-10
    return np.asarray(left_NR[:, used] * np.sqrt(len(embeddings_ND)))


VIEWS: Mapping[str, Callable[["np.ndarray"], "np.ndarray"]] = {
    "raw": lambda embeddings_ND: embeddings_ND,
    "centred": centred,
    "whitened": whitened,
}


def align(one_ND: "np.ndarray", other_ND: "np.ndarray", alpha: float = 2.0) -> float:
    """Mean ‖f(x) - f(y)‖^alpha over positive pairs, row by row."""
    return float(_gaps(one_ND, other_ND, alpha).mean())


def _gaps(one_ND: "np.ndarray", other_ND: "np.ndarray", alpha: float) -> "np.ndarray":
    import numpy as np

    if one_ND.shape != other_ND.shape or not len(one_ND):
        raise ValueError(f"pairs of shapes {one_ND.shape} and {other_ND.shape}; both need the same rows, at least one")
    return np.asarray(np.linalg.norm(normalised(one_ND) - normalised(other_ND), axis=1) ** alpha)


def uniform(embeddings_ND: "np.ndarray", t: float = 2.0) -> float:
    """log of the mean exp(-t ‖f(x) - f(y)‖²) over all pairs of different embeddings. Raises ValueError under two."""
    import numpy as np

    if len(embeddings_ND) < 2:
        raise ValueError(f"{len(embeddings_ND)} embeddings make no pair; give at least two")
    return float(_uniform(normalised(embeddings_ND), np.ones((1, len(embeddings_ND))), t)[0])


def _uniform(directions_ND: "np.ndarray", weights_RN: "np.ndarray", t: float) -> "np.ndarray":
    """As `uniform`, once for each row of weights, which say how often an embedding is there; copies make no pair."""
    import numpy as np

    total_R = np.zeros(len(weights_RN))
    for start in range(0, len(directions_ND), BLOCK):
        block_BD = directions_ND[start : start + BLOCK]
        kernel_BN = np.exp(-t * np.maximum(2 - 2 * block_BD @ directions_ND.T, 0))
        rows_B = np.arange(len(block_BD))
        kernel_BN[rows_B, start + rows_B] = 0
        total_R += ((weights_RN[:, start : start + BLOCK] @ kernel_BN) * weights_RN).sum(axis=1)
    pairs_R = weights_RN.sum(axis=1) ** 2 - (weights_RN**2).sum(axis=1)
    return np.asarray(np.log(total_R / pairs_R))


def align_interval(one_ND: "np.ndarray", other_ND: "np.ndarray", seed: int = 0) -> Interval:
    """`align`, and where 95 % of it lies when the pairs are drawn anew."""
    import numpy as np

    gaps_N, dice = _gaps(one_ND, other_ND, 2.0), np.random.default_rng(seed)
    drawn = [gaps_N[dice.integers(len(gaps_N), size=len(gaps_N))].mean() for _ in range(RESAMPLES)]
    return Interval(float(gaps_N.mean()), *middle(drawn))


def uniform_interval(embeddings_ND: "np.ndarray", seed: int = 0) -> Interval:
    """`uniform`, and where 95 % of it lies when the embeddings are drawn anew."""
    import numpy as np

    value, dice, count = uniform(embeddings_ND), np.random.default_rng(seed), len(embeddings_ND)
    weights_RN = dice.multinomial(count, np.full(count, 1 / count), size=RESAMPLES).astype(np.float64)
    weights_RN = weights_RN[(weights_RN > 0).sum(axis=1) > 1]  # one embedding alone makes no pair
    return Interval(value, *middle(_uniform(normalised(embeddings_ND), weights_RN, 2.0)))


def middle(drawn: "Sequence[float] | np.ndarray") -> tuple[float, float]:
    """The ends of the 95 % that lie in the middle."""
    import numpy as np

    edge = (1 - LEVEL) / 2
    low, high = np.quantile(np.asarray(drawn), (edge, 1 - edge))
    return float(low), float(high)


def distances(families: Sequence["np.ndarray"]) -> "np.ndarray":
    """Mean squared distance between the members of every two families, (F, F); within a family over unequal pairs."""
    import numpy as np

    directions = [normalised(one_ND) for one_ND in families]
    means_FD = np.stack([one_ND.mean(axis=0) for one_ND in directions])
    matrix_FF = 2 - 2 * means_FD @ means_FD.T
    for place, one_ND in enumerate(directions):
        count = len(one_ND)
        matrix_FF[place, place] *= count / (count - 1) if count > 1 else 0
    return np.asarray(matrix_FF)


def silhouette(families: Sequence["np.ndarray"]) -> float:
    """Mean silhouette over all embeddings, by squared distance: 1 is families far apart, 0 is none."""
    import numpy as np

    directions = [normalised(one_ND) for one_ND in families]
    if len(directions) < 2 or min(map(len, directions)) < 2:
        raise ValueError(f"{len(directions)} families; a silhouette needs at least two with two members each")
    scores = []
    for place, one_ND in enumerate(directions):
        gaps = [(2 - 2 * one_ND @ other_MD.T) for other_MD in directions]
        own_N = gaps[place].sum(axis=1) / (len(one_ND) - 1)
        next_N = np.min([gap.mean(axis=1) for at, gap in enumerate(gaps) if at != place], axis=0)
        scores.append((next_N - own_N) / np.maximum(np.maximum(own_N, next_N), 1e-12))
    return float(np.concatenate(scores).mean())

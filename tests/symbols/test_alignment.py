"""Alignment and uniformity: their values where they are known, and what must not change them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.symbols import alignment
from envs.symbols.alignment import align, align_interval, distances, silhouette, uniform, uniform_interval, whitened


def some(seed: int, count: int = 40, width: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, width))


def test_identical_vectors_are_aligned_and_not_uniform() -> None:
    same_ND = np.ones((7, 5))
    assert align(same_ND, same_ND) == pytest.approx(0, abs=1e-12)
    assert uniform(same_ND) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("t", [1.0, 2.0, 3.0])
def test_orthonormal_vectors_have_a_known_uniformity(t: float) -> None:
    assert uniform(np.eye(6), t) == pytest.approx(-2 * t)
    assert align(np.eye(6), np.roll(np.eye(6), 1, axis=0)) == pytest.approx(2)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(0.1, 50))
def test_rotation_and_scale_change_nothing(seed: int, scale: float) -> None:
    one_ND, other_ND = some(seed), some(seed + 1)
    turn_DD, _ = np.linalg.qr(some(seed + 2, 8, 8))
    assert align(scale * one_ND @ turn_DD, other_ND @ turn_DD) == pytest.approx(align(one_ND, other_ND))
    assert uniform(scale * one_ND @ turn_DD) == pytest.approx(uniform(one_ND))


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = uniform(some(1))
    monkeypatch.setattr(alignment, "BLOCK", 7)
    assert uniform(some(1)) == pytest.approx(whole, rel=1e-12)


def test_uniformity_is_the_mean_over_unequal_pairs() -> None:
    directions_ND = alignment.normalised(some(3, 12))
    squares = [np.sum((a - b) ** 2) for a, b in itertools.permutations(directions_ND, 2)]
    assert uniform(some(3, 12)) == pytest.approx(np.log(np.mean(np.exp(-2 * np.array(squares)))))


def test_intervals_hold_their_value_and_narrow_with_more_symbols(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "RESAMPLES", 200)
    few, many = (uniform_interval(some(5, count)) for count in (30, 300))
    assert few.low < few.high
    assert many.low <= many.value <= many.high + 0.05
    assert many.high - many.low < few.high - few.low
    pairs = align_interval(some(1), some(2))
    assert pairs.low < pairs.value < pairs.high


def test_whitening_makes_every_direction_equal() -> None:
    stretched_ND = some(4, 60, 5) * np.array([100, 10, 1, 1, 0.1])
    covariance_DD = np.cov(whitened(stretched_ND).T, bias=True)
    assert np.allclose(covariance_DD, np.eye(5), atol=1e-8)


def test_families_that_lie_apart_are_told_apart() -> None:
    near, far = some(1, 30, 4) * 0.1 + np.array([9, 0, 0, 0]), some(2, 30, 4) * 0.1 + np.array([0, 9, 0, 0])
    assert silhouette([near, far]) > 0.9
    assert abs(silhouette([near[:15], near[15:]])) < 0.2
    matrix_FF = distances([near, far])
    assert matrix_FF[0, 1] > 10 * matrix_FF[0, 0]
    assert distances([np.eye(4), np.eye(4)])[0, 0] == pytest.approx(2)


def test_a_vector_without_direction_is_refused() -> None:
    with pytest.raises(ValueError, match="embedding 1 has length 0"):
        uniform(np.array([[1.0, 0.0], [0.0, 0.0]]))
    with pytest.raises(ValueError, match="give at least two"):
        uniform(np.ones((1, 2)))

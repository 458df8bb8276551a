"""Alignment and uniformity of a small model's states: what a row holds, and that only the symbols count."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import tiny_model

from envisions.expressiveness import expressiveness, families, under_other_names
from envs.symbols import alignment
from learner.embedding import embeddings


def test_every_layer_pooling_and_view_has_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "RESAMPLES", 20)
    model = tiny_model(tmp_path / "model")
    found = expressiveness(
        model, families(("scan", "last-letter"), 6), {"other names": under_other_names("scan", 6)}, seed=1
    )
    assert {(row["pooling"], row["view"]) for row in found} == {
        (pooling, view) for pooling in ("last", "mean") for view in ("raw", "centred", "whitened")
    }
    for row in found:
        assert set(row["uniform"]) == {"scan", "last-letter"}
        assert row["uniform_union"].low <= row["uniform_union"].high <= 0
        assert row["align"]["other names"].value > 0
        assert np.shape(row["distances"]) == (2, 2)
        assert -1 <= row["silhouette"] <= 1


def test_an_embedding_is_of_the_symbols_only(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model")
    (one, *_) = families(("scan",), 1)["scan"]
    short = replace(one, completion=one.completion.split()[0])
    same, longer = embeddings(model, [short, short]), embeddings(model, [short, one])
    for place, rows_ND in same.items():
        assert np.allclose(rows_ND[0], rows_ND[1])
        assert not np.allclose(longer[place][0], longer[place][1])
        assert rows_ND.dtype == np.float32

"""Neighbours of many at once: exact for few, near enough for many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexer import neighbours
from indexer.neighbours import nearest_hashes, nearest_vectors

if TYPE_CHECKING:
    from indexer.records import Vectors


def unit(rows: Vectors) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def vectors() -> Vectors:
    """Sixty pairs of near copies."""
    random = np.random.default_rng(3)
    rows = random.normal(size=(60, 16))
    return unit(np.concatenate([rows, rows + random.normal(0, 0.02, rows.shape)]))


def test_nearest_vectors_are_those_that_all_pairs_give(vectors: Vectors) -> None:
    rows, cosines = nearest_vectors(vectors, 5)
    every = vectors @ vectors.T
    np.fill_diagonal(every, -2)
    assert (rows[:, 0] == (np.arange(120) + 60) % 120).all()
    assert np.allclose(cosines, -np.sort(-every, axis=1)[:, :5], atol=1e-5)


def test_cells_find_near_copies_too(vectors: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_EXACT", 10)
    rows, cosines = nearest_vectors(vectors, 3)
    assert rows.shape == cosines.shape == (120, 3)
    assert np.mean(rows[:, 0] == (np.arange(120) + 60) % 120) > 0.95


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_vectors_have_few_neighbours(vectors: Vectors, count: int) -> None:
    rows, _ = nearest_vectors(vectors[:count], 5)
    assert rows.tolist() == {0: [], 1: [[]], 2: [[1], [0]]}[count]


def test_a_row_is_not_its_own_neighbour_though_others_are_equal(vectors: Vectors) -> None:
    same = np.repeat(vectors[:1], 30, axis=0)
    rows, _ = nearest_vectors(same, 4)
    assert rows.shape == (30, 4)
    assert not (rows == np.arange(30)[:, None]).any()


def test_hashes_near_a_query_are_found_with_their_distance() -> None:
    hashes = np.random.default_rng(4).integers(0, 256, (200, 8), np.uint8)
    queries = hashes.copy()
    queries[:, 2] ^= 0b101
    rows, bits = nearest_hashes(hashes, queries, 1)
    assert rows[:, 0].tolist() == list(range(200))
    assert set(bits[:, 0].tolist()) == {2}


def test_no_hashes_are_near_to_nothing() -> None:
    none = np.empty((0, 8), np.uint8)
    assert nearest_hashes(none, none, 3)[0].shape == (0, 0)

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.evaluation.bootstrap import intervals, resample


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_every_sample_is_a_drawing_of_whole_photos(seed: int) -> None:
    random = np.random.default_rng(seed)
    photos = np.array([7, 7, 7, 2, 9, 9])  # captions of three photos
    ranks = random.integers(1, 9, size=6)
    values = np.stack([ranks <= 2, 1 / ranks], axis=1).astype(float)
    possible = set()
    for drawn in product([7, 2, 9], repeat=3):
        rows = np.concatenate([np.flatnonzero(photos == photo) for photo in drawn])
        figures = [*values[rows].mean(axis=0), np.median(ranks[rows])]
        possible.add(tuple(np.round(figures, 9)))
    found = resample(values, ranks, photos, rounds=300)
    assert {tuple(row) for row in np.round(found, 9)} == possible


def test_samples_are_the_same_every_time_however_many_are_drawn_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(0)
    ranks, photos = random.integers(1, 50, size=400), random.integers(90, size=400)
    values = (ranks <= 5).astype(float).reshape(-1, 1)
    found = resample(values, ranks, photos)
    assert (resample(values, ranks, photos) == found).all()
    assert found.shape == (2000, 2)
    monkeypatch.setattr("search.evaluation.bootstrap._CELLS", 4000)
    assert (resample(values, ranks, photos) == found).all()


def test_queries_in_another_order_are_drawn_alike() -> None:
    random = np.random.default_rng(1)
    ranks, photos = random.integers(1, 50, size=100), random.integers(30, size=100)
    values = (1 / ranks).reshape(-1, 1)
    order = random.permutation(100)
    again = resample(values[order], ranks[order], photos[order])
    assert again == pytest.approx(resample(values, ranks, photos))


def test_captions_of_one_photo_are_no_more_certain_than_one() -> None:
    ranks = np.random.default_rng(2).integers(1, 20, size=60)
    values = (ranks <= 5).astype(float).reshape(-1, 1)
    single = resample(values, ranks, np.arange(60))
    fivefold = resample(
        np.repeat(values, 5, axis=0), np.repeat(ranks, 5), np.repeat(np.arange(60), 5)
    )
    assert fivefold == pytest.approx(single)


def test_an_interval_is_that_of_the_normal_law_where_photos_are_many() -> None:
    hit = np.random.default_rng(3).random(4000) < 0.3
    ranks = np.where(hit, 1, 2)
    samples = resample(hit.astype(float).reshape(-1, 1), ranks, np.arange(4000))
    ((low, high), _) = intervals(samples, np.arange(4000))
    share, error = hit.mean(), np.sqrt(hit.mean() * (1 - hit.mean()) / 4000)
    assert low == pytest.approx(share - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(share + 1.96 * error, abs=0.1 * error)


def test_a_single_photo_has_no_interval() -> None:
    photos = np.zeros(3, np.int64)
    samples = resample(np.eye(3), np.array([1, 2, 3]), photos)
    assert intervals(samples, photos) == [None] * 4

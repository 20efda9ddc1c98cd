from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from indexer.training.heads import Standard
from indexer.training.pseudo import Imagined, PseudoPhotos

WEIGHT = np.eye(4, 6, dtype=np.float32)  # class c lies along channel c
REAL = np.random.default_rng(0).uniform(0, 1, size=(10, 6)).astype(np.float32)


def photos(weight: np.ndarray = WEIGHT) -> PseudoPhotos:
    return PseudoPhotos(weight, lambda pooled: (pooled, pooled @ weight.T))


def test_a_pseudo_photo_shows_its_class() -> None:
    classes = np.array([0, 1, 2, 3] * 5)
    pooled, logits = photos()(REAL, classes, np.random.default_rng(1))
    assert pooled.shape == (20, 6)
    assert pooled.dtype == np.float32
    np.testing.assert_array_equal(logits.argmax(axis=1), classes)


@given(st.integers(0, 2**32 - 1))
def test_a_pooled_map_is_never_negative(seed: int) -> None:
    made = photos().pooled(REAL, np.arange(4), np.random.default_rng(seed))
    assert (made >= 0).all()


def test_a_class_without_a_direction_leaves_a_map_halfway_to_the_mean() -> None:
    alike = np.ones((4, 6), np.float32)
    made = photos(alike).pooled(REAL, np.array([2]), np.random.default_rng(0))
    halfway = (REAL + REAL.mean(axis=0)) / 2
    assert np.isclose(halfway, made).all(axis=1).any()


def test_the_same_draw_gives_the_same_pseudo_photos() -> None:
    imagined = Imagined(photos(), Standard.fit(photos().rest(REAL)), REAL)
    first, second = (imagined(np.arange(4), np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (4, 10)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), np.sqrt(2), atol=1e-5)

"""Confidences of labels: in order, comparable between names, and not spoilt by common ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.labelling.scoring import confidences, ensembles, fit_norms, give

DIM = 64


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def scene(
    seed: int, *, photos: int, names: int, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Photos of which a share shows the first name and one each another; and a background."""
    random = np.random.default_rng(seed)
    named = unit(random.normal(size=(names, DIM)))
    background = unit(random.normal(size=(32, DIM)))
    truth = np.full(photos, -1)
    truth[: int(photos * share)] = 0
    truth[-(names - 1) :] = np.arange(1, names)
    shown = np.where(truth[:, None] >= 0, named[truth], 0)
    noise = random.normal(size=(photos, DIM)) / np.sqrt(DIM)
    return unit(2 * shown + noise), named, background, truth


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_a_label_is_found_however_many_photos_show_it(share: float) -> None:
    images, names, background, truth = scene(1, photos=300, names=6, share=share)
    norms = fit_norms(images, names, background)
    given_labels = give(images, names, norms, list(range(6)), min_confidence=0.5)
    found = {(each.photo, each.label) for each in given_labels}
    wanted = {(row, label) for row, label in enumerate(truth.tolist()) if label >= 0}
    assert len(found & wanted) >= 0.95 * len(wanted)
    assert len(found - wanted) <= 0.02 * len(images)


def test_a_name_that_is_near_to_every_photo_labels_none() -> None:
    images, names, background, _ = scene(2, photos=300, names=6, share=0.02)
    names[3] = unit(images.mean(axis=0, keepdims=True))[0]
    norms = fit_norms(images, names, background)
    labels = [each.label for each in give(images, names, norms, range(6), min_confidence=0.5)]
    assert labels.count(3) <= 3
    assert norms.centre[3] > norms.centre[:3].max()


@pytest.mark.parametrize("photos", [1, 2, 5])
def test_a_tiny_library_has_finite_norms(photos: int) -> None:
    images, names, background, _ = scene(3, photos=10, names=3, share=0.5)
    norms = fit_norms(images[:photos], names, background)
    assert np.isfinite(norms.centre).all()
    assert (norms.spread > 0).all()
    same = fit_norms(np.repeat(images[:1], 4, axis=0), names[:1], names[:1])
    assert (same.spread > 0).all()


def test_a_template_ensemble_is_the_unit_mean_of_its_texts() -> None:
    texts = {"a": [1.0, 0.0], "b": [0.0, 1.0]}
    asked: list[str] = []

    def encode(wanted: list[str]) -> np.ndarray:
        asked.extend(wanted)
        return np.array([texts[text] for text in wanted], np.float32)

    found = ensembles([("a", "b"), ("b",)], encode)
    np.testing.assert_allclose(found, [[0.5**0.5, 0.5**0.5], [0, 1]], rtol=1e-6)
    assert asked == ["a", "b"]  # each once


numbers = st.lists(
    st.lists(st.floats(-30, 30), min_size=3, max_size=3), min_size=1, max_size=5
).map(np.array)


@given(numbers)
def test_confidences_keep_the_order_of_a_photos_labels(deviations: np.ndarray) -> None:
    found = confidences(deviations, [0, 1, 2])
    assert ((found >= 0) & (found <= 1)).all()
    for row, values in zip(found, deviations, strict=True):
        assert (np.diff(row[np.argsort(values)]) >= 0).all()


def test_a_label_is_as_sure_as_the_best_of_its_names() -> None:
    found = confidences(np.array([[1.0, 6.0, 2.0]]), [0, 2])
    assert found.tolist() == confidences(np.array([[6.0, 2.0]]), [0, 1]).tolist()


@settings(max_examples=25)
@given(st.integers(0, 999), st.integers(1, 4), st.floats(0, 1))
def test_given_labels_are_sure_enough_the_surest_first_and_no_more_than_asked(
    seed: int, most: int, least: float
) -> None:
    images, names, background, _ = scene(seed, photos=40, names=4, share=0.2)
    norms = fit_norms(images, names, background)
    every = list(give(images, names, norms, range(4), min_confidence=least))
    some = list(give(images, names, norms, range(4), min_confidence=least, max_labels=most))
    for photo in range(40):
        own = [each for each in every if each.photo == photo]
        scores = [each.confidence for each in own]
        assert scores == sorted(scores, reverse=True)
        assert all(score >= least for score in scores)
        assert [each for each in some if each.photo == photo] == own[:most]

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import TrainingError
from indexer.training.cca import Pairs, Ridge, fit

LIGHT = Ridge(photos=0.01, texts=0.01)


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def in_order(photos: np.ndarray, texts: np.ndarray, weights: np.ndarray) -> Pairs:
    rows = np.arange(len(weights))
    return Pairs(photos, texts, rows, rows, weights)


def related(count: int, *, shared: int = 2, noise: float = 1.0) -> Pairs:
    """Photos of 6 numbers and texts of 5; the first `shared` are the same, the rest are noise."""
    same = drawn(count, shared, seed=1)
    photos = np.hstack([same, noise * drawn(count, 6 - shared, seed=2)])
    texts = np.hstack([same, noise * drawn(count, 5 - shared, seed=3)])
    return in_order(photos, texts, np.ones(count))


def test_cca_finds_the_direction_that_photos_and_texts_share() -> None:
    image, text = fit([related(500, shared=1, noise=3)], LIGHT)
    for head in (image, text):
        strength = np.abs(head.matrix[:, 0])
        assert strength[0] > 20 * strength[1:].max() / 3
    assert image.matrix[0, 0] * text.matrix[0, 0] > 0


def test_cca_ranks_its_own_photo_first() -> None:
    seen = related(300, shared=4, noise=0.3)
    image, text = fit([seen], LIGHT)
    found = (text(seen.texts) @ image(seen.photos).T).argmax(axis=1)
    assert (found == np.arange(300)).mean() > 0.8


def test_cca_gives_the_same_heads_again_with_the_largest_number_of_an_axis_positive() -> None:
    first, second = fit([related(50)]), fit([related(50)])
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.matrix, other.matrix)
        np.testing.assert_array_equal(one.bias, other.bias)


def test_cca_turns_the_axes_of_mirrored_material_the_same_way() -> None:
    seen = related(200)
    mirrored = in_order(-seen.photos, -seen.texts, seen.weights)
    for one, other in zip(fit([seen]), fit([mirrored]), strict=True):
        np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-5)


@given(count=st.integers(2, 12), dim=st.integers(1, 300))
def test_cca_has_no_more_axes_than_pairs_tell_apart(count: int, dim: int) -> None:
    image, text = fit([related(count)], Ridge(dim=dim))
    assert image.dim == text.dim <= min(dim, count - 1, 5)
    assert np.isfinite(image.matrix).all()
    assert np.isfinite(text.matrix).all()


def test_cca_works_with_fewer_pairs_than_numbers() -> None:
    seen = in_order(drawn(12, 80), drawn(12, 40, seed=1), np.ones(12))
    image, text = fit([seen])
    assert image.dim == 11
    cosines = text(seen.texts) @ image(seen.photos).T
    assert (cosines.argmax(axis=1) == np.arange(12)).all()


def test_cca_ignores_numbers_that_never_vary() -> None:
    seen = related(100)
    constant = np.full((100, 3), 0.1, np.float32)
    wider = in_order(np.hstack([constant, seen.photos]), seen.texts, seen.weights)
    image, _ = fit([wider])
    np.testing.assert_allclose(image.matrix[:3], 0, atol=1e-6)
    assert np.abs(image.matrix[3:]).max() > 0.1


def test_a_weight_counts_as_that_many_pairs() -> None:
    seen = related(40)
    twice = in_order(
        np.vstack([seen.photos, seen.photos[:7]]),
        np.vstack([seen.texts, seen.texts[:7]]),
        np.ones(47),
    )
    heavier = in_order(seen.photos, seen.texts, np.where(np.arange(40) < 7, 2.0, 1.0))
    for one, other in zip(fit([twice]), fit([heavier]), strict=True):
        np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-4)
        np.testing.assert_allclose(one.bias, other.bias, atol=1e-4)


def test_a_photo_of_many_pairs_is_as_many_photos() -> None:
    photos, texts = drawn(10, 6), drawn(40, 5, seed=1)
    photo_of = np.arange(40) // 4
    shared = Pairs(photos, texts, photo_of, np.arange(40), np.ones(40))
    apart = in_order(photos[photo_of], texts, np.ones(40))
    for one, other in zip(fit([shared]), fit([apart]), strict=True):
        np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-5)


def test_kinds_may_share_a_matrix() -> None:
    seen, half = related(40), np.arange(40)
    kinds = [
        Pairs(seen.photos, seen.texts, rows, rows, np.ones(20)) for rows in (half[:20], half[20:])
    ]
    copied = [
        in_order(seen.photos[rows], seen.texts[rows], np.ones(20))
        for rows in (half[:20], half[20:])
    ]
    for one, other in zip(fit(kinds), fit(copied), strict=True):
        np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-5)


def test_pairs_without_weight_change_nothing() -> None:
    seen = related(40)
    nothing = in_order(drawn(9, 6, seed=8), drawn(9, 5, seed=9), np.zeros(9))
    for one, other in zip(fit([seen]), fit([seen, nothing]), strict=True):
        np.testing.assert_array_equal(one.matrix, other.matrix)


def test_what_tells_the_kinds_apart_is_nothing_that_photos_and_texts_share() -> None:
    seen = related(200)
    apart = in_order(
        seen.photos + np.float32([0, 0, 0, 0, 0, 5]),
        seen.texts + np.float32([0, 0, 0, 0, 5]),
        seen.weights,
    )
    for head, number in zip(fit([_joined(seen, apart)]), (5, 4), strict=True):
        assert np.abs(head.matrix[:, 0]).argmax() == number
    for head in fit([seen, apart]):
        assert np.abs(head.matrix[:, 0]).argmax() < 2


def _joined(first: Pairs, second: Pairs) -> Pairs:
    return in_order(
        np.vstack([first.photos, second.photos]),
        np.vstack([first.texts, second.texts]),
        np.concatenate([first.weights, second.weights]),
    )


def test_many_rows_at_once_give_what_few_do(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit([related(100)])
    monkeypatch.setattr("indexer.training.cca.ROWS_AT_ONCE", 7)
    for one, other in zip(whole, fit([related(100)]), strict=True):
        np.testing.assert_allclose(one.matrix, other.matrix, atol=1e-5)


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        ([], "any weight"),
        ([in_order(drawn(4, 3), drawn(4, 2), np.zeros(4))], "any weight"),
        ([in_order(drawn(1, 3), drawn(1, 2), np.ones(1))], "alike"),
        ([in_order(np.full((4, 3), 0.1, np.float32), drawn(4, 2), np.ones(4))], "alike"),
        ([in_order(drawn(4, 3), np.ones((4, 2), np.float32), np.ones(4))], "alike"),
        (
            [
                in_order(drawn(1, 3), drawn(1, 2), np.ones(1)),
                in_order(drawn(1, 3, seed=1), drawn(1, 2, seed=1), np.ones(1)),
            ],
            "vary together",
        ),
    ],
)
def test_cca_says_why_there_is_nothing_to_fit(kinds: list[Pairs], reason: str) -> None:
    with pytest.raises(TrainingError, match=reason):
        fit(kinds)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.confidence import (
    INFORMED,
    WORDS_TO_PHOTOS,
    Evidence,
    confidences,
    evidence,
    informed,
)
from search.query import CUT_OFF

SEEDS = st.integers(0, 2**32 - 1)
DIM = 24
PROPERTY = settings(derandomize=True, deadline=None, max_examples=60)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def random_rows(rng: np.random.Generator, count: int) -> np.ndarray:
    return unit(rng.standard_normal((count, DIM)))


def judged(query: np.ndarray, hits: np.ndarray, chance: np.ndarray, sample: np.ndarray) -> list:
    found = evidence(query, hits, chance=chance, sample=sample, size=len(sample))
    return confidences(found, WORDS_TO_PHOTOS).tolist()


@PROPERTY
@given(seed=SEEDS, count=st.integers(1, 60))
def test_confidence_is_a_share_whatever_the_library(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    photos = random_rows(rng, count)
    shares = judged(random_rows(rng, 1)[0], photos, random_rows(rng, 40), photos)
    assert all(0 <= share <= 1 for share in shares)


@PROPERTY
@given(seed=SEEDS, count=st.integers(2, 60))
def test_copies_are_equally_sure_and_order_does_not_matter(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    photos, chance = random_rows(rng, count), random_rows(rng, 40)
    photos[1] = photos[0]
    query = random_rows(rng, 1)[0]
    shares = judged(query, photos, chance, photos)
    assert shares[0] == pytest.approx(shares[1], abs=1e-6)
    order = rng.permutation(count)
    turned = judged(query, photos[order], rng.permutation(chance), photos[order])
    np.testing.assert_allclose(turned, np.array(shares)[order], atol=1e-4)


@PROPERTY
@given(
    chance=st.floats(-8, 8), large=st.floats(-8, 8), more=st.floats(0, 5),
    size=st.integers(1, 10**7),
)  # fmt: skip
def test_standing_out_more_is_never_less_sure(
    chance: float, large: float, more: float, size: int
) -> None:
    rows = np.array([chance, chance + more, chance], np.float32)
    beside = np.array([large, large, large + more], np.float32)
    low, *high = confidences(Evidence(rows, beside, size), WORDS_TO_PHOTOS)
    assert all(each >= low for each in high)
    [larger] = confidences(Evidence(rows[:1], beside[:1], size * 10), WORDS_TO_PHOTOS)
    assert larger <= low  # the best of more photos is more likely there by chance


@PROPERTY
@given(seed=SEEDS, count=st.integers(1, 40))
def test_one_photo_is_surer_the_nearer_the_query(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    photos, chance = random_rows(rng, count), random_rows(rng, 40)
    found = evidence(photos[0], photos[:1], chance=chance, sample=photos, size=count)
    away = unit(photos[0] + 2 * random_rows(rng, 1)[0])
    less = evidence(away, photos[:1], chance=chance, sample=photos, size=count)
    assert found.by_chance[0] > less.by_chance[0]


def test_queries_of_chance_are_hardly_ever_shown() -> None:
    rng = np.random.default_rng(0)
    photos, chance = random_rows(rng, 400), random_rows(rng, 140)
    best = [max(judged(query, photos, chance, photos)) for query in random_rows(rng, 50)]
    assert np.mean(np.array(best) >= CUT_OFF) <= 0.02


def test_what_fits_every_photo_stands_out_from_chance() -> None:
    rng = np.random.default_rng(1)
    dog = random_rows(rng, 1)[0]
    photos = unit(dog + 0.2 * random_rows(rng, 5))  # all are dogs
    chance = random_rows(rng, 140)
    assert min(judged(unit(dog), photos, chance, photos)) > CUT_OFF
    assert max(judged(random_rows(rng, 1)[0], photos, chance, photos)) < CUT_OFF


def test_a_space_that_pairs_texts_with_photos_is_informed_and_a_random_one_is_not() -> None:
    rng = np.random.default_rng(2)
    photos = random_rows(rng, 14)
    assert informed(unit(photos + 0.8 * random_rows(rng, 14)), photos) > INFORMED
    chances = np.array([informed(random_rows(rng, 14), random_rows(rng, 14)) for _ in range(400)])
    assert abs(chances.mean()) < 0.2
    assert chances.std() == pytest.approx(1, abs=0.15)
    assert (chances > INFORMED).mean() < 0.01


def test_a_space_where_all_is_one_vector_knows_nothing() -> None:
    same = np.ones((14, DIM), np.float32) / np.float32(DIM**0.5)
    assert abs(informed(same, same)) < INFORMED
    assert judged(same[0], same, same, same)[0] < CUT_OFF

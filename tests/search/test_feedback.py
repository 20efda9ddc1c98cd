from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from indexer.errors import QueryError
from search.feedback import ALPHA, BETA, GAMMA, refine

NONE = np.empty((0, 16), np.float32)


def unit_rows(seed: int, count: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, 16)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(seed=st.integers(0, 2**32 - 1), liked=st.integers(0, 5), unliked=st.integers(0, 5))
def test_a_refined_query_is_rocchios_sum_of_unit_length(
    seed: int, liked: int, unliked: int
) -> None:
    rows = unit_rows(seed, 1 + liked + unliked).astype(np.float64)
    query, good, bad = rows[0], rows[1 : 1 + liked], rows[1 + liked :]
    total = ALPHA * query
    total = total + BETA * good.mean(axis=0) if liked else total
    total = total - GAMMA * bad.mean(axis=0) if unliked else total
    assume(np.linalg.norm(total) > 0.05)
    refined = refine(
        query.astype(np.float32), liked=good.astype(np.float32), unliked=bad.astype(np.float32)
    )
    assert refined.dtype == np.float32
    np.testing.assert_allclose(refined, total / np.linalg.norm(total), atol=1e-5)


def test_without_a_query_photos_are_like_the_mean_of_those_liked() -> None:
    liked = unit_rows(1, 3)
    mean = liked.mean(axis=0)
    found = refine(None, liked=liked, unliked=NONE)
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-6)


def test_a_like_draws_nearer_and_an_unlike_pushes_away() -> None:
    query, liked, unliked = unit_rows(2, 3)
    plain = refine(query, liked=NONE, unliked=NONE)
    np.testing.assert_allclose(plain, query, atol=1e-6)
    assert refine(query, liked=liked[None], unliked=NONE) @ liked > plain @ liked
    assert refine(query, liked=NONE, unliked=unliked[None]) @ unliked < plain @ unliked


def test_photos_that_cancel_out_are_an_error() -> None:
    row = unit_rows(3, 1)
    with pytest.raises(QueryError, match="cancel"):
        refine(None, liked=np.concatenate([row, -row]), unliked=NONE)

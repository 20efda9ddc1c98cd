from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from indexer.errors import QueryError
from search.ranking import combine

SEEDS = st.integers(0, 2**32 - 1)


def unit_rows(seed: int, count: int, dim: int = 16) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def some_weights(count: int) -> st.SearchStrategy[list[float]]:
    sizes = st.floats(0.01, 100).flatmap(lambda size: st.sampled_from([size, -size]))
    return st.lists(sizes, min_size=count, max_size=count)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(seed=SEEDS, weights=st.integers(1, 6).flatmap(some_weights))
def test_a_sum_is_a_unit_vector_along_the_weighted_sum(seed: int, weights: list[float]) -> None:
    rows = unit_rows(seed, len(weights))
    total = np.array(weights) @ rows.astype(np.float64)
    assume(np.linalg.norm(total) > 0.01 * max(map(abs, weights)))
    combined = combine(rows, weights)
    assert combined.dtype == np.float32
    assert combined.shape == (16,)
    assert np.linalg.norm(combined) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(combined, total / np.linalg.norm(total), atol=1e-5)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    seed=SEEDS,
    weights=some_weights(3),
    scale=st.sampled_from([1e-300, 1e-40, 1e-3, 7, 1e38, 1e300]),
)
def test_only_the_proportion_of_weights_matters(
    seed: int, weights: list[float], scale: float
) -> None:
    rows = unit_rows(seed, 3)
    assume(np.linalg.norm(np.array(weights) @ rows) > 0.01 * max(map(abs, weights)))
    scaled = combine(rows, [weight * scale for weight in weights])
    np.testing.assert_allclose(scaled, combine(rows, weights), atol=1e-5)


@pytest.mark.parametrize("weight", [1.0, 3.0, 1e-320, 1e308])
def test_one_term_is_itself_whatever_its_weight(weight: float) -> None:
    rows = unit_rows(0, 1)
    np.testing.assert_allclose(combine(rows, [weight]), rows[0], atol=1e-7)
    np.testing.assert_allclose(combine(rows, [-weight]), -rows[0], atol=1e-7)


@pytest.mark.parametrize("weights", [(1, -1), (1e-30, -1e-30), (1e300, -1e300)])
def test_terms_that_cancel_out_are_an_error_with_a_remedy(weights: tuple[float, float]) -> None:
    rows = unit_rows(1, 1)
    with pytest.raises(QueryError, match="cancel each other out"):
        combine(np.concatenate([rows, rows]), weights)
    with pytest.raises(QueryError):
        combine(np.concatenate([rows, -rows]), (weights[0], weights[0]))


def test_many_terms_that_cancel_in_pairs_are_an_error() -> None:
    rows = unit_rows(2, 50)
    with pytest.raises(QueryError):
        combine(np.concatenate([rows, rows]), [1.0] * 50 + [-1.0] * 50)

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from search.diversity import diversify

BALANCES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])


def unit_rows(rng: np.random.Generator, count: int, dim: int) -> np.ndarray:
    rows = rng.standard_normal((count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def by_definition(
    relevance: np.ndarray, vectors: np.ndarray, balance: float, top_k: int
) -> list[int]:
    """Write MMR out as Carbonell and Goldstein state it: every pair, at every step."""
    spread = np.ptp(relevance)
    scaled = (relevance - relevance.min()) / spread if spread else np.zeros(len(relevance))
    shown: list[int] = []
    while len(shown) < min(top_k, len(vectors)):
        marginal = {
            row: balance * scaled[row]
            - (1 - balance) * max((float(vectors[row] @ vectors[s]) for s in shown), default=0)
            for row in range(len(vectors))
            if row not in shown
        }
        shown.append(max(marginal, key=lambda row: (round(marginal[row], 9), -row)))
    return shown


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 25),
    copies=st.integers(0, 5),
    balance=BALANCES,
    top_k=st.integers(1, 30),
)
def test_the_order_is_that_of_the_definition(
    seed: int, count: int, copies: int, balance: float, top_k: int
) -> None:
    rng = np.random.default_rng(seed)
    # in float64 and of few values, so that ties are ties both ways
    vectors = np.sign(rng.standard_normal((count, 4))) / 2
    vectors = np.concatenate([vectors, vectors[rng.integers(0, count, copies)]])
    relevance = np.sort(rng.integers(0, 9, count + copies))[::-1].astype(float)
    expected = by_definition(relevance, vectors, balance, top_k)
    assert diversify(relevance, vectors, balance=balance, top_k=top_k) == expected


@settings(derandomize=True, deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 30), balance=BALANCES)
def test_rows_are_shown_once_each_and_the_most_relevant_first(
    seed: int, count: int, balance: float
) -> None:
    rng = np.random.default_rng(seed)
    relevance = np.sort(rng.standard_normal(count))[::-1]
    vectors = unit_rows(rng, count, 8)
    shown = diversify(relevance, vectors, balance=balance, top_k=10)
    assert len(set(shown)) == len(shown) == min(10, count)
    if balance:
        assert shown[:1] == ([0] if count else [])
    if balance == 1:
        assert shown == list(range(min(10, count)))


def test_a_copy_waits_until_something_else_was_shown() -> None:
    vectors = np.eye(3, dtype=np.float32)[[0, 0, 1, 2, 1]]
    assert diversify([0.9, 0.9, 0.8, 0.7, 0.1], vectors, balance=0.5, top_k=3) == [0, 2, 3]


def test_scales_of_relevance_do_not_matter() -> None:
    rng = np.random.default_rng(5)
    relevance, vectors = np.sort(rng.random(40))[::-1], unit_rows(rng, 40, 8)
    plain = diversify(relevance, vectors, balance=0.6, top_k=20)
    assert diversify(relevance * 0.05 - 3, vectors, balance=0.6, top_k=20) == plain

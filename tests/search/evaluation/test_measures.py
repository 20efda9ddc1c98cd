from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import UsageError
from search.evaluation.measures import Measures, names, parse_cutoffs, place, place_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from search.evaluation.measures import Place

# What follows up to the first test is the independent implementation: no NumPy, no shortcuts.


def list_by_hand(scores: Sequence[float], right: set[int]) -> list[int]:
    """Go down the list as a strict reader does: of equal scores the wrong ones come first."""
    return sorted(range(len(scores)), key=lambda i: (-scores[i], i in right))


def rank_by_hand(scores: Sequence[float], right: set[int]) -> int:
    return next(n for n, i in enumerate(list_by_hand(scores, right), start=1) if i in right)


def ndcg_by_hand(scores: Sequence[float], right: set[int], depth: int) -> float:
    gained = 0.0
    for n, i in enumerate(list_by_hand(scores, right)[:depth], start=1):
        if i in right:
            gained += 1 / math.log2(n + 1)
    best = 0.0
    for n in range(1, min(depth, len(right)) + 1):
        best += 1 / math.log2(n + 1)
    return gained / best


def measures_by_hand(
    rows: Sequence[Sequence[float]], rights: Sequence[set[int]], cutoffs: Sequence[int]
) -> dict[str, float]:
    ranks = [rank_by_hand(row, right) for row, right in zip(rows, rights, strict=True)]
    depth = cutoffs[-1]
    gains = [ndcg_by_hand(row, right, depth) for row, right in zip(rows, rights, strict=True)]
    found = {f"recall@{k}": sum(rank <= k for rank in ranks) / len(ranks) for k in cutoffs}
    found["mrr"] = sum(1 / rank for rank in ranks) / len(ranks)
    found[f"ndcg@{depth}"] = sum(gains) / len(gains)
    found["median_rank"] = statistics.median(ranks)
    return found


@st.composite
def matrices(draw: st.DrawFn) -> tuple[list[list[float]], list[set[int]]]:
    rows, columns = draw(st.integers(1, 8)), draw(st.integers(1, 14))
    few = st.integers(-2, 2)  # few values, many ties
    scores = [[draw(few) / 2 for _ in range(columns)] for _ in range(rows)]
    rights = [draw(st.sets(st.integers(0, columns - 1), min_size=1)) for _ in range(rows)]
    return scores, rights


def placed(
    scores: Sequence[Sequence[float]], rights: Sequence[set[int]], depth: int
) -> list[Place]:
    return [
        place(np.array(row, np.float32), np.array(sorted(right)), depth=depth)
        for row, right in zip(scores, rights, strict=True)
    ]


@settings(derandomize=True, deadline=None, max_examples=300)
@given(matrices(), st.sampled_from([(1, 5, 10), (1,), (2, 3)]))
def test_measures_equal_those_by_hand(
    matrix: tuple[list[list[float]], list[set[int]]], cutoffs: tuple[int, ...]
) -> None:
    scores, rights = matrix
    places = placed(scores, rights, cutoffs[-1])
    photos = np.arange(len(places)) // 2
    found = Measures.of(places, photos, candidates=len(scores[0]), cutoffs=cutoffs)
    expected = measures_by_hand(scores, rights, cutoffs)
    assert [figure.name for figure in found.figures] == list(names(cutoffs))
    assert {each.name: each.value for each in found.figures} == pytest.approx(expected)
    for one, row, right in zip(places, scores, rights, strict=True):
        first = list_by_hand(row, right)[0]
        assert row[one.top] == row[first]
        assert (one.top in right) == (one.rank == 1)
        assert one.answer in right
        assert one.answer_score == max(row[i] for i in right)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_random_vectors_with_copies_are_placed_as_by_hand(seed: int) -> None:
    random = np.random.default_rng(seed)
    kinds = random.standard_normal((12, 16)).astype(np.float32)
    kinds /= np.linalg.norm(kinds, axis=1, keepdims=True)
    kind = random.integers(12, size=40)  # equal vectors: their scores differ by rounding alone
    queries = random.standard_normal((5, 16)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    rights = [set(random.choice(40, random.integers(1, 6), replace=False)) for _ in queries]
    answers = [np.array(sorted(right)) for right in rights]
    found = place_all(queries, kinds[kind], answers, depth=10)
    for one, query, right in zip(found, queries, rights, strict=True):
        by_kind = [float(score) for score in kinds @ query]  # so that here they are equal
        row = [by_kind[each] for each in kind]
        assert one.rank == rank_by_hand(row, right)
        assert one.ndcg == pytest.approx(ndcg_by_hand(row, right, 10))


def test_equal_scores_earn_nothing() -> None:
    one = place(np.zeros(100, np.float32), np.array([3]), depth=10)
    assert (one.rank, one.ndcg) == (100, 0)


def test_answers_that_tie_with_each_other_do_not_stand_in_each_others_way() -> None:
    one = place(np.array([1, 1, 1, 0], np.float32), np.array([0, 1, 2]), depth=10)
    assert (one.rank, one.ndcg) == (1, 1)


def test_a_damaged_vector_is_found_last() -> None:
    scores = np.array([0.1, np.nan, 0.3], np.float32)
    assert place(scores, np.array([1]), depth=10).rank == 3
    assert place(scores, np.array([0]), depth=10).rank == 2
    assert place(np.full(3, np.nan, np.float32), np.array([0]), depth=10).rank == 3


def test_more_scores_than_are_held_at_a_time_are_all_placed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("search.evaluation.measures._CELLS", 20)
    eye = np.eye(9, dtype=np.float32)
    found = place_all(eye, eye, list(np.arange(9).reshape(-1, 1)), depth=10)
    assert [one.rank for one in found] == [1] * 9
    assert [one.answer for one in found] == list(range(9))


def test_cutoffs_are_numbers_in_order() -> None:
    assert parse_cutoffs("10, 1,5,5") == (1, 5, 10)
    for text in ("", "0", "1,,5", "-1", "1.5", "a", "²", "9" * 30):
        with pytest.raises(UsageError):
            parse_cutoffs(text)

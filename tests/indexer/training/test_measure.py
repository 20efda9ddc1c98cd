from __future__ import annotations

import numpy as np
import pytest

from indexer.training.measure import best_seconds, measure_agreement, measure_recall


def test_recall_counts_the_captions_that_find_their_photo() -> None:
    images = np.eye(12, dtype=np.float32)
    texts = images[[0, 1, 2, 3]].copy()
    texts[1, 5] = 2  # photo 5 ranks before its own
    texts[2, 4:10] = 2  # six others do
    texts[3, 0] = 0.5
    recall = measure_recall(texts, images, [0, 1, 2, 3])
    assert (recall.at_1, recall.at_5, recall.at_10) == (0.5, 0.75, 1.0)
    assert recall.mean == pytest.approx(0.75)
    assert str(recall) == "recall@1 50.0%, @5 75.0%, @10 100.0%"


def test_agreement_names_the_lowest_cosine() -> None:
    source = np.tile(np.float32([[1, 0]]), (4, 1))
    vectors = source.copy()
    vectors[2] = [0.6, 0.8]
    agreement = measure_agreement(vectors, source)
    assert (agreement.count, agreement.lowest) == (4, 0.6)
    assert agreement.mean == pytest.approx(0.9)


def test_contenders_take_turns() -> None:
    calls: list[str] = []
    best = best_seconds({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3)
    assert calls == ["a", "b"] * 3
    assert set(best) == {"a", "b"}
    assert all(0 <= seconds < 1 for seconds in best.values())

from __future__ import annotations

import numpy as np
import pytest

from indexer.encoders.agreement import measure_agreement
from indexer.training.measure import (
    best_seconds,
    measure_naming,
    measure_retrieval,
    median_seconds,
)


def test_recall_counts_the_captions_that_find_their_photo() -> None:
    images = np.eye(12, dtype=np.float32)
    texts = images[[0, 1, 2, 3]].copy()
    texts[1, 5] = 2  # photo 5 ranks before its own
    texts[2, 4:10] = 2  # six others do
    texts[3, 0] = 0.5
    found = measure_retrieval(texts, images, [0, 1, 2, 3], collection="any", language="en")
    recall = found.text_to_image
    assert (recall.at_1, recall.at_5, recall.at_10) == (0.5, 0.75, 1.0)
    assert recall.mean == pytest.approx(0.75)
    assert str(recall) == "recall@1 50.0%, @5 75.0%, @10 100.0%"
    assert (found.photos, found.captions) == (12, 4)


def test_a_photo_is_answered_by_the_best_of_its_captions() -> None:
    images = np.eye(3, dtype=np.float32)
    texts = np.float32([[0, 1, 0], [1, 0, 0], [0, 0.9, 0.1]])  # the first two are of photo 0
    found = measure_retrieval(texts, images, [0, 0, 1], collection="any", language="en")
    assert found.image_to_text.at_1 == 0.5  # photo 1 lies nearer to a caption of photo 0
    assert found.text_to_image.at_1 == pytest.approx(2 / 3)


def test_a_tie_is_no_find() -> None:
    same = np.ones((2, 2), np.float32)
    found = measure_retrieval(same, same, [0, 1], collection="any", language="en")
    assert found.text_to_image.at_1 == 0
    assert found.text_to_image.at_5 == 1


def test_related_and_unrelated_cosines_are_told_apart() -> None:
    images = np.eye(4, dtype=np.float32)
    found = measure_retrieval(images, images, [0, 1, 2, 3], collection="any", language="en")
    assert (found.related.p50, found.unrelated.p50, found.auc) == (1, 0, 1)


def test_naming_counts_labels_and_photos() -> None:
    names = np.eye(2, dtype=np.float32)
    images = np.float32([[1, 0], [0.6, 0.8], [0.1, 0.7]])
    own = np.array([[True, True, False], [False, False, True]])
    naming = measure_naming(names, images, own, collection="any", language="en")
    assert naming.found_first == 0.5  # the second label finds a photo of the first
    assert naming.accuracy == pytest.approx(2 / 3)


def test_a_photo_of_two_labels_is_right_for_both() -> None:
    names = np.eye(2, dtype=np.float32)
    own = np.array([[True], [True]])
    naming = measure_naming(names, names[:1], own, collection="any", language="en")
    assert (naming.found_first, naming.accuracy) == (1, 1)


def test_the_median_is_of_all_runs() -> None:
    calls: list[int] = []
    assert 0 <= median_seconds([lambda: calls.append(1), lambda: calls.append(2)]) < 1
    assert calls == [1, 2]


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

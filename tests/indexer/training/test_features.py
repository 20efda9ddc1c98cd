from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexer.encoders.bundle import BundleEncoder
from indexer.training.collection import read_collection
from indexer.training.features import FeatureCache, feature_names
from indexer.training.views import PLAIN, VIEWS

pytest.importorskip("onnx")

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.records import Vectors
    from indexer.training.collection import TrainingPhoto

NAMES = ("features.classes", "features.pooled")


class Counting(BundleEncoder):
    """A bundle that counts what it is asked."""

    images = texts = 0

    def image_outputs(self, images: Sequence[Vectors], names: Sequence[str]) -> dict[str, Vectors]:
        self.images += len(images)
        return super().image_outputs(images, names)

    def text_outputs(self, texts: Sequence[str], names: Sequence[str]) -> dict[str, Vectors]:
        self.texts += len(texts)
        return super().text_outputs(texts, names)


@pytest.fixture
def shown(photos: Path) -> Sequence[TrainingPhoto]:
    return read_collection([photos / "images"], captions=[photos / "captions.csv"]).photos[:20]


def test_heads_read_features_or_else_embeddings() -> None:
    assert feature_names(["pooled", "features.b", "embeddings", "features.a"]) == (
        "features.a",
        "features.b",
    )
    assert feature_names(["pooled", "embeddings"]) == ("embeddings",)


def test_what_was_encoded_once_is_not_encoded_again(
    base: Path, shown: Sequence[TrainingPhoto], tmp_path: Path
) -> None:
    first = Counting.load(base)
    made, lost = FeatureCache(first, tmp_path).photos(shown, PLAIN, NAMES)  # type: ignore[arg-type]
    assert first.images == 20  # type: ignore[attr-defined]
    assert not lost
    second = Counting.load(base)
    again, _ = FeatureCache(second, tmp_path).photos(shown, PLAIN, NAMES)  # type: ignore[arg-type]
    assert second.images == 0  # type: ignore[attr-defined]
    for name in NAMES:
        np.testing.assert_array_equal(made[name], again[name])


def test_views_and_texts_are_kept_apart(
    base: Path, shown: Sequence[TrainingPhoto], tmp_path: Path
) -> None:
    cache = FeatureCache(BundleEncoder.load(base), tmp_path)
    plain, _ = cache.photos(shown, PLAIN, NAMES)
    mirrored, _ = cache.photos(shown, VIEWS[1], NAMES)
    assert not np.array_equal(plain["features.pooled"], mirrored["features.pooled"])
    said = cache.texts(["a red", "a blue"], ["features.words"])
    assert said["features.words"].shape == (2, 12)


def test_rows_come_in_the_order_asked(
    base: Path, shown: Sequence[TrainingPhoto], tmp_path: Path
) -> None:
    cache = FeatureCache(BundleEncoder.load(base), tmp_path)
    forward, _ = cache.photos(shown, PLAIN, NAMES)
    backward, _ = cache.photos(shown[::-1], PLAIN, NAMES)
    np.testing.assert_array_equal(forward[NAMES[0]], backward[NAMES[0]][::-1])


def test_a_damaged_file_is_made_again(
    base: Path, shown: Sequence[TrainingPhoto], tmp_path: Path
) -> None:
    cache = FeatureCache(BundleEncoder.load(base), tmp_path)
    made, _ = cache.photos(shown, PLAIN, NAMES)
    for path in tmp_path.rglob("*.npz"):
        path.write_bytes(path.read_bytes()[:50])
    again, _ = cache.photos(shown, PLAIN, NAMES)
    np.testing.assert_array_equal(made[NAMES[0]], again[NAMES[0]])


def test_progress_ends_at_the_total(
    base: Path, shown: Sequence[TrainingPhoto], tmp_path: Path
) -> None:
    seen = []
    cache = FeatureCache(BundleEncoder.load(base), tmp_path, seen.append)
    cache.photos(shown, PLAIN, NAMES)
    assert (seen[-1].done, seen[-1].total) == (20, 20)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from indexer.encoders.bundle import open_session  # noqa: E402 (after the skip)
from indexer.training.blend import Blend, Gate  # noqa: E402
from indexer.training.graft import graft_photos, graft_texts  # noqa: E402
from indexer.training.heads import HiddenHead, LinearHead, Side, Standard  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

DRAW = np.random.default_rng(0)


def drawn(*shape: int) -> Any:
    return DRAW.normal(size=shape).astype(np.float32)


def linear(width: int, dim: int) -> LinearHead:
    return LinearHead(drawn(width, dim), drawn(dim))


def hidden(width: int, dim: int, wide: int = 7) -> HiddenHead:
    return HiddenHead(
        drawn(width, dim), drawn(dim), drawn(width, wide), drawn(wide), drawn(wide, dim), drawn(dim)
    )


def run(model: Any, outputs: list[str], **inputs: Any) -> list[Any]:
    return list(open_session(model.SerializeToString()).run(outputs, inputs))


def test_the_grafted_photo_tower_gives_what_numpy_gives(base: Path) -> None:
    side = Side(Standard((drawn(8), drawn(16))), (linear(24, 5), linear(24, 6)))
    features = ["features.classes", "features.pooled"]
    model = onnx.load(base / "image.onnx")
    pixels = drawn(4, 3, 16, 16)
    *blocks, own = run(model, [*features, "embeddings"], pixels=pixels)
    blend = Blend(0.3)
    grafted = graft_photos(model, side, blend, features, base_dim=8)
    (vectors,) = run(grafted, ["embeddings"], pixels=pixels)
    assert vectors.shape == (4, 5 + 6 + 8)
    np.testing.assert_allclose(vectors, blend.photos(side(blocks), own), atol=1e-5)


@pytest.mark.parametrize("gate", [None, Gate(0.1, 0.9)])
def test_the_grafted_text_tower_gives_what_numpy_gives(base: Path, gate: Gate | None) -> None:
    side = Side(Standard((drawn(12),)), (linear(12, 5), hidden(12, 5)))
    model = onnx.load(base / "text.onnx")
    tokens = {
        "input_ids": np.array([[1, 5, 2], [6, 7, 0]]),
        "attention_mask": np.array([[1, 1, 1], [1, 1, 0]]),
    }
    block, own, nearest = run(model, ["features.words", "embeddings", "nearest"], **tokens)
    blend = Blend(0.5, gate)
    grafted = graft_texts(model, side, blend, ["features.words"], base_dim=8)
    (vectors,) = run(grafted, ["embeddings"], **tokens)
    np.testing.assert_allclose(vectors, blend.texts(side([block]), own, nearest), atol=1e-5)


def test_a_graft_leaves_the_base_as_it_was(base: Path) -> None:
    model = onnx.load(base / "image.onnx")
    before = model.SerializeToString(deterministic=True)
    side = Side(Standard((drawn(8),)), (linear(8, 5),))
    graft_photos(model, side, Blend(0.5), ["features.classes"], base_dim=8)
    assert model.SerializeToString(deterministic=True) == before


def test_grafts_can_be_stacked(base: Path) -> None:
    model = onnx.load(base / "image.onnx")
    side = Side(Standard((drawn(8),)), (linear(8, 5),))
    once = graft_photos(model, side, Blend(0.5), ["features.classes"], base_dim=8)
    twice = graft_photos(once, side, Blend(0.5), ["features.classes"], base_dim=13)
    (vectors,) = run(twice, ["embeddings"], pixels=drawn(2, 3, 16, 16))
    assert vectors.shape == (2, 18)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_heads_alone_leave_the_base_out(base: Path) -> None:
    model = onnx.load(base / "image.onnx")
    side = Side(Standard((drawn(8),)), (linear(8, 5),))
    alone = graft_photos(model, side, Blend(0.0), ["features.classes"], base_dim=8)
    (vectors,) = run(alone, ["embeddings"], pixels=drawn(2, 3, 16, 16))
    assert not vectors[:, 5:].any()

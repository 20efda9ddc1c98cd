from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from indexer.encoders.bundle import BundleEncoder  # noqa: E402 (after the skip)
from indexer.training.last_layers import LastLayers, read_classes  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path


def test_they_give_for_a_pooled_map_what_the_tower_gives_for_its_photo(base: Path) -> None:
    encoder = BundleEncoder.load(base)
    pixels = [np.random.default_rng(0).normal(size=(3, 16, 16)).astype(np.float32)]
    names = ["features.classes", "features.pooled"]
    outputs = encoder.image_outputs(pixels, [*names, "pooled"])
    last = LastLayers.of(base, names)
    assert last is not None
    for found, name in zip(last(outputs["pooled"]), names, strict=True):
        np.testing.assert_allclose(found, outputs[name], atol=1e-6)


def test_what_pooled_maps_do_not_tell_is_nan(base: Path, tmp_path: Path) -> None:
    model = onnx.load(base / "image.onnx")
    helper = onnx.helper
    model.graph.node.append(helper.make_node("Flatten", ["map"], ["features.early"]))
    model.graph.output.append(
        helper.make_tensor_value_info("features.early", onnx.TensorProto.FLOAT, ["n", 64])
    )
    onnx.save(model, tmp_path / "image.onnx")
    last = LastLayers.of(tmp_path, ["features.classes", "features.early"])
    assert last is not None
    classes, early = last(np.ones((2, 16), np.float32))
    assert np.isfinite(classes).all()
    assert early.shape == (2, 64)
    assert np.isnan(early).all()


def test_a_tower_without_a_classifier_has_none(base: Path, tmp_path: Path) -> None:
    model = onnx.load(base / "image.onnx")
    kept = [output for output in model.graph.output if output.name != "pooled"]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    onnx.save(model, tmp_path / "image.onnx")
    assert LastLayers.of(tmp_path, ["features.classes"]) is None


def test_classes_are_read_with_their_languages(base: Path, plain_base: Path) -> None:
    classes = read_classes(base)
    assert (classes[0].index, classes[0].language, classes[0].name) == (0, "en", "red")
    assert {each.language for each in classes} == {"en", "zh"}
    assert read_classes(plain_base) == ()

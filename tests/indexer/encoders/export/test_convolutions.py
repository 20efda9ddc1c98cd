from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402 (after the skip)

from indexer.encoders.export.convolutions import (  # noqa: E402
    convolve_in_int8,
    quantise_convolutions,
)
from indexer.encoders.export.graph import peaks_that_fit_16_bits  # noqa: E402
from indexer.encoders.registry import BUILTIN_FOLDER  # noqa: E402

if TYPE_CHECKING:
    import numpy.typing as npt

RANDOM = np.random.default_rng(0)


def normal(*shape: int) -> npt.NDArray[np.float32]:
    return RANDOM.standard_normal(shape).astype(np.float32)


def graph(nodes: list[Any], inputs: dict[str, Any], weights: dict[str, Any]) -> Any:
    """A model with `embeddings` of 2 dimensions, inputs as (type, shape)."""
    body = helper.make_graph(
        nodes,
        "tower",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", None])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def run(model: Any, **inputs: Any) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)[0]


def convolutional_tower() -> Any:
    nodes = [
        helper.make_node("Conv", ["pixels", "stem"], ["a"], "first"),
        helper.make_node("Conv", ["a", "deep"], ["b"], "second", group=8),
        helper.make_node("Conv", ["b", "point"], ["c"], "third"),
        helper.make_node("ReduceMean", ["c", "axes"], ["d"], "mean", keepdims=0),
        helper.make_node("Gemm", ["d", "classes"], ["e"], "gemm", transB=1),
        helper.make_node("Softmax", ["e"], ["embeddings"], "softmax"),
    ]
    weights = {
        "stem": normal(8, 3, 3, 3) / 5,
        "deep": normal(8, 1, 3, 3) / 3,
        "point": normal(16, 8, 1, 1) / 3,
        "axes": np.array([2, 3]),
        "classes": normal(10, 16) / 4,
    }
    return graph(nodes, {"pixels": (TensorProto.FLOAT, ["n", 3, 16, 16])}, weights)


def test_int8_convolutions_agree_with_fp32() -> None:
    model = convolutional_tower()
    photos = [normal(3, 16, 16) for _ in range(16)]
    quantised = quantise_convolutions(model, photos, spare=1)
    pixels = np.stack(photos)
    np.testing.assert_allclose(run(quantised, pixels=pixels), run(model, pixels=pixels), atol=0.01)


def test_the_first_convolutions_and_what_follows_the_classifier_stay_fp32() -> None:
    quantised = quantise_convolutions(convolutional_tower(), [normal(3, 16, 16)], spare=1)
    reads = {node.name: node.input for node in quantised.graph.node}
    assert reads["first"][1] == "stem"
    assert reads["third"][1] != "point"
    last = quantised.graph.node[-1]
    assert (last.op_type, last.output[0]) == ("Softmax", "embeddings")


def test_no_two_neighbours_overflow_16_bits() -> None:
    weights = normal(64, 31)
    weights[0] = 1
    weights[1] = 0
    weights[1, ::2] = -1
    peaks = peaks_that_fit_16_bits(weights)
    integers = np.rint(np.pad(weights, ((0, 0), (0, 1))) / peaks[:, None] * 127).astype(int)
    assert np.abs(integers).max() <= 127
    pairs = integers.reshape(len(integers), -1, 2)
    assert (255 * np.maximum(pairs, 0).sum(axis=2)).max() < 2**15
    assert (255 * np.minimum(pairs, 0).sum(axis=2)).min() >= -(2**15)
    # and the scale is no coarser than that takes: a lone weight keeps all 8 bits
    np.testing.assert_allclose(peaks[:2], [2, 1])


def test_the_built_in_image_tower_overflows_on_no_cpu() -> None:
    model = onnx.load(BUILTIN_FOLDER / "image.onnx")
    weights = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
    dense = [w for w in weights if w.dtype == np.int8 and w.ndim == 4 and w.shape[1] > 1]
    assert len(dense) > 30
    for integers in dense:
        pairs = integers.reshape(len(integers), -1, 2).astype(int)
        assert np.maximum(pairs, 0).sum(axis=2).max() <= 128
        assert np.minimum(pairs, 0).sum(axis=2).min() >= -128


def tower(*kinds: str) -> Any:
    """Convolutions of 3 x 3 in a row, dense or depthwise, then the mean of the pixels."""
    groups = {"dense": 1, "depthwise": 8}
    nodes, weights = [], {"axes": np.array([2, 3])}
    given = "pixels"
    for number, kind in enumerate(kinds):
        name = f"{kind}_{number}"
        inputs = 3 if number == 0 else 8 // groups[kind]
        group = 1 if number == 0 else groups[kind]
        weights[name] = normal(8, inputs, 3, 3) / (3 * inputs**0.5)
        nodes.append(
            helper.make_node("Conv", [given, name], [f"of_{name}"], name, group=group, pads=[1] * 4)
        )
        given = f"of_{name}"
    nodes.append(helper.make_node("ReduceMean", [given, "axes"], ["embeddings"], keepdims=0))
    return graph(nodes, {"pixels": (TensorProto.FLOAT, ["n", 3, 16, 16])}, weights)


def test_dense_convolutions_are_quantised_and_depthwise_ones_stay() -> None:
    model = tower("dense", "dense", "dense", "depthwise", "dense")
    photos = [normal(3, 16, 16) for _ in range(8)]
    quantised = convolve_in_int8(model, photos)
    reads = {node.name: node.input[1] for node in quantised.graph.node if node.op_type == "Conv"}
    assert [name for name, weights in reads.items() if weights == name] == [
        "dense_0",
        "dense_1",
        "depthwise_3",
    ]
    pixels = np.stack(photos)
    together = run(quantised, pixels=pixels)
    np.testing.assert_allclose(together, run(model, pixels=pixels), atol=0.02)
    for row, photo in zip(together, photos, strict=True):
        np.testing.assert_array_equal(run(quantised, pixels=photo[None])[0], row)


@pytest.mark.parametrize("kinds", [("dense",), ("dense", "dense", "depthwise", "depthwise")])
def test_a_tower_with_hardly_any_dense_convolutions_stays(kinds: tuple[str, ...]) -> None:
    assert convolve_in_int8(tower(*kinds), [normal(3, 16, 16)]) is None

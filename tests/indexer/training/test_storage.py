from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402 (after the skip)

from indexer.encoders.export.graph import LARGE  # noqa: E402
from indexer.training.nano import BLOCK, unfold  # noqa: E402
from indexer.training.storage import (  # noqa: E402
    find_blocks,
    store_as_nibbles,
    store_weights_as_int8,
)

if TYPE_CHECKING:
    import numpy.typing as npt

RANDOM = np.random.default_rng(0)
WIDTH = 64
ROWS = LARGE // WIDTH


def normal(*shape: int) -> npt.NDArray[np.float32]:
    return RANDOM.standard_normal(shape).astype(np.float32)


def four_bit(rows: int, width: int) -> npt.NDArray[np.float32]:
    """Rows of 4-bit blocks, as ggml makes them: the largest weight of each is -8 scales."""
    made = np.empty(rows * width // 32, BLOCK)
    made["scale"] = RANDOM.uniform(-1, 1, len(made)).astype(np.float16)
    made["nibbles"] = RANDOM.integers(0, 256, (len(made), 16), dtype=np.uint8)
    made["nibbles"][:, 0] &= 0xF0
    return unfold(made, width)


def model(weights: dict[str, Any], nodes: list[Any]) -> Any:
    """A model of `ids` (n, length) -> `embeddings`."""
    body = helper.make_graph(
        nodes,
        "tower",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", "length"])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ascontiguousarray(w), name) for name, w in weights.items()],
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def tower(table: npt.NDArray[np.float32], matrix: npt.NDArray[np.float32]) -> Any:
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["found"]),
        helper.make_node("MatMul", ["found", "matrix"], ["wide"]),
        helper.make_node("MatMul", ["wide", "narrow"], ["embeddings"]),
    ]
    narrow = normal(matrix.shape[1], 3) / matrix.shape[1] ** 0.5
    return model({"table": table, "matrix": matrix, "narrow": narrow}, nodes)


def run(model: Any, ids: Any) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"ids": ids})[0]


def kinds(model: Any) -> list[str]:
    return [node.op_type for node in model.graph.node]


def bits(model: Any) -> list[int]:
    nodes = [node for node in model.graph.node if node.op_type == "MatMulNBits"]
    return [each.i for node in nodes for each in node.attribute if each.name == "bits"]


def assert_close(found: Any, expected: Any) -> None:
    assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()


def test_blocks_are_found_again_in_what_they_unfold_to() -> None:
    rows = four_bit(10, 96)
    rows[3] = 0
    blocks = find_blocks(rows)
    assert blocks is not None
    assert np.array_equal(unfold(blocks, 96), rows)


def test_other_weights_are_no_blocks() -> None:
    assert find_blocks(normal(4, 64)) is None
    assert find_blocks(four_bit(4, 32)[:, :31]) is None
    nearly = four_bit(4, 64)
    nearly[2, 5] += np.float32(0.001)
    assert find_blocks(nearly) is None


def test_a_table_in_nibbles_gives_the_same_numbers() -> None:
    nodes = [helper.make_node("Gather", ["table", "ids"], ["embeddings"])]
    plain = model({"table": four_bit(ROWS, WIDTH)}, nodes)
    stored = store_as_nibbles(plain)
    ids = RANDOM.integers(0, ROWS, (3, 5))
    assert np.array_equal(run(stored, ids), run(plain, ids))
    assert stored.ByteSize() < 0.15 * plain.ByteSize()


def test_a_matrix_in_nibbles_agrees_and_takes_a_seventh() -> None:
    plain = tower(four_bit(ROWS, WIDTH), four_bit(ROWS, WIDTH).T)
    stored = store_as_nibbles(plain)
    ids = RANDOM.integers(0, ROWS, (3, 5))
    assert bits(stored) == [4]
    assert_close(run(stored, ids), run(plain, ids))
    assert stored.ByteSize() < 0.17 * plain.ByteSize()
    assert kinds(plain) == ["Gather", "MatMul", "MatMul"]  # left as it was


def test_matrices_side_by_side_are_still_blocks() -> None:
    sides = np.concatenate([four_bit(ROWS, WIDTH).T, four_bit(ROWS, WIDTH).T], axis=1)
    assert bits(store_as_nibbles(tower(normal(ROWS, WIDTH), sides))) == [4]


def test_what_is_not_in_4_bits_is_left_for_8() -> None:
    plain = tower(normal(ROWS, WIDTH), four_bit(ROWS, WIDTH).T)
    stored = store_weights_as_int8(store_as_nibbles(plain))
    assert bits(stored) == [4]
    ids = RANDOM.integers(0, ROWS, (3, 5))
    assert_close(run(stored, ids), run(plain, ids))
    held = {tensor.name: tensor.data_type for tensor in stored.graph.initializer}
    assert held["table_int8"] == TensorProto.INT8
    assert "narrow" in held  # too small to matter
    assert not {"table", "matrix"} & set(held)


@pytest.mark.parametrize("width", [64, 72])
def test_weights_in_8_bits_agree_and_take_a_third(width: int) -> None:
    plain = tower(normal(ROWS, width), normal(width, ROWS))
    stored = store_weights_as_int8(plain)
    ids = RANDOM.integers(0, ROWS, (3, 5))
    assert bits(stored) == [8]
    assert_close(run(stored, ids), run(plain, ids))
    assert stored.ByteSize() < 0.35 * plain.ByteSize()


def test_small_and_zero_weights_survive_8_bits() -> None:
    table = normal(ROWS, WIDTH) * np.float32(1e-4)
    table[3] = 0
    nodes = [helper.make_node("Gather", ["table", "ids"], ["embeddings"])]
    plain = model({"table": table}, nodes)
    ids = np.arange(10)[None]
    found = run(store_weights_as_int8(plain), ids)
    assert not found[0, 3].any()
    assert_close(found, run(plain, ids))


def test_a_text_has_the_same_vector_in_any_batch() -> None:
    plain = tower(four_bit(ROWS, WIDTH), normal(WIDTH, ROWS))
    stored = store_weights_as_int8(store_as_nibbles(plain))
    ids = RANDOM.integers(0, ROWS, (9, 4))
    together = run(stored, ids)
    alone = np.concatenate([run(stored, row[None]) for row in ids])
    np.testing.assert_allclose(together, alone, atol=1e-6 * np.abs(alone).max())

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from indexer.encoders.bundle import open_session
from indexer.encoders.export.int8 import multiply_in_int8

if TYPE_CHECKING:
    from typing import Any

    from onnx import ModelProto, NodeProto

INPUTS, OUTPUTS = 256, 256
FLOAT = TensorProto.FLOAT


def weights(seed: int = 0, rows: int = INPUTS, columns: int = OUTPUTS) -> Any:
    values = np.random.default_rng(seed).standard_normal((rows, columns))
    return (values / np.sqrt(rows)).astype(np.float32)


def model(*nodes: NodeProto, given: int = FLOAT, **constants: Any) -> ModelProto:
    """A graph from `x` `(n, any)` to `y`."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", given, ["n", None])],
        [helper.make_tensor_value_info("y", FLOAT, None)],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def run(graph: ModelProto, x: Any) -> Any:
    return open_session(graph.SerializeToString()).run(["y"], {"x": x})[0]


def product(matrix: Any) -> ModelProto:
    return model(helper.make_node("MatMul", ["x", "w"], ["y"]), w=matrix)


MATRIX = weights()
EXACT, SMALL = product(MATRIX), multiply_in_int8(product(MATRIX))
SESSION = open_session(SMALL.SerializeToString())


def small(x: Any) -> Any:
    return SESSION.run(["y"], {"x": x})[0]


def rows(seed: int, count: int) -> Any:
    """Rows of very different sizes, some with an outlier, some all zeros."""
    chance = np.random.default_rng(seed)
    values = chance.standard_normal((count, INPUTS)) * 10.0 ** chance.integers(-6, 6, (count, 1))
    outliers = chance.random(count) < 0.3
    values[outliers, chance.integers(INPUTS)] *= 1000
    values[chance.random(count) < 0.2] = 0
    return values.astype(np.float32)


@settings(derandomize=True, deadline=None, max_examples=60, database=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 40))
def test_a_row_does_not_depend_on_its_batch(seed: int, count: int) -> None:
    x = rows(seed, count)
    together = small(x)
    at = seed % count
    np.testing.assert_array_equal(small(x[at : at + 1]), together[at : at + 1])
    np.testing.assert_array_equal(small(x[::-1].copy()), together[::-1])


@settings(derandomize=True, deadline=None, max_examples=60, database=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 40))
def test_the_error_is_that_of_rounding(seed: int, count: int) -> None:
    x = rows(seed, count)
    error = np.abs(small(x) - x.astype(np.float64) @ MATRIX)
    # half a step of an input times every weight, half a step of a weight times every input
    input_step = np.abs(x).max(axis=1, keepdims=True) / 127
    peaks = 2 * np.abs(MATRIX).max(axis=0)  # at most: two neighbours' sum
    bound = (
        input_step / 2 * np.abs(MATRIX).sum(axis=0)
        + peaks / 127 / 2 * np.abs(x).sum(axis=1, keepdims=True)
        + INPUTS * input_step * peaks / 127 / 4
    )
    assert (error <= bound * 1.01 + 1e-30).all()
    typical = np.random.default_rng(seed).standard_normal((8, INPUTS)).astype(np.float32)
    exact = typical @ MATRIX
    assert np.linalg.norm(small(typical) - exact) < 0.02 * np.linalg.norm(exact)


def test_zeros_stay_zeros() -> None:
    np.testing.assert_array_equal(small(np.zeros((3, INPUTS), np.float32)), 0)


def test_an_outlier_spoils_its_own_row_only() -> None:
    x = np.random.default_rng(1).standard_normal((4, INPUTS)).astype(np.float32)
    quiet = small(x)
    x[2, 5] = 1e6
    loud = small(x)
    np.testing.assert_array_equal(loud[[0, 1, 3]], quiet[[0, 1, 3]])
    assert np.isfinite(loud).all()


def test_all_weights_of_one_sign_overflow_nowhere() -> None:
    matrix = np.full((INPUTS, OUTPUTS), 0.5, np.float32)
    x = np.full((2, INPUTS), -3.0, np.float32)
    found = run(multiply_in_int8(product(matrix)), x)
    np.testing.assert_allclose(found, x @ matrix, rtol=0.01)


def test_a_column_of_zeros_gives_zeros() -> None:
    matrix = MATRIX.copy()
    matrix[:, 7] = 0
    x = rows(3, 5)
    np.testing.assert_array_equal(run(multiply_in_int8(product(matrix)), x)[:, 7], 0)


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("biased", [False, True])
def test_gemm_is_quantised_with_its_bias(transposed: int, biased: bool) -> None:
    matrix = weights(2, INPUTS, 2 * OUTPUTS)
    constants = {"w": np.ascontiguousarray(matrix.T) if transposed else matrix}
    if biased:
        constants["b"] = np.arange(2 * OUTPUTS, dtype=np.float32)
    node = helper.make_node("Gemm", ["x", *constants], ["y"], transB=transposed)
    graph = multiply_in_int8(model(node, **constants))
    assert "Gemm" not in {each.op_type for each in graph.graph.node}
    x = np.random.default_rng(0).standard_normal((5, INPUTS)).astype(np.float32)
    expected = x @ matrix + constants.get("b", 0)
    error = run(graph, x) - expected
    assert np.linalg.norm(error) < 0.02 * np.linalg.norm(x @ matrix)


@pytest.mark.parametrize("attributes", [{"alpha": 0.5}, {"transA": 1}])
def test_other_gemms_stay(attributes: dict[str, float]) -> None:
    node = helper.make_node("Gemm", ["x", "w"], ["y"], **attributes)
    assert multiply_in_int8(model(node, w=MATRIX)) is None


def test_an_input_of_several_matrices_is_rounded_once() -> None:
    nodes = [helper.make_node("MatMul", ["x", name], [f"of_{name}"]) for name in ("q", "k", "v")]
    nodes.append(helper.make_node("Sum", ["of_q", "of_k", "of_v"], ["y"]))
    matrices = {name: weights(seed) for seed, name in enumerate(("q", "k", "v"))}
    graph = multiply_in_int8(model(*nodes, **matrices))
    kinds = [node.op_type for node in graph.graph.node]
    assert kinds.count("QuantizeLinear") == 1
    assert kinds.count("MatMulIntegerToFloat") == 3
    x = np.random.default_rng(0).standard_normal((5, INPUTS)).astype(np.float32)
    expected = x @ sum(matrices.values())
    assert np.linalg.norm(run(graph, x) - expected) < 0.02 * np.linalg.norm(expected)


def test_a_matrix_that_is_used_twice_is_kept_once() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["once"]),
        helper.make_node("MatMul", ["once", "w"], ["y"]),
    ]
    graph = multiply_in_int8(model(*nodes, w=MATRIX))
    matrices = [tensor for tensor in graph.graph.initializer if len(tensor.dims) == 2]
    assert [tensor.data_type for tensor in matrices] == [TensorProto.INT8]
    x = np.random.default_rng(0).standard_normal((5, INPUTS)).astype(np.float32)
    expected = x @ MATRIX @ MATRIX
    assert np.linalg.norm(run(graph, x) - expected) < 0.03 * np.linalg.norm(expected)


def test_a_table_keeps_its_rows_apart() -> None:
    table = weights(4, 1000, 128) * np.logspace(-2, 2, 1000, dtype=np.float32)[:, None]
    node = helper.make_node("Gather", ["w", "x"], ["y"], axis=0)
    graph = multiply_in_int8(model(node, given=TensorProto.INT64, w=table))
    ids = np.array([[0, 1, 999], [500, 0, 3]])
    found, expected = run(graph, ids), table[ids]
    assert found.shape == expected.shape
    step = np.abs(expected).max(axis=-1, keepdims=True) / 127
    assert (np.abs(found - expected) <= 0.51 * step).all()


def test_small_matrices_and_products_of_inputs_stay() -> None:
    tiny = product(weights(0, 64, 64))
    assert multiply_in_int8(tiny) is None
    square = model(
        helper.make_node("Transpose", ["x"], ["t"]), helper.make_node("MatMul", ["t", "x"], ["y"])
    )
    assert multiply_in_int8(square) is None


def test_the_source_is_left_as_it_was() -> None:
    before = EXACT.SerializeToString()
    multiply_in_int8(EXACT)
    assert EXACT.SerializeToString() == before
    assert len(SMALL.SerializeToString()) < 0.3 * len(before)

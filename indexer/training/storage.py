"""Matrices and tables of an ONNX graph in 4 or 8 bits. Knows nothing of convolutions or of words.

A matrix becomes the weights of ONNX Runtime's own MatMulNBits: blocks of 32 weights that share a
scale. It rounds what it multiplies to 8 bits too, but per row and block, so that a text's vector
does not depend on the texts beside it (dynamic quantisation has one scale a batch).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from indexer.encoders.export.graph import (
    DOMAIN,
    add_constant,
    cast,
    declare_domain,
    int8_rows,
    is_large,
    replace_nodes,
)
from indexer.training.nano import BLOCK, BLOCK_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from onnx import GraphProto, ModelProto, NodeProto

    from indexer.training.nano import Blocks

    Floats: TypeAlias = npt.NDArray[np.float32]
    Store: TypeAlias = Callable[[GraphProto, NodeProto, TensorProto], list[NodeProto] | None]

ACCURACY = 4  # the level at which MatMulNBits computes in int8


def store_as_nibbles(model: ModelProto) -> ModelProto:
    """Keep in 4 bits the matrices and tables whose values are blocks of 4-bit weights exactly."""
    return _stored(model, matrix=_nibble_matrix, table=_nibble_table)


def store_weights_as_int8(model: ModelProto) -> ModelProto:
    """Keep the other large matrices and tables in 8 bits."""
    return _stored(model, matrix=_int8_matrix, table=_int8_table)


def _stored(model: ModelProto, *, matrix: Store, table: Store) -> ModelProto:
    stored = onnx.ModelProto()
    stored.CopyFrom(model)
    graph = stored.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[NodeProto] = []
    for node in graph.node:
        put: list[NodeProto] | None = None
        match node.op_type:
            case "MatMul" if is_large(weights.get(node.input[1])):
                put = matrix(graph, node, weights[node.input[1]])
            case "Gather" if is_large(weights.get(node.input[0])):
                put = table(graph, node, weights[node.input[0]])
        nodes += [node] if put is None else put
    replace_nodes(graph, nodes)
    declare_domain(stored)
    return stored


def find_blocks(rows: Floats) -> Blocks | None:
    """Read fp32 rows as blocks of 4-bit weights, or None where they are not exactly that.

    ggml's Q4_0 gives the largest weight of a block the integer -8, which tells the scale.
    """
    if rows.shape[1] % BLOCK_SIZE:
        return None
    weights = rows.reshape(-1, BLOCK_SIZE)
    largest = np.take_along_axis(weights, np.abs(weights).argmax(axis=1)[:, None], axis=1)
    scales = largest / np.float32(-8)
    integers = np.rint(weights / np.where(scales == 0, np.float32(1), scales))
    exact = np.array_equal(scales.astype(np.float16).astype(np.float32), scales)
    if not exact or integers.max() > 7 or not np.array_equal(integers * scales, weights):
        return None
    nibbles = (integers + 8).astype(np.uint8)
    blocks = np.empty(len(weights), BLOCK)
    blocks["scale"] = scales[:, 0].astype(np.float16)
    blocks["nibbles"] = nibbles[:, : BLOCK_SIZE // 2] | nibbles[:, BLOCK_SIZE // 2 :] << 4
    return blocks


def _nibble_matrix(
    graph: GraphProto, node: NodeProto, matrix: TensorProto
) -> list[NodeProto] | None:
    values = numpy_helper.to_array(matrix)  # (inputs, outputs)
    blocks = find_blocks(np.ascontiguousarray(values.T))
    if blocks is None:
        return None
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
    packed = nibbles[:, 0::2] | nibbles[:, 1::2] << 4  # neighbours share a byte here
    return _multiply(graph, node, matrix.name, packed, blocks["scale"], shape=values.shape, bits=4)


def _int8_matrix(graph: GraphProto, node: NodeProto, matrix: TensorProto) -> list[NodeProto]:
    values = numpy_helper.to_array(matrix)
    short = -len(values) % BLOCK_SIZE  # a last block that is not full ends in zeros
    weights = np.pad(values.T, ((0, 0), (0, short))).reshape(-1, BLOCK_SIZE)
    integers, scales = int8_rows(weights)
    packed = (integers.astype(np.int16) + 128).astype(np.uint8)
    return _multiply(graph, node, matrix.name, packed, scales, shape=values.shape, bits=8)


def _multiply(
    graph: GraphProto,
    node: NodeProto,
    name: str,
    packed: npt.NDArray[np.uint8],
    scales: npt.NDArray[np.float16],
    *,
    shape: tuple[int, ...],
    bits: Literal[4, 8],
) -> list[NodeProto]:
    inputs, outputs = shape
    held = add_constant(graph, f"{name}_bits", packed.reshape(outputs, -1, packed.shape[-1]))
    half = add_constant(graph, f"{name}_scales", scales.ravel())
    full = f"{name}_scales_cast"
    multiply = helper.make_node(
        "MatMulNBits",
        [node.input[0], held, full],
        node.output,
        node.name,
        domain=DOMAIN,
        K=inputs,
        N=outputs,
        bits=bits,
        block_size=BLOCK_SIZE,
        accuracy_level=ACCURACY,
    )
    # it wants scales in fp32; ONNX Runtime unfolds them once, when it loads the graph
    return [cast(half, full), multiply]


def _nibble_table(graph: GraphProto, node: NodeProto, table: TensorProto) -> list[NodeProto] | None:
    values = numpy_helper.to_array(table)  # (rows, width)
    blocks = find_blocks(values)
    if blocks is None:
        return None
    rows, width = values.shape
    nibbles = blocks["nibbles"].reshape(rows, -1, BLOCK_SIZE // 2)
    packed = add_constant(graph, f"{table.name}_bits", nibbles)
    scales = add_constant(graph, f"{table.name}_scales", blocks["scale"].reshape(rows, -1, 1))
    low_bits = add_constant(graph, f"{table.name}_low_bits", np.array(15, np.uint8))
    shift = add_constant(graph, f"{table.name}_shift", np.array(4, np.uint8))
    middle = add_constant(graph, f"{table.name}_middle", np.array(8, np.float32))
    flat = add_constant(graph, f"{table.name}_flat", np.array([0, 0, width]))
    (found,) = node.output
    return [
        helper.make_node("Gather", [packed, node.input[1]], [f"{found}_bits"]),
        helper.make_node("BitwiseAnd", [f"{found}_bits", low_bits], [f"{found}_low"]),
        helper.make_node(
            "BitShift", [f"{found}_bits", shift], [f"{found}_high"], direction="RIGHT"
        ),
        helper.make_node("Concat", [f"{found}_low", f"{found}_high"], [f"{found}_both"], axis=-1),
        cast(f"{found}_both", f"{found}_nibbles"),
        helper.make_node("Sub", [f"{found}_nibbles", middle], [f"{found}_integers"]),
        *_found_scales(node, scales, found),
        helper.make_node("Mul", [f"{found}_integers", f"{found}_scales"], [f"{found}_blocks"]),
        helper.make_node("Reshape", [f"{found}_blocks", flat], [found]),
    ]


def _int8_table(graph: GraphProto, node: NodeProto, table: TensorProto) -> list[NodeProto]:
    integers, scales = int8_rows(numpy_helper.to_array(table))  # a scale per row
    held = add_constant(graph, f"{table.name}_int8", integers)
    halves = add_constant(graph, f"{table.name}_scales", scales[:, None])
    (found,) = node.output
    return [
        helper.make_node("Gather", [held, node.input[1]], [f"{found}_int8"]),
        cast(f"{found}_int8", f"{found}_integers"),
        *_found_scales(node, halves, found),
        helper.make_node("Mul", [f"{found}_integers", f"{found}_scales"], [found]),
    ]


def _found_scales(node: NodeProto, scales: str, found: str) -> list[NodeProto]:
    return [
        helper.make_node("Gather", [scales, node.input[1]], [f"{found}_halves"]),
        cast(f"{found}_halves", f"{found}_scales"),
    ]

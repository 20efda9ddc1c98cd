"""Matrices of an ONNX graph multiplied in int8: a scale per column of weights and row of inputs.

A row is one token of one image or text, so a vector does not depend on what else is in its batch,
as it does where a whole batch shares a scale (ONNX Runtime's own dynamic quantisation). Knows
nothing of convolutions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    peaks_that_fit_16_bits,
    replace_nodes,
)

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

PEAK = 127  # of int8
MIDDLE = 128  # of uint8: what 0 becomes
TINY = 1e-12  # a row of zeros has to be divided by something


def multiply_in_int8(model: ModelProto) -> ModelProto | None:
    """Quantise all large matrices that are constant, and keep tables of embeddings in 8 bits.

    None where there are none.
    """
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    quantised = _without_constants(model)
    graph = quantised.graph
    rows = _Rows(graph)
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        match node.op_type:
            case "MatMul" if is_large(weights.get(node.input[1])):
                matrix = numpy_helper.to_array(weights[node.input[1]])
                nodes += _multiplied(graph, rows, node, matrix, node.output[0])
            case "Gemm" if is_large(weights.get(node.input[1])) and _is_linear(node):
                matrix = numpy_helper.to_array(weights[node.input[1]])
                matrix = matrix.T if _attribute(node, "transB") else matrix
                nodes += _linear(graph, rows, node, matrix)
            case "Gather" if is_large(weights.get(node.input[0])) and not _attribute(node, "axis"):
                nodes += _table(graph, node, weights[node.input[0]])
            case _:
                nodes.append(node)
    if len(graph.initializer) == rows.constants:
        return None
    made = {tensor.name for tensor in graph.initializer}
    used = {name for node in nodes for name in node.input} - made
    graph.initializer.extend(tensor for name, tensor in weights.items() if name in used)
    replace_nodes(graph, nodes)
    declare_domain(quantised)
    return quantised


def _without_constants(model: ModelProto) -> ModelProto:
    """Copy a model but for its constants, which may be gigabytes."""
    copied = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    copied.graph.name = model.graph.name
    copied.graph.node.extend(model.graph.node)
    copied.graph.input.extend(model.graph.input)
    copied.graph.output.extend(model.graph.output)
    return copied


class _Rows:
    """The inputs that were rounded, each once however many matrices it meets."""

    def __init__(self, graph: GraphProto) -> None:
        self._rounded: set[str] = set()
        self.one = add_constant(graph, "int8_one", np.array(1, np.float32))
        self.middle = add_constant(graph, "int8_middle", np.array(MIDDLE, np.uint8))
        self._last_axis = add_constant(graph, "int8_last_axis", np.array([-1]))
        self._step = add_constant(graph, "int8_step", np.array(1 / PEAK, np.float32))
        self._tiny = add_constant(graph, "int8_tiny", np.array(TINY, np.float32))
        self.constants = len(graph.initializer)

    def round(self, name: str) -> list[NodeProto]:
        """Make `{name}_uint8` and its scales `{name}_scale`, unless they are there."""
        if name in self._rounded:
            return []
        self._rounded.add(name)
        highest, lowest = (f"{name}_{word}" for word in ("highest", "lowest"))
        axis = self._last_axis
        return [
            helper.make_node("ReduceMax", [name, axis], [highest], keepdims=1),
            helper.make_node("ReduceMin", [name, axis], [lowest], keepdims=1),
            helper.make_node("Neg", [lowest], [f"{lowest}_up"]),
            helper.make_node("Max", [highest, f"{lowest}_up", self._tiny], [f"{name}_peak"]),
            helper.make_node("Mul", [f"{name}_peak", self._step], [f"{name}_scale"]),
            helper.make_node("Div", [name, f"{name}_scale"], [f"{name}_scaled"]),
            helper.make_node(
                "QuantizeLinear", [f"{name}_scaled", self.one, self.middle], [f"{name}_uint8"]
            ),
        ]


def _multiplied(
    graph: GraphProto, rows: _Rows, node: NodeProto, matrix: Any, result: str
) -> list[NodeProto]:
    """Multiply `node`'s first input by a matrix `(inputs, outputs)`."""
    given, name = node.input[0], node.input[1]
    weights, scales = f"{name}_int8", f"{name}_scales"
    if all(tensor.name != weights for tensor in graph.initializer):
        peaks = peaks_that_fit_16_bits(np.ascontiguousarray(matrix.T))
        steps = peaks / PEAK
        integers = np.rint(matrix / steps).clip(-PEAK, PEAK).astype(np.int8)
        add_constant(graph, weights, integers)
        add_constant(graph, scales, steps.astype(np.float32))
    product = f"{result}_rows"
    multiply = helper.make_node(
        "MatMulIntegerToFloat",
        [f"{given}_uint8", weights, rows.one, scales, rows.middle],
        [product],
        node.name,
        domain=DOMAIN,
    )
    scale = helper.make_node("Mul", [product, f"{given}_scale"], [result])
    return [*rows.round(given), multiply, scale]


def _linear(graph: GraphProto, rows: _Rows, node: NodeProto, matrix: Any) -> list[NodeProto]:
    (result,) = node.output
    if len(node.input) < 3 or not node.input[2]:
        return _multiplied(graph, rows, node, matrix, result)
    product = f"{result}_product"
    add = helper.make_node("Add", [product, node.input[2]], [result])
    return [*_multiplied(graph, rows, node, matrix, product), add]


def _table(graph: GraphProto, node: NodeProto, table: TensorProto) -> list[NodeProto]:
    """Look up rows of a table that has 8 bits and a scale per row."""
    held, scales = f"{table.name}_int8", f"{table.name}_scales"
    if all(tensor.name != held for tensor in graph.initializer):
        integers, steps = int8_rows(numpy_helper.to_array(table))
        add_constant(graph, held, integers)
        add_constant(graph, scales, steps[:, None])
    (found,) = node.output
    return [
        helper.make_node("Gather", [held, node.input[1]], [f"{found}_int8"]),
        cast(f"{found}_int8", f"{found}_integers"),
        helper.make_node("Gather", [scales, node.input[1]], [f"{found}_halves"]),
        cast(f"{found}_halves", f"{found}_scales"),
        helper.make_node("Mul", [f"{found}_integers", f"{found}_scales"], [found]),
    ]


def _is_linear(node: NodeProto) -> bool:
    plain = all(_attribute(node, name, 1.0) == 1.0 for name in ("alpha", "beta"))
    return plain and not _attribute(node, "transA")


def _attribute(node: NodeProto, name: str, default: Any = 0) -> Any:
    for attribute in node.attribute:
        if attribute.name == name:
            return helper.get_attribute_value(attribute)
    return default

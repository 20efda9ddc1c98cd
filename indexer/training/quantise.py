"""fp32 ONNX graphs to int8 ones that give the same vectors on every CPU and in every batch.

Convolutions compute in int8, their ranges fixed beforehand. A transformer only stores int8: its
activations would need a scale per token to be precise, and one per batch (ONNX Runtime's dynamic
quantisation) would make a text's vector depend on the texts beside it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    from onnx import GraphProto, ModelProto, NodeProto

    from indexer.records import Pixels

PEAK = 127  # of int8; two neighbours may reach it together, and with rounding 128
LARGE = 1 << 16  # numbers; what is smaller stays as it is


def quantise_convolutions(
    model: ModelProto, photos: Iterable[Pixels], *, spare: int = 2
) -> ModelProto:
    """Quantise a convolutional tower statically, per channel, with the ranges seen on `photos`.

    The first `spare` convolutions stay fp32, since they cost the most precision and little time,
    and so does all that follows the classifier.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    spared = _first_and_last(model.graph, spare)
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "int8.onnx"
        quantize_static(
            model,
            target,
            _Photos(photos),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Clip", "Add", "Gemm"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=spared,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={
                "TensorQuantOverrides": {
                    name: [
                        {
                            "quant_type": QuantType.QInt8,
                            "axis": 0,
                            "symmetric": True,
                            "rmin": -peak,
                            "rmax": peak,
                        }
                        for peak in _peaks_that_fit_16_bits(weights)
                    ]
                    for name, weights in _dense_weights(model.graph, spared)
                }
            },
        )
        return onnx.load(target)


class _Photos:
    """What ONNX Runtime's quantiser reads its calibration photos from, one at a time."""

    def __init__(self, photos: Iterable[Pixels]) -> None:
        self._photos = iter(photos)

    def get_next(self) -> dict[str, Any] | None:
        """Give the next photo as the tower's input, or None after the last."""
        pixels = next(self._photos, None)
        return None if pixels is None else {"pixels": pixels[None]}


def _first_and_last(graph: GraphProto, spare: int) -> list[str]:
    """Name the first `spare` convolutions and the nodes after the last Gemm."""
    convolutions = [node.name for node in graph.node if node.op_type == "Conv"]
    kinds = [node.op_type for node in graph.node]
    end = len(kinds) - kinds[::-1].index("Gemm")
    return convolutions[:spare] + [node.name for node in graph.node[end:]]


def _dense_weights(
    graph: GraphProto, spared: list[str]
) -> list[tuple[str, npt.NDArray[np.float32]]]:
    """Name the weights that are multiplied as matrices: all but depthwise convolutions'."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    dense = []
    for node in graph.node:
        if node.op_type not in {"Conv", "Gemm"} or node.name in spared:
            continue
        values = numpy_helper.to_array(weights[node.input[1]])  # (outputs, inputs, ...)
        if node.op_type == "Gemm" or values.shape[1] > 1:
            dense.append((node.input[1], values))
    return dense


def _peaks_that_fit_16_bits(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give each output channel the largest weight that its int8 scale has to reach.

    A CPU with AVX2 and no VNNI adds two products of uint8 and int8 in 16 bits and saturates
    without a word, so that 8-bit weights give other vectors there. ONNX Runtime's remedy,
    `reduce_range`, costs a whole bit; it is enough that no two neighbours of one sign exceed 128.
    """
    rows = weights.reshape(len(weights), -1)
    if rows.shape[1] % 2:
        rows = np.pad(rows, ((0, 0), (0, 1)))
    pairs = rows.reshape(len(rows), -1, 2)
    upwards = np.maximum(pairs, 0).sum(axis=2).max(axis=1)
    downwards = np.maximum(-pairs, 0).sum(axis=2).max(axis=1)
    peaks: npt.NDArray[np.float32] = np.maximum(upwards, downwards).clip(min=1e-6)
    return peaks.astype(np.float32)


def store_weights_as_int8(model: ModelProto) -> ModelProto:
    """Keep the matrices and large tables of a graph as int8; arithmetic stays fp32.

    ONNX Runtime unfolds the matrices when it loads the graph, so they run at fp32's speed;
    tables are looked up in int8 and only the rows found are unfolded.
    """
    stored = onnx.ModelProto()
    stored.CopyFrom(model)
    graph = stored.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[NodeProto] = []
    for node in graph.node:
        match node.op_type:
            case "MatMul" if _is_large(weights.get(node.input[1])):
                nodes += _with_int8_matrix(graph, node, weights[node.input[1]])
            case "Gather" if _is_large(weights.get(node.input[0])):
                nodes += _with_int8_table(graph, node, weights[node.input[0]])
            case _:
                nodes.append(node)
    _replace_nodes(graph, nodes)
    return stored


def _is_large(tensor: TensorProto | None) -> bool:
    if tensor is None or len(tensor.dims) != 2:
        return False
    rows, columns = tensor.dims
    return bool(rows * columns >= LARGE)


def _with_int8_matrix(graph: GraphProto, node: NodeProto, matrix: TensorProto) -> list[NodeProto]:
    integers, scales = _int8(graph, matrix, axis=0)  # a scale per column
    unfolded = f"{matrix.name}_unfolded"
    node.input[1] = unfolded
    return [
        helper.make_node("Cast", [integers], [f"{matrix.name}_cast"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{matrix.name}_cast", scales], [unfolded]),
        node,
    ]


def _with_int8_table(graph: GraphProto, node: NodeProto, table: TensorProto) -> list[NodeProto]:
    integers, scales = _int8(graph, table, axis=1)  # a scale per row
    (found,) = node.output
    return [
        helper.make_node("Gather", [integers, node.input[1]], [f"{found}_int8"]),
        helper.make_node("Cast", [f"{found}_int8"], [f"{found}_cast"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [scales, node.input[1]], [f"{found}_scales"]),
        helper.make_node("Mul", [f"{found}_cast", f"{found}_scales"], [found]),
    ]


def _int8(graph: GraphProto, tensor: TensorProto, *, axis: int) -> tuple[str, str]:
    """Add `tensor` to the graph as integers and scales, and name both."""
    values = numpy_helper.to_array(tensor)
    peaks = np.abs(values).max(axis=axis, keepdims=True)
    scales = np.maximum(peaks / PEAK, 1e-12).astype(np.float32)
    integers = np.rint(values / scales).astype(np.int8)
    names = (f"{tensor.name}_int8", f"{tensor.name}_scales")
    for name, array in zip(names, (integers, scales), strict=True):
        graph.initializer.append(numpy_helper.from_array(array, name))
    return names


def _replace_nodes(graph: GraphProto, nodes: list[NodeProto]) -> None:
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)

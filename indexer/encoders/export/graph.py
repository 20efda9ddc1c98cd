"""What ONNX graphs are changed with: constants, casts, weights in 8 bits. Knows no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    import numpy.typing as npt
    from onnx import GraphProto, ModelProto, NodeProto

    Floats: TypeAlias = npt.NDArray[np.float32]

DOMAIN = "com.microsoft"  # of ONNX Runtime's own operators
LARGE = 1 << 16  # numbers; what is smaller stays as it is
PEAK = 127  # of int8


def is_large(tensor: TensorProto | None) -> bool:
    """Tell whether a constant is a matrix worth fewer bits."""
    if tensor is None or len(tensor.dims) != 2 or tensor.data_type != TensorProto.FLOAT:
        return False
    rows, columns = tensor.dims
    return bool(rows * columns >= LARGE)


def int8_rows(rows: Floats) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float16]]:
    """Round rows to integers, and give each row's scale."""
    peaks = np.abs(rows).max(axis=1)
    scales = (peaks / PEAK).astype(np.float16)
    larger = np.nextafter(scales, np.float16(np.inf))  # so that no integer exceeds the peak
    scales = np.where(scales.astype(np.float32) * PEAK < peaks, larger, scales)
    scales = np.maximum(scales, np.finfo(np.float16).smallest_subnormal)
    integers = np.rint(rows / scales[:, None].astype(np.float32)).clip(-PEAK, PEAK)
    return integers.astype(np.int8), scales


def peaks_that_fit_16_bits(weights: Floats) -> Floats:
    """Give each output channel the largest weight that its int8 scale has to reach.

    `weights` is `(outputs, ...)`. A CPU with AVX2 and no VNNI adds two products of uint8 and int8
    in 16 bits and saturates without a word, so that 8-bit weights give other vectors there. ONNX
    Runtime's remedy, `reduce_range`, costs a whole bit; it is enough that no two neighbours of one
    sign exceed 128.
    """
    rows = weights.reshape(len(weights), -1)
    if rows.shape[1] % 2:
        rows = np.pad(rows, ((0, 0), (0, 1)))
    pairs = rows.reshape(len(rows), -1, 2)
    upwards = np.maximum(pairs, 0).sum(axis=2).max(axis=1)
    downwards = np.maximum(-pairs, 0).sum(axis=2).max(axis=1)
    peaks: Floats = np.maximum(upwards, downwards).clip(min=1e-6)
    return peaks.astype(np.float32)


def cast(given: str, made: str) -> NodeProto:
    """Make floats of whatever `given` is."""
    return helper.make_node("Cast", [given], [made], to=TensorProto.FLOAT)


def add_constant(graph: GraphProto, name: str, values: npt.NDArray[Any]) -> str:
    """Add a constant to a graph, and give its name."""
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    return name


def replace_nodes(graph: GraphProto, nodes: list[NodeProto]) -> None:
    """Put other nodes in a graph, and drop the constants that none of them reads."""
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def declare_domain(model: ModelProto) -> None:
    """Let a model name ONNX Runtime's own operators, if it does."""
    domains = {node.domain for node in model.graph.node}
    if DOMAIN in domains - {each.domain for each in model.opset_import}:
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))

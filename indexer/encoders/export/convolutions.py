"""fp32 convolutional graphs to int8 ones that give the same vectors on every CPU, in every batch.

Their ranges are fixed beforehand, on photos. Knows nothing of transformers.
"""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
from onnx import numpy_helper

from indexer.encoders.export.graph import peaks_that_fit_16_bits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    import numpy.typing as npt
    from onnx import GraphProto, ModelProto

    from indexer.records import Pixels

SPARE = 2  # convolutions at the start


def convolve_in_int8(model: ModelProto, photos: Iterable[Pixels]) -> ModelProto | None:
    """Quantise the dense convolutions of a tower, and none of what lies between them.

    None where there are hardly any.
    """
    weights = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    # a depthwise one has little to multiply, and takes longer to round than it saves
    apart = [node.name for node in convolutions if weights.get(node.input[1], (0, 1))[1] == 1]
    if len(convolutions) - len(apart) <= SPARE:
        return None
    return quantise_convolutions(model, photos, kinds=("Conv",), apart=apart)


def quantise_convolutions(
    model: ModelProto,
    photos: Iterable[Pixels],
    *,
    spare: int = SPARE,
    kinds: Sequence[str] = ("Conv", "Clip", "Add", "Gemm"),
    apart: Sequence[str] = (),
) -> ModelProto:
    """Quantise a convolutional tower statically, per channel, with the ranges seen on `photos`.

    The first `spare` convolutions stay fp32, since they cost the most precision and little time,
    and so do nodes of other `kinds`, those named in `apart` and all that follows the classifier.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before it is imported, as in bundle.py
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    spared = [*_first_and_last(model.graph, spare), *apart]
    own = onnx.ModelProto()
    own.CopyFrom(model)  # the quantiser moves the weights of the model it is given to a file
    with tempfile.TemporaryDirectory() as scratch, _silence():
        target = Path(scratch) / "int8.onnx"
        quantize_static(
            own,
            target,
            _Photos(photos),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(kinds),
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
                        for peak in peaks_that_fit_16_bits(weights)
                    ]
                    for name, weights in _dense_weights(model.graph, spared)
                }
            },
        )
        return onnx.load(target)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep advice on preparing graphs, which the quantiser logs at the root, from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


class _Photos:
    """What ONNX Runtime's quantiser reads its calibration photos from, one at a time."""

    def __init__(self, photos: Iterable[Pixels]) -> None:
        self._photos = iter(photos)

    def get_next(self) -> dict[str, Any] | None:
        """Give the next photo as the tower's input, or None after the last."""
        pixels = next(self._photos, None)
        return None if pixels is None else {"pixels": pixels[None]}


def _first_and_last(graph: GraphProto, spare: int) -> list[str]:
    """Name the first `spare` convolutions and the nodes after the last Gemm, if there is one."""
    convolutions = [node.name for node in graph.node if node.op_type == "Conv"]
    gemms = [at for at, node in enumerate(graph.node) if node.op_type == "Gemm"]
    after = graph.node[gemms[-1] + 1 :] if gemms else ()
    return convolutions[:spare] + [node.name for node in after]


def _dense_weights(
    graph: GraphProto, spared: list[str]
) -> list[tuple[str, npt.NDArray[np.float32]]]:
    """Name the weights that are multiplied as matrices: all but depthwise convolutions'."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    dense = []
    for node in graph.node:
        if node.op_type not in {"Conv", "Gemm"} or node.name in spared:
            continue
        if node.input[1] not in weights:
            continue
        values = numpy_helper.to_array(weights[node.input[1]])  # (outputs, inputs, ...)
        if node.op_type == "Gemm" or values.shape[1] > 1:
            dense.append((node.input[1], values))
    return dense

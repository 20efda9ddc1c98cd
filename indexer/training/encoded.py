"""Captioned photos as an encoder sees them. Knows nothing of torch or of how bundles are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.decode.photo import decode
from indexer.training.measure import Recall, measure_recall

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.encoders import Encoder
    from indexer.records import Pixels, Vectors
    from indexer.training.captioned import CaptionedPhoto

AT_ONCE = 64  # photos held in memory


@dataclass(frozen=True, slots=True)
class Encoded:
    """Photos and their captions as one encoder sees them."""

    images: Vectors
    texts: Vectors
    photo_of: list[int]  # for each text the row of its photo
    sources: list[str]  # for each photo


def encode(encoder: Encoder, photos: Sequence[CaptionedPhoto]) -> Encoded:
    """Encode photos, decoding included, and all their captions."""
    return Encoded(
        images=encode_photos(encoder, photos),
        texts=encoder.encode_texts([text for photo in photos for text in photo.captions]),
        photo_of=[row for row, photo in enumerate(photos) for _ in photo.captions],
        sources=[photo.source for photo in photos],
    )


def encode_photos(encoder: Encoder, photos: Sequence[CaptionedPhoto]) -> Vectors:
    """Encode photos a few at a time; `(photos, dim)`."""
    rows = []
    for start in range(0, len(photos), AT_ONCE):
        some = photos[start : start + AT_ONCE]
        rows.append(encoder.encode_images([read_pixels(encoder, photo.path) for photo in some]))
    return np.concatenate(rows)


def recall_within(encoded: Encoded, collection: str | None = None) -> Recall:
    """Measure text-to-photo recall within one collection, or over all."""
    rows = [row for row, source in enumerate(encoded.sources) if collection in (None, source)]
    place = {row: index for index, row in enumerate(rows)}
    texts = [index for index, row in enumerate(encoded.photo_of) if row in place]
    return measure_recall(
        encoded.texts[texts],
        encoded.images[rows],
        [place[encoded.photo_of[index]] for index in texts],
    )


def read_pixels(encoder: Encoder, path: Path) -> Pixels:
    """Read one photo as `encoder` wants it."""
    decoded = decode(path.read_bytes(), path=path, min_side=encoder.image_size)
    return encoder.preprocess(decoded.image)

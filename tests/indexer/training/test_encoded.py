from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from indexer.encoders.registry import load_encoder
from indexer.training.captioned import CaptionedPhoto
from indexer.training.encoded import Encoded, encode, recall_within

if TYPE_CHECKING:
    from pathlib import Path


def test_recall_is_taken_within_one_collection() -> None:
    axes = np.eye(4, dtype=np.float32)
    encoded = Encoded(
        images=axes,
        texts=axes[[0, 3, 2, 3]],  # the second caption of "a" looks like a photo of "b"
        photo_of=[0, 1, 2, 3],
        sources=["a", "a", "b", "b"],
    )
    assert recall_within(encoded, "b").at_1 == 1
    assert recall_within(encoded).at_1 == 0.75


def test_every_caption_knows_the_row_of_its_photo(tmp_path: Path) -> None:
    photos = []
    for name, captions in (("a", ("one", "two")), ("b", ("three",))):
        Image.new("RGB", (300, 280), "grey").save(tmp_path / f"{name}.png")
        photos.append(CaptionedPhoto(tmp_path / f"{name}.png", "one", captions))
    encoded = encode(load_encoder("builtin"), photos)
    assert encoded.images.shape == (2, 384)
    assert encoded.texts.shape == (3, 384)
    assert encoded.photo_of == [0, 0, 1]

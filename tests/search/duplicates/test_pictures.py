"""What correlations of thumbnails see, and what they do not."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from indexer.decode.appearance import read_appearance
from search.duplicates import pictures

if TYPE_CHECKING:
    from collections.abc import Callable

    from search.duplicates.pictures import Pictures

    Picture = Callable[..., Image.Image]

EDITS = {
    "half": lambda image: image.resize((180, 120)),
    "squeezed": lambda image: image.resize((300, 240)),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "jpeg": lambda image: recompressed(image, quality=20),
    "grey": lambda image: image.convert("L").convert("RGB"),
}
CROPS = {
    "a tenth all round": (18, 12, 342, 228),
    "left": (36, 0, 360, 240),
    "below": (0, 0, 360, 216),
    "a corner": (0, 0, 324, 216),
    "a quarter": (50, 40, 320, 220),
}


def recompressed(image: Image.Image, *, quality: int) -> Image.Image:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def seen(*images: Image.Image) -> Pictures:
    thumbnails = [read_appearance(image).thumbnail for image in images]
    return pictures.stacked(thumbnails).astype(np.float32)


@pytest.mark.parametrize("edit", EDITS)
def test_copies_are_alike_in_detail_and_hash(picture: Picture, edit: str) -> None:
    originals = [picture(seed) for seed in range(8)]
    a, b = seen(*originals), seen(*map(EDITS[edit], originals))
    assert pictures.detail_likeness(a, b).min() > 0.95
    bits = pictures.distances(
        pictures.hashes(a.astype(np.uint8)), pictures.hashes(b.astype(np.uint8))
    )
    assert bits.max() <= 8


@pytest.mark.parametrize("crop", CROPS)
def test_a_crop_is_found_in_what_it_was_cut_from(picture: Picture, crop: str) -> None:
    originals = [picture(seed) for seed in range(12)]
    a = seen(*(image.crop(CROPS[crop]) for image in originals))
    b = seen(*originals)
    assert pictures.detail_likeness(a, b).max() < 0.8
    found = pictures.crop_likeness(a, b)
    assert np.mean(found > 0.8) >= 0.9
    assert (pictures.crop_likeness(b, a) <= found).all()


def test_other_pictures_are_not_alike(picture: Picture) -> None:
    several = seen(*(picture(seed) for seed in range(24)))
    a, b = np.triu_indices(24, 1)
    assert pictures.detail_likeness(several[a], several[b]).max() < 0.6
    assert pictures.crop_likeness(several[a], several[b]).max() < 0.7


def test_what_shows_nothing_is_like_nothing() -> None:
    blank = seen(Image.new("RGB", (60, 40), "white"), Image.new("RGB", (60, 40), "navy"))
    for compare in (pictures.likeness, pictures.detail_likeness, pictures.crop_likeness):
        assert compare(blank, blank[::-1]).tolist() == [0, 0]


def test_no_pictures_are_no_work() -> None:
    none = np.empty((0, 32, 32), np.float32)
    assert pictures.hashes(none.astype(np.uint8)).shape == (0, 8)
    for compare in (pictures.likeness, pictures.detail_likeness, pictures.crop_likeness):
        assert compare(none, none).shape == (0,)

"""Thumbnails and sharpness: what of a photo they depend on, and what not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from indexer.decode.appearance import read_appearance
from indexer.records import GLANCE, Appearance


@pytest.fixture
def picture() -> Image.Image:
    """Coarse and fine noise: as little alike in its parts as a photo is."""
    levels = np.random.default_rng(1).integers(0, 256, (12, 18), np.uint8)
    return Image.fromarray(levels).resize((540, 360), Image.Resampling.BICUBIC).convert("RGB")


def grey(appearance: Appearance) -> np.ndarray:
    return np.frombuffer(appearance.thumbnail, np.uint8).reshape(GLANCE, GLANCE).astype(int)


def test_a_thumbnail_is_the_whole_photo_whatever_its_shape(picture: Image.Image) -> None:
    picture.paste("white", (0, 0, 270, 360))
    for size in ((540, 360), (360, 540), (3000, 20), (1, 1)):
        levels = grey(read_appearance(picture.resize(size)))
        assert size == (1, 1) or levels[:, :14].min() > 250


@pytest.mark.parametrize("size", [(270, 180), (405, 270), (1080, 720)])
def test_a_resized_photo_has_nearly_the_same_thumbnail(
    picture: Image.Image, size: tuple[int, int]
) -> None:
    resized = read_appearance(picture.resize(size, Image.Resampling.LANCZOS))
    assert np.abs(grey(resized) - grey(read_appearance(picture))).max() <= 8


def test_blur_lowers_sharpness_and_size_hardly_matters(picture: Image.Image) -> None:
    sharp = read_appearance(picture).sharpness
    blurred = [
        read_appearance(picture.filter(ImageFilter.GaussianBlur(radius))).sharpness
        for radius in (1, 3, 9)
    ]
    assert sorted(blurred, reverse=True) == blurred
    assert blurred[0] < sharp
    larger = picture.resize((1080, 720), Image.Resampling.LANCZOS)
    assert read_appearance(larger).sharpness == pytest.approx(sharp, rel=0.1)


def test_a_photo_of_one_colour_has_no_sharpness() -> None:
    assert read_appearance(Image.new("RGB", (40, 30), "teal")).sharpness == 0

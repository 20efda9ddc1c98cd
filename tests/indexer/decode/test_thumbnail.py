from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from indexer.decode.thumbnail import thumbnail
from indexer.errors import DecodeError

if TYPE_CHECKING:
    from pathlib import Path

ORIENTATION, GPS = 0x0112, 0x8825


def halves(size: tuple[int, int]) -> Image.Image:
    """Paint the left half red and the right one blue."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    return image


@pytest.mark.parametrize(
    ("size", "box", "expected"),
    [
        ((1200, 800), (480, 360), (480, 320)),
        ((800, 1200), (480, 360), (240, 360)),
        ((3000, 300), (480, 360), (480, 48)),
        ((30, 20), (480, 360), (30, 20)),
        ((1, 5000), (480, 360), (1, 360)),
    ],
)
def test_a_thumbnail_fits_its_box_and_is_never_enlarged(
    tmp_path: Path, size: tuple[int, int], box: tuple[int, int], expected: tuple[int, int]
) -> None:
    halves(size).save(tmp_path / "photo.jpg")
    assert thumbnail(tmp_path / "photo.jpg", box).size == expected


def test_a_thumbnail_is_upright_and_says_nothing_of_its_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned clockwise: what was left is then above
    exif.get_ifd(GPS)[1] = "N"
    halves((800, 400)).save(
        tmp_path / "turned.jpg", exif=exif, comment=b"by me", icc_profile=b"odd", quality=95
    )
    small = thumbnail(tmp_path / "turned.jpg", (100, 100))
    assert small.size == (50, 100)
    for data in (small.jpeg(), small.png()):
        image = Image.open(BytesIO(data))
        assert not image.getexif()
        assert not {"icc_profile", "comment", "exif"} & set(image.info)
        red, _, blue = image.convert("RGB").getpixel((25, 10))
        assert red > 200 > 60 > blue


def test_a_paletted_thumbnail_names_each_pixels_colour(tmp_path: Path) -> None:
    halves((40, 20)).save(tmp_path / "photo.png")
    indices, palette = thumbnail(tmp_path / "photo.png", (40, 20)).paletted()
    np.testing.assert_array_equal(palette[indices], np.asarray(halves((40, 20))))


def test_a_photo_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DecodeError, match=r"truncated|damaged"):
        thumbnail(tmp_path / "cut.jpg", (10, 10))
    with pytest.raises(DecodeError, match="no such file"):
        thumbnail(tmp_path / "gone.jpg", (10, 10))
    halves((100, 100)).save(tmp_path / "large.png")
    with pytest.raises(DecodeError, match="--max-pixels"):
        thumbnail(tmp_path / "large.png", (10, 10), max_pixels=9999)

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from indexer.decode.colour import to_srgb
from indexer.decode.photo import decode


def through(image: Image.Image, name: str, min_side: int | None = None, **options: Any) -> Any:
    """Save and decode again, as pixels (height, width, 3)."""
    data = BytesIO()
    image.save(data, name, **options)
    decoded = decode(data.getvalue(), path=Path("a"), min_side=min_side)
    assert decoded.image.mode == "RGB"
    return np.asarray(decoded.image)


def centre(pixels: Any) -> list[int]:
    return [int(value) for value in pixels[pixels.shape[0] // 2, pixels.shape[1] // 2]]


def swapped_profile() -> bytes:
    """An RGB profile whose red is sRGB's green, and whose green is its red (ICC.1, section 7.3)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    entries: dict[bytes, int] = {}
    for index in range(struct.unpack_from(">I", profile, 128)[0]):
        entry = 132 + 12 * index
        entries[bytes(profile[entry : entry + 4])] = entry + 4
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    first, second = profile[red : red + 8], profile[green : green + 8]
    profile[red : red + 8], profile[green : green + 8] = second, first
    return bytes(profile)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_profile_is_converted_to_srgb(name: str) -> None:
    image = Image.new("RGB", (32, 32), (255, 0, 0))
    pixels = through(image, name, icc_profile=swapped_profile())
    assert np.allclose(centre(pixels), (0, 255, 0), atol=6)


def test_a_profile_is_applied_to_palettes_and_transparent_images_too() -> None:
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 255))
    assert centre(through(image, "PNG", icc_profile=swapped_profile())) == [0, 255, 0]
    palette = image.convert("RGB").quantize(4)
    assert centre(through(palette, "PNG", icc_profile=swapped_profile())) == [0, 255, 0]


def test_an_srgb_profile_changes_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    levels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(through(Image.fromarray(levels), "PNG", icc_profile=srgb), levels)


@pytest.mark.parametrize("profile", [b"", b"junk" * 50, swapped_profile()[:300]])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    pixels = through(Image.new("RGB", (8, 8), (200, 30, 60)), "PNG", icc_profile=profile)
    assert centre(pixels) == [200, 30, 60]


def test_a_profile_of_another_colour_space_is_ignored() -> None:
    pixels = through(Image.new("L", (8, 8), 77), "PNG", icc_profile=swapped_profile())
    assert centre(pixels) == [77, 77, 77]


def test_transparency_is_white() -> None:
    assert centre(through(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG")) == [255, 255, 255]
    assert centre(through(Image.new("RGBA", (8, 8), (0, 0, 0, 51)), "PNG")) == [204, 204, 204]
    assert centre(through(Image.new("LA", (8, 8), (0, 51)), "PNG")) == [204, 204, 204]
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    assert centre(through(palette, "PNG", transparency=1)) == [255, 255, 255]
    assert centre(through(palette, "GIF", transparency=1)) == [255, 255, 255]
    assert centre(through(Image.new("RGB", (8, 8), (9, 8, 7)), "PNG", transparency=(9, 8, 7))) == (
        [255, 255, 255]
    )


def test_transparent_colour_does_not_bleed_when_reduced() -> None:
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    assert (through(image, "PNG", min_side=4) == 255).all()


def test_palette_and_one_bit_images_keep_their_colours() -> None:
    palette = Image.new("RGB", (8, 8), (10, 200, 30)).quantize(4)
    assert centre(through(palette, "PNG")) == [10, 200, 30]
    assert centre(through(Image.new("1", (8, 8), 1), "PNG")) == [255, 255, 255]
    assert centre(through(Image.new("1", (8, 8), 0), "TIFF", compression="group4")) == [0, 0, 0]


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(name: str) -> None:
    levels = np.full((8, 8), 128 * 257, np.uint16)
    levels[:, :2] = 65535
    pixels = through(Image.fromarray(levels), name)
    assert centre(pixels) == [128, 128, 128]
    assert list(pixels[0, 0]) == [255, 255, 255]


def test_sixteen_bit_grey_with_white_at_zero_is_inverted() -> None:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[262] = 0
    image = Image.fromarray(np.full((8, 8), 65535, np.uint16))
    data = BytesIO()
    image.save(data, "TIFF", tiffinfo=info)
    stored = data.getvalue().replace(
        struct.pack("<HHII", 262, 3, 1, 1), struct.pack("<HHII", 262, 3, 1, 0)
    )
    assert centre(np.asarray(decode(stored, path=Path("a"), min_side=None).image)) == [0, 0, 0]


@pytest.mark.parametrize(
    ("values", "grey"),
    [
        ((0.0, 0.5, 1.0), (0, 128, 255)),
        ((0.0, 100.0, 255.0), (0, 100, 255)),
        ((-10.0, 0.0, 10.0), (0, 128, 255)),
        ((0.0, float("nan"), float("inf")), (0, 0, 255)),
        ((5000.0, 5000.0, 5000.0), (0, 0, 0)),
    ],
)
def test_floats_are_scaled_by_their_range(values: tuple[float, ...], grey: tuple[int, ...]) -> None:
    row = np.array([values], np.float32)
    pixels = through(Image.fromarray(row), "TIFF")
    assert [int(value) for value in pixels[0, :, 0]] == list(grey)


def test_32_bit_integers_are_scaled_by_their_range() -> None:
    row = np.array([[0, 50_000, 100_000]], np.int32)
    assert list(through(Image.fromarray(row), "TIFF")[0, :, 0]) == [0, 128, 255]


def test_sixteen_bit_rgb_keeps_its_colours() -> None:
    tags = {256: 1, 257: 1, 259: 1, 262: 2, 277: 3, 278: 1, 279: 6}
    strip = 8 + 2 + 12 * 9 + 4
    entries = {**{tag: (3, 1, value) for tag, value in tags.items()}, 273: (4, 1, strip + 6)}
    entries[258] = (3, 3, strip)
    body = b"".join(struct.pack("<HHII", tag, *entries[tag]) for tag in sorted(entries))
    depths, pixel = struct.pack("<3H", 16, 16, 16), struct.pack("<3H", 65535, 32896, 0)
    tiff = struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + body + bytes(4) + depths + pixel
    assert centre(np.asarray(decode(tiff, path=Path("a"), min_side=None).image)) == [255, 128, 0]


def test_cmyk_is_converted_plainly_without_a_profile() -> None:
    for name in ("JPEG", "TIFF"):
        red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
        assert np.allclose(centre(through(red, name)), (255, 0, 0), atol=6)
        paper = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
        assert np.allclose(centre(through(paper, name)), 255, atol=2)


def test_cmyk_without_adobes_marker_is_not_inverted() -> None:
    data = BytesIO()
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(data, "JPEG")
    red = data.getvalue()  # Adobe's way: stored inverted, as (255, 0, 0, 255)
    marker = red.index(b"\xff\xee")
    plain = red[:marker] + red[marker + 16 :]
    assert decode(red, path=Path("a"), min_side=None).image.getpixel((8, 8)) == (255, 0, 0)
    assert decode(plain, path=Path("a"), min_side=None).image.getpixel((8, 8)) == (0, 0, 0)


def test_lab_and_ycbcr_become_rgb() -> None:
    lab = Image.new("LAB", (8, 8), (255, 128, 128))
    assert np.allclose(centre(through(lab, "TIFF")), 255, atol=3)
    ycbcr = Image.new("RGB", (8, 8), (200, 40, 40)).convert("YCbCr")
    assert np.allclose(centre(through(ycbcr, "TIFF")), (200, 40, 40), atol=4)


def test_grey_profiles_are_converted() -> None:
    # linear light: half of the light is 188 of 255 in sRGB
    linear = grey_profile()
    assert np.allclose(
        centre(through(Image.new("L", (8, 8), 128), "PNG", icc_profile=linear)), 188, atol=2
    )


def grey_profile() -> bytes:
    """A monochrome profile with a linear curve (ICC.1, section 8.4)."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + bytes(4 + 4 + 2 + 1 + 67)
    blocks = {b"desc": text, b"wtpt": white, b"kTRC": curve}
    table, body, at = b"", b"", 132 + 12 * len(blocks)
    for tag, block in blocks.items():
        padded = block + bytes(-len(block) % 4)
        table += tag + struct.pack(">II", at + len(body), len(block))
        body += padded
    head = struct.pack(">I4sI", at + len(body), b"lcms", 0x02400000) + b"mntrGRAYXYZ " + bytes(12)
    head += b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(blocks)) + table + body


def test_an_image_is_reduced_by_whole_blocks_to_no_less_than_twice_the_side() -> None:
    image = Image.new("RGB", (1000, 700))
    assert to_srgb(image, min_side=100).size == (334, 234)
    assert to_srgb(image, min_side=200).size == (1000, 700)
    assert to_srgb(image, min_side=None).size == (1000, 700)

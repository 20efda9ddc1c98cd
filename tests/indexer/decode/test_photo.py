from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from indexer.decode import photo as decode_module
from indexer.decode.photo import Decoded, decode, decoders, read_photo
from indexer.errors import DecodeError, NotAPhotoError, UnreadableError

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 160, 0), (0, 0, 255), (255, 255, 0)
FORMATS = {
    "JPEG": {"quality": 95},
    "PNG": {},
    "WEBP": {"quality": 95},
    "AVIF": {"quality": 95},
    "TIFF": {},
    "GIF": {},
    "BMP": {},
}
INVERSE = {  # how each EXIF orientation is stored
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def corners(width: int = 64, height: int = 48) -> Image.Image:
    """An image whose four quarters tell which way is up."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    image.paste(YELLOW, (width // 2, height // 2, width, height))
    return image


def encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    data = BytesIO()
    image.save(data, name, **options)
    return data.getvalue()


def opened(data: bytes, name: str = "a.jpg", min_side: int | None = None) -> Decoded:
    return decode(data, path=Path(name), min_side=min_side)


def assert_corners(image: Image.Image) -> None:
    x, y = image.width // 4, image.height // 4
    places = [(x, y), (3 * x, y), (x, 3 * y), (3 * x, 3 * y)]
    for place, colour in zip(places, (RED, GREEN, BLUE, YELLOW), strict=True):
        assert np.allclose(image.getpixel(place), colour, atol=24), (place, image.getpixel(place))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_decoded_whatever_its_name(name: str) -> None:
    decoded = opened(encoded(corners(), name, **FORMATS[name]), "photo.txt")
    assert decoded.image.mode == "RGB"
    assert (decoded.facts.format, decoded.facts.width, decoded.facts.height) == (name, 64, 48)
    assert_corners(decoded.image)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("value", range(1, 9))
def test_exif_orientation_is_applied(name: str, value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    stored = corners().transpose(INVERSE[value]) if value > 1 else corners()
    decoded = opened(encoded(stored, name, exif=exif, **FORMATS[name]), min_side=None)
    assert decoded.image.size == (64, 48)
    assert (decoded.facts.width, decoded.facts.height) == (64, 48)
    assert_corners(decoded.image)


@pytest.mark.parametrize("value", [0, 9, 77])
def test_an_orientation_that_makes_no_sense_is_none(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert_corners(opened(encoded(corners(), "JPEG", exif=exif)).image)


def test_a_reduced_jpeg_keeps_twice_the_side_and_its_true_size() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(corners(1600, 1200).transpose(INVERSE[6]), "JPEG", exif=exif)
    decoded = opened(data, min_side=140)
    assert decoded.image.size == (400, 300)
    assert (decoded.facts.width, decoded.facts.height) == (1600, 1200)
    assert_corners(decoded.image)


@pytest.mark.parametrize("name", ["PNG", "TIFF", "WEBP"])
def test_large_images_of_other_formats_are_reduced_too(name: str) -> None:
    decoded = opened(encoded(corners(1600, 1200), name), min_side=140)
    assert decoded.image.size == (400, 300)
    assert_corners(decoded.image)


def test_a_small_photo_comes_as_it_is() -> None:
    assert opened(encoded(corners(), "JPEG"), min_side=224).image.size == (64, 48)


@pytest.mark.parametrize("name", ["GIF", "TIFF", "WEBP", "AVIF"])
def test_the_first_frame_is_decoded(name: str) -> None:
    second = Image.new("RGB", (64, 48), "black")
    data = encoded(corners(), name, save_all=True, append_images=[second], **FORMATS[name])
    assert_corners(opened(data).image)


@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_file_is_an_error(name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), name, **FORMATS[name])
    with pytest.raises(DecodeError, match=r"truncated|damaged") as raised:
        opened(data[: len(data) * 6 // 10])
    assert "copy" in str(raised.value)


def test_a_truncated_jpeg_says_so() -> None:
    for options in ({}, {"progressive": True}):
        data = encoded(corners(640, 480), "JPEG", **options)
        with pytest.raises(DecodeError, match=r"^the file is truncated: copy it again"):
            opened(data[: len(data) // 2], min_side=32)


def test_an_image_over_the_cap_is_refused_before_it_is_decoded() -> None:
    data = encoded(Image.new("1", (30_000, 30_000)), "PNG")
    assert len(data) < 200_000
    with pytest.raises(DecodeError) as raised:
        opened(data, "a.png")
    assert str(raised.value) == (
        "the photo is 30,000 x 30,000 pixels, more than the 250,000,000 allowed: "
        "raise the limit with --max-pixels 900000000"
    )


@pytest.mark.filterwarnings("error")
def test_a_higher_cap_lets_a_large_image_through_in_silence() -> None:
    data = encoded(Image.new("1", (20_000, 10_000), 1), "PNG")  # Pillow warns from 89 megapixels
    decoded = decode(data, path=Path("a.png"), min_side=100, max_pixels=200_000_000)
    assert decoded.image.size == (400, 200)
    assert decoded.image.getpixel((0, 0)) == (255, 255, 255)


def test_caps_of_different_threads_do_not_meet() -> None:
    data = encoded(corners(), "PNG")

    def is_decoded(cap: int) -> bool:
        try:
            decode(data, path=Path("a.png"), min_side=None, max_pixels=cap)
        except DecodeError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        caps = [64 * 48, 64 * 48 - 1] * 100
        assert list(pool.map(is_decoded, caps)) == [True, False] * 100


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "a.jpg", "the file is empty"),
        (b"just words", "a.jpg", "the file is no photo: it holds a text"),
        (b"8BPS\0\1rest", "a.psd", "Photoshop images cannot be read: save it as JPEG or PNG"),
        (b"\xff\x0arest", "a.jxl", "JPEG XL images cannot be read: save it as JPEG or PNG"),
        (b"%!PS-Adobe-3.0 EPSF", "a.jpg", "the file is no photo: it holds a text"),
    ],
)
def test_what_cannot_be_a_photo_is_named(data: bytes, name: str, message: str) -> None:
    with pytest.raises(DecodeError) as raised:
        opened(data, name)
    assert str(raised.value) == message
    assert not isinstance(raised.value, NotAPhotoError)


@pytest.mark.parametrize("data", [b"", b"just words", b"\0\1\2\3"])
def test_a_file_that_never_claimed_to_be_a_photo_is_told_apart(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(data)
    with pytest.raises(NotAPhotoError):
        read_photo(path)


def test_a_photo_is_read_whole_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "photo.txt"
    path.write_bytes(encoded(corners(640, 480), "PNG"))
    assert read_photo(path) == path.read_bytes()


@pytest.mark.parametrize("name", ["disk.img", "disk.jpg"])
def test_a_huge_file_that_is_no_photo_is_not_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(DecodeError, match="is no photo: it holds other data"):
        read_photo(path)


def test_a_photo_over_the_byte_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(corners(), "PNG"))
    with pytest.raises(DecodeError, match="bytes, more than the 10 allowed"):
        read_photo(path, max_bytes=10)


def test_a_vanished_photo_is_unreadable_and_a_folder_is_no_photo(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="cannot be read: no such file or directory"):
        read_photo(tmp_path / "gone.jpg")
    with pytest.raises(NotAPhotoError, match="is not a file"):
        read_photo(tmp_path)


def test_decoders_name_the_extras_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert decoders().startswith("pillow ")
    monkeypatch.setattr(decode_module, "find_spec", lambda name: name == "rawpy" or None)
    assert decoders().endswith("; raw")
    assert "heif" not in decoders()


def samples() -> dict[str, bytes]:
    exif = Image.Exif()
    exif.update({0x010F: "Tester", 0x0112: 6, 0x010E: "a pier"})
    small = corners()
    grey16 = Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64) * 16)
    return {
        "JPEG": encoded(small, "JPEG", exif=exif),
        "CMYK": encoded(small.convert("CMYK"), "JPEG"),
        "PNG": encoded(small, "PNG", exif=exif),
        "palette": encoded(small.quantize(8), "PNG", transparency=2),
        "grey": encoded(grey16, "PNG"),
        "WEBP": encoded(small, "WEBP", exif=exif),
        "AVIF": encoded(small, "AVIF", exif=exif),
        "GIF": encoded(small, "GIF"),
        "TIFF": encoded(small, "TIFF", exif=exif),
        "float": encoded(small.convert("F"), "TIFF"),
        "BMP": encoded(small, "BMP"),
    }


SAMPLES = samples()


@settings(derandomize=True, deadline=None, max_examples=1500)
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    cut=st.one_of(st.none(), st.floats(0, 1)),
    flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255), st.booleans()), max_size=8),
)
@pytest.mark.filterwarnings("ignore")
def test_damage_gives_a_photo_or_one_clear_line(
    name: str, cut: float | None, flips: list[tuple[float, int, bool]]
) -> None:
    data = bytearray(SAMPLES[name])
    for place, value, in_head in flips:
        data[int(place * min(len(data), 400 if in_head else len(data)))] = value
    damaged = bytes(data if cut is None else data[: int(cut * len(data))])
    try:
        decoded = decode(damaged, path=Path("a.jpg"), min_side=16, max_pixels=1_000_000)
    except DecodeError as error:
        message = str(error)
        assert message
        assert message.isprintable()
        assert " at 0x" not in message
        assert "<_io" not in message
    else:
        assert decoded.image.mode == "RGB"

from __future__ import annotations

import struct
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexer.decode.photo import Decoded, decode
from indexer.errors import DecodeError

SHORT, LONG, BYTE, RATIONAL, SIGNED = "H", "I", "B", "II", "ii"
TYPES = {BYTE: 1, "s": 2, SHORT: 3, LONG: 4, RATIONAL: 5, SIGNED: 10}
TOP_RED = np.full((64, 96), 2000, np.uint16)
TOP_RED[0:32:2, 0:96:2] = 60_000  # the red sites of a Bayer pattern's upper half


def dng(orientation: int = 1, preview: bytes = b"") -> bytes:
    """A small Bayer photo as an uncompressed DNG (Adobe, DNG 1.4), perhaps with a preview."""
    height, width = TOP_RED.shape
    raw = TOP_RED.astype("<u2").tobytes()
    matrix = [value for v in (1, 0, 0, 0, 1, 0, 0, 0, 1) for value in (v, 1)]
    tags: dict[int, tuple[str, list[Any]]] = {
        254: (LONG, [0]), 256: (LONG, [width]), 257: (LONG, [height]), 258: (SHORT, [16]),
        259: (SHORT, [1]), 262: (SHORT, [32803]), 271: ("s", [b"Tester\0"]),
        272: ("s", [b"One\0"]), 273: (LONG, [0]), 274: (SHORT, [orientation]), 277: (SHORT, [1]),
        278: (LONG, [height]), 279: (LONG, [len(raw)]), 33421: (SHORT, [2, 2]),
        33422: (BYTE, [0, 1, 1, 2]), 50706: (BYTE, [1, 4, 0, 0]), 50707: (BYTE, [1, 1, 0, 0]),
        50708: ("s", [b"Tester One\0"]), 50714: (SHORT, [0]), 50717: (LONG, [65535]),
        50721: (SIGNED, matrix), 50728: (RATIONAL, [1] * 6), 50778: (SHORT, [21]),
    }  # fmt: skip
    if preview:
        tags[330] = (LONG, [0])
    size = len(directory(tags, 8)) + 8
    tags[273] = (LONG, [size])
    if preview:
        tags[330] = (LONG, [size + len(raw)])
    tiff = b"II*\0" + struct.pack("<I", 8) + directory(tags, 8) + raw
    return tiff + preview_directory(preview, len(tiff)) if preview else tiff


def preview_directory(preview: bytes, at: int) -> bytes:
    width, height = Image.open(BytesIO(preview)).size
    tags: dict[int, tuple[str, list[Any]]] = {
        254: (LONG, [1]), 256: (LONG, [width]), 257: (LONG, [height]), 258: (SHORT, [8, 8, 8]),
        259: (SHORT, [7]), 262: (SHORT, [6]), 273: (LONG, [0]), 277: (SHORT, [3]),
        278: (LONG, [height]), 279: (LONG, [len(preview)]),
    }  # fmt: skip
    tags[273] = (LONG, [at + len(directory(tags, at))])
    return directory(tags, at) + preview


def directory(tags: dict[int, tuple[str, list[Any]]], at: int) -> bytes:
    entries, body, free = b"", b"", at + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        packed = values[0] if kind == "s" else struct.pack(f"<{len(values)}{kind[0]}", *values)
        count = len(packed) if kind == "s" else len(values) // len(kind)
        entries += struct.pack("<HHI", tag, TYPES[kind], count)
        if len(packed) > 4:
            entries += struct.pack("<I", free + len(body))
            body += packed + bytes(len(packed) % 2)
        else:
            entries += packed.ljust(4, b"\0")
    return struct.pack("<H", len(tags)) + entries + bytes(4) + body


def opened(data: bytes, min_side: int | None = None, name: str = "a.dng") -> Decoded:
    pytest.importorskip("rawpy", reason="the extra `raw` is not installed")
    return decode(data, path=Path(name), min_side=min_side)


def is_red(image: Image.Image, x: float, y: float) -> bool:
    pixel: Any = image.getpixel((int(image.width * x), int(image.height * y)))
    return bool(pixel[0] > 200 and pixel[1] < 100)


@pytest.mark.parametrize("min_side", [None, 8])
@pytest.mark.parametrize(
    ("orientation", "size", "red", "other"),
    [
        (1, (96, 64), (0.5, 0.2), (0.5, 0.8)),
        (3, (96, 64), (0.5, 0.8), (0.5, 0.2)),
        (6, (64, 96), (0.8, 0.5), (0.2, 0.5)),
        (8, (64, 96), (0.2, 0.5), (0.8, 0.5)),
    ],
)
def test_a_raw_photo_is_developed_upright(
    min_side: int | None,
    orientation: int,
    size: tuple[int, int],
    red: tuple[float, float],
    other: tuple[float, float],
) -> None:
    decoded = opened(dng(orientation), min_side)
    image, facts = decoded.image, decoded.facts
    assert (facts.width, facts.height, facts.format) == (*size, "DNG")
    assert facts.camera == "Tester One"
    assert image.size == (size if min_side is None else (size[0] // 4, size[1] // 4))
    # the pattern's edges smear: look for the colour a little on either side
    spread = [(x + 0.02 * step, y + 0.02 * step) for x, y in [red] for step in range(-2, 3)]
    assert any(is_red(image, *place) for place in spread)
    assert not is_red(image, *other)


def test_a_raw_photo_is_known_by_content_under_a_tiffs_name() -> None:
    assert opened(dng(), name="a.tif").facts.format == "DNG"


def test_the_embedded_preview_is_used_when_it_is_large_enough() -> None:
    data = BytesIO()
    Image.new("RGB", (96, 64), (0, 0, 255)).save(data, "JPEG")
    photo = dng(orientation=6, preview=data.getvalue())
    from_preview = opened(photo, min_side=32)
    assert from_preview.image.size == (64, 96)
    assert np.allclose(from_preview.image.getpixel((5, 5)), (0, 0, 255), atol=8)
    assert (from_preview.facts.width, from_preview.facts.height) == (64, 96)
    assert not np.allclose(opened(photo, min_side=60).image.getpixel((5, 5)), (0, 0, 255), atol=8)


def test_a_truncated_raw_photo_says_so() -> None:
    with pytest.raises(DecodeError, match="the file is truncated"):
        opened(dng()[:5000])


def test_the_cap_holds_for_raw() -> None:
    pytest.importorskip("rawpy", reason="the extra `raw` is not installed")
    with pytest.raises(DecodeError, match="96 x 64 pixels, more than the 100 allowed"):
        decode(dng(), path=Path("a.dng"), min_side=None, max_pixels=100)


def test_what_only_its_name_calls_raw_is_an_error() -> None:
    with pytest.raises(DecodeError, match="the RAW file cannot be read"):
        opened(b"II*\0" + b"garbage\0" * 100, name="a.nef")


def test_a_missing_extra_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(DecodeError) as raised:
        decode(dng(), path=Path("a.dng"), min_side=None)
    assert str(raised.value) == "RAW photos need an extra: pip install 'sightseek[raw]'"

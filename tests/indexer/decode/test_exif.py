from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import IFD

from indexer.decode.metadata import one_line, text_of
from indexer.decode.photo import decode

if TYPE_CHECKING:
    from indexer.records import Facts

ORIGINAL, DIGITIZED, DATE, OFFSET = 0x9003, 0x9004, 0x0132, 0x9011
NAIVE = datetime(2021, 6, 5, 14, 3, 2)  # noqa: DTZ001 - a camera's clock knows no zone


def facts(
    main: dict[int, Any] | None = None,
    camera: dict[int, Any] | None = None,
    gps: dict[int, Any] | None = None,
    name: str = "JPEG",
) -> Facts:
    exif = Image.Exif()
    exif.update(main or {})
    exif.get_ifd(IFD.Exif).update(camera or {})
    exif.get_ifd(IFD.GPSInfo).update(gps or {})
    data = BytesIO()
    Image.new("RGB", (8, 6)).save(data, name, exif=exif.tobytes())
    return decode(data.getvalue(), path=Path("a"), min_side=None).facts


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_facts_are_read_from_every_format_that_carries_exif(name: str) -> None:
    found = facts(
        {0x010F: "Canon", 0x0110: "Canon EOS 5D"},
        {ORIGINAL: "2021:06:05 14:03:02", 0xA434: "EF 50mm"},
        {1: "S", 2: (33.0, 30.0, 36.0), 3: "E", 4: (18.0, 15.0, 0.0)},
        name=name,
    )
    assert (found.width, found.height, found.format) == (8, 6, name)
    assert (found.taken_at, found.camera, found.lens) == (NAIVE, "Canon EOS 5D", "EF 50mm")
    assert (found.latitude, found.longitude) == (pytest.approx(-33.51), 18.25)


def test_a_photo_without_metadata_has_only_its_size() -> None:
    found = facts()
    assert found.taken_at is found.camera is found.lens is found.latitude is found.longitude is None


@pytest.mark.parametrize(
    ("offset", "zone"),
    [
        ("+02:00", timezone(timedelta(hours=2))),
        ("-09:30", timezone(-timedelta(hours=9, minutes=30))),
        ("Z", UTC),
        ("   :  ", None),
        ("+99:99", None),
    ],
)
def test_the_time_has_an_offset_when_it_is_recorded(offset: str, zone: timezone | None) -> None:
    found = facts(camera={ORIGINAL: "2021:06:05 14:03:02", OFFSET: offset})
    assert found.taken_at == NAIVE.replace(tzinfo=zone)


def test_other_dates_stand_in_for_the_original() -> None:
    assert facts(camera={DIGITIZED: "2021:06:05 14:03:02"}).taken_at == NAIVE
    assert facts({DATE: "2021-06-05T14:03:02"}).taken_at == NAIVE
    unset = {ORIGINAL: "0000:00:00 00:00:00", DIGITIZED: "2021:06:05 14:03:02"}
    assert facts({DATE: "1999:01:01 00:00:00"}, unset).taken_at == NAIVE


@pytest.mark.parametrize("date", ["", "    :  :     :  :  ", "2021:02:31 00:00:00", "yesterday"])
def test_a_date_that_is_none_is_ignored(date: str) -> None:
    assert facts(camera={ORIGINAL: date}).taken_at is None


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("Apple", "iPhone 12", "Apple iPhone 12"),
        ("Canon\0junk", "Canon EOS 5D   ", "Canon EOS 5D"),
        ("Sony", "", "Sony"),
        ("", "Pixel 7", "Pixel 7"),
        ("\0", "\x01", None),
    ],
)
def test_the_camera_is_named_once(make: str, model: str, camera: str | None) -> None:
    assert facts({0x010F: make, 0x0110: model}).camera == camera


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)},
        {1: "N", 2: (1.0, 0.0, 0.0), 3: "E", 4: (181.0, 0.0, 0.0)},
        {1: "", 2: (1.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)},
        {1: "N", 2: (1.0, 0.0, 0.0)},
    ],
)
def test_a_position_that_cannot_be_is_ignored(gps: dict[int, Any]) -> None:
    found = facts(gps=gps)
    assert (found.latitude, found.longitude) == (None, None)


def test_a_position_divided_by_zero_is_ignored() -> None:
    exif = Image.Exif()
    gps = {1: "N", 2: (10.0, 20.0, 30.0), 3: "E", 4: (1.0, 2.0, 3.0)}
    exif.get_ifd(IFD.GPSInfo).update(gps)
    raw = exif.tobytes()
    broken = raw.replace((10).to_bytes(4, "little") + (1).to_bytes(4, "little"), bytes(8))
    assert broken != raw
    data = BytesIO()
    Image.new("RGB", (8, 6)).save(data, "JPEG", exif=broken)
    found = decode(data.getvalue(), path=Path("a"), min_side=None).facts
    assert (found.latitude, found.longitude) == (None, None)


def test_how_a_photo_was_taken_is_read() -> None:
    found = facts(camera={0x920A: 85.0, 0x829D: 1.8, 0x8827: 3200})
    assert (found.focal_length, found.aperture, found.iso) == (85, 1.8, 3200)
    assert facts(camera={0x9202: 6.0}).aperture == 8  # APEX
    assert facts(camera={0x8827: 65535, 0x8832: 102400}).iso == 102400


def test_windows_writes_ratings_and_keywords() -> None:
    keywords = "Sea; dog ;sea;海\0".encode("utf-16-le")
    assert facts({0x4746: 3}).rating == 3
    exif = Image.Exif()
    exif[0x9C9E] = keywords
    data = BytesIO()
    Image.new("RGB", (8, 6)).save(data, "JPEG", exif=exif.tobytes())
    assert decode(data.getvalue(), path=Path("a"), min_side=None).keywords == ("Sea", "dog", "海")


@pytest.mark.parametrize(
    "camera",
    [{0x920A: 0.0}, {0x829D: 0.0}, {0x8827: 0}, {0x829D: "fast"}, {0x9202: -1.0}, {0x8827: ()}],
)
def test_numbers_that_make_no_sense_are_ignored(camera: dict[int, Any]) -> None:
    found = facts(camera=camera)
    assert found.focal_length is found.aperture is found.iso is None


@pytest.mark.filterwarnings("ignore")
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=6))
def test_damaged_tags_harm_no_photo(at: int, noise: bytes) -> None:
    exif = Image.Exif()
    exif.update({0x010F: "Canon", 0x0110: "Canon EOS 5D", 0x4746: 3})
    exif.get_ifd(IFD.Exif).update({ORIGINAL: "2021:06:05 14:03:02", 0x829D: 1.8, 0x8827: 100})
    exif.get_ifd(IFD.GPSInfo).update({1: "N", 2: (1.0, 2.0, 3.0), 3: "E", 4: (1.0, 2.0, 3.0)})
    raw = exif.tobytes()
    at %= len(raw)
    data = BytesIO()
    Image.new("RGB", (8, 6)).save(data, "JPEG", exif=raw[:at] + noise + raw[at + len(noise) :])
    found = decode(data.getvalue(), path=Path("a"), min_side=None).facts
    assert {found.width, found.height} == {8, 6}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0junk", b"Exif\0\0II*\0\xff\xff\xff\xff"])
def test_damaged_exif_fails_no_photo(exif: bytes) -> None:
    data = BytesIO()
    Image.new("RGB", (8, 6)).save(data, "JPEG", exif=exif)
    decoded = decode(data.getvalue(), path=Path("a"), min_side=None)
    assert (decoded.facts.width, decoded.facts.camera) == (8, None)


def test_a_damaged_resolution_fails_no_photo() -> None:
    unit, resolution = b"\x28\x01\x03\0\x01\0\0\0\x02\0\0\0", b"\x1a\x01\x02\0\x01\0\0\0\0\0\0\0"
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0" + resolution + unit + bytes(4)
    data = BytesIO()
    Image.new("RGB", (8, 6)).save(data, "JPEG", exif=exif)
    with pytest.raises(
        UnidentifiedImageError
    ):  # by Pillow itself: if not any more, segments.py may go
        Image.open(data).load()
    assert decode(data.getvalue(), path=Path("a"), min_side=None).facts.width == 8


def test_texts_are_utf8_or_latin_and_on_one_line() -> None:
    assert text_of(b"caf\xc3\xa9\0rest") == "café"
    assert text_of("caf\xc3\xa9") == "café"  # as Pillow gives UTF-8 bytes
    assert text_of(b"caf\xe9") == "café"
    assert text_of("東京") == "東京"
    assert text_of(12) == ""
    assert one_line(" a\r\n\tb\x07c\ud800 ") == "a b c"

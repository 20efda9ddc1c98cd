"""What a photo's metadata says of it: EXIF to Facts. Damaged metadata says nothing, and harms none.

Tags and their meaning: Exif 3.0 (CIPA DC-008).
"""

from __future__ import annotations

import math
import re
import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from indexer.records import Facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    Tags: TypeAlias = Mapping[int, object]

# what Pillow raises on damaged metadata
BAD_METADATA = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    EOFError, OverflowError, ZeroDivisionError, AssertionError, struct.error,
)  # fmt: skip

_TAKEN = (
    (Base.DateTimeOriginal, Base.OffsetTimeOriginal),
    (Base.DateTimeDigitized, Base.OffsetTimeDigitized),
    (Base.DateTime, Base.OffsetTime),
)
_DATE = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


def read_exif(image: Image.Image) -> Image.Exif:
    """Read an image's EXIF tags, as far as they can be read."""
    try:
        return image.getexif()
    except BAD_METADATA:
        return Image.Exif()


def tiff_exif(data: bytes) -> Image.Exif:
    """Read the tags of a file that is laid out as a TIFF, as most RAW files are."""
    exif = Image.Exif()
    order = data[:2]
    if order not in {b"II", b"MM"}:
        return exif
    magic = b"II*\0" if order == b"II" else b"MM\0*"  # Olympus and Panasonic write their own
    try:
        exif.load(magic + data[4:])
    except BAD_METADATA:
        return Image.Exif()
    return exif


def orientation(exif: Image.Exif) -> int:
    """Give the EXIF orientation, 1 to 8; 1 where it is missing or makes no sense."""
    value = exif.get(Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def all_tags(exif: Image.Exif) -> dict[int, object]:
    """Join the tags of the main directory and the camera's."""
    return {**directory(exif, None), **directory(exif, IFD.Exif)}


def directory(exif: Image.Exif, ifd: IFD | None) -> dict[int, object]:
    """Give one EXIF directory (None: the main one), leaving out tags that cannot be read."""
    try:
        tags = exif.get_ifd(ifd) if ifd else exif
        names = list(tags)
    except BAD_METADATA:
        return {}
    found = {}
    for tag in names:
        try:
            found[tag] = tags[tag]
        except BAD_METADATA:  # one damaged tag must not hide the others
            continue
    return found


def read_facts(exif: Image.Exif, *, width: int, height: int, format: str) -> Facts:  # noqa: A002
    """Read the facts of a photo that is `width` by `height` pixels upright."""
    tags = all_tags(exif)
    latitude, longitude = _position(directory(exif, IFD.GPSInfo))
    return Facts(
        width=width,
        height=height,
        format=format,
        taken_at=_taken_at(tags),
        camera=_camera(tags),
        lens=text_of(tags.get(Base.LensModel)) or None,
        latitude=latitude,
        longitude=longitude,
    )


def text_of(value: object) -> str:
    """Give a tag's text on one line: UTF-8 where it is that, else Latin-1; "" if it is no text."""
    if isinstance(value, str):
        value = value.encode("latin-1", "ignore") if value.isascii() or _is_latin(value) else value
    if isinstance(value, bytes):
        raw = value.split(b"\0", 1)[0]
        try:
            value = raw.decode("utf-8")
        except UnicodeDecodeError:
            value = raw.decode("latin-1")
    return one_line(value) if isinstance(value, str) else ""


def one_line(text: str) -> str:
    """Drop control characters and lone surrogates; collapse white space."""
    kept = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(kept.split())


def _is_latin(text: str) -> bool:
    return all(ord(char) < 256 for char in text)


def _taken_at(tags: Tags) -> datetime | None:
    for date_tag, offset_tag in _TAKEN:
        taken = _date(text_of(tags.get(date_tag)), text_of(tags.get(offset_tag)))
        if taken:
            return taken
    return None


def _date(date: str, offset: str) -> datetime | None:
    match = _DATE.match(date)
    if not match:
        return None
    try:
        zone = _zone(offset)
        return datetime(*(int(part or 0) for part in match.groups()), tzinfo=zone)  # type: ignore[misc, arg-type]
    except ValueError:  # 0000:00:00, or the 31st of February
        return None


def _zone(offset: str) -> timezone | None:
    if offset == "Z":
        return UTC
    match = _OFFSET.fullmatch(offset)
    if not match:
        return None
    sign, hours, minutes = match.groups()
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-ahead if sign == "-" else ahead) if ahead < timedelta(hours=24) else None


def _camera(tags: Tags) -> str | None:
    make, model = text_of(tags.get(Base.Make)), text_of(tags.get(Base.Model))
    brand = make.casefold().split()[:1]
    if brand and model.casefold().split()[:1] == brand:
        return model
    return f"{make} {model}".strip() or None


def _position(tags: Tags) -> tuple[float, float] | tuple[None, None]:
    latitude = _degrees(tags.get(GPS.GPSLatitude), tags.get(GPS.GPSLatitudeRef), "NS", 90)
    longitude = _degrees(tags.get(GPS.GPSLongitude), tags.get(GPS.GPSLongitudeRef), "EW", 180)
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None, None  # cameras without a fix write zeros
    return latitude, longitude


def _degrees(value: object, hemisphere: object, letters: str, limit: int) -> float | None:
    letter = text_of(hemisphere).upper()[:1]
    if not letter or letter not in letters or not isinstance(value, tuple):
        return None
    try:
        parts = [float(part) for part in value[:3]]
    except BAD_METADATA:
        return None
    degrees = sum((part / 60.0**power for power, part in enumerate(parts)), start=0.0)
    if not all(map(math.isfinite, parts)) or not 0 <= degrees <= limit:
        return None
    return -degrees if letter == letters[1] else degrees

"""EXIF tags, and what they say of a photo. Damaged ones say nothing, and harm none.

Tags and their meaning: Exif 3.0 (CIPA DC-008); `XP` tags and ratings are Microsoft's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from indexer.decode.metadata import (
    BAD_METADATA,
    Metadata,
    aperture_of,
    as_bytes,
    camera_of,
    captions_of,
    date_of,
    focal_length_of,
    iso_of,
    keywords_of,
    number_of,
    position_of,
    rating_of,
    text_of,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    Tags: TypeAlias = Mapping[int, object]

_TAKEN = (
    (Base.DateTimeOriginal, Base.OffsetTimeOriginal),
    (Base.DateTimeDigitized, Base.OffsetTimeDigitized),
    (Base.DateTime, Base.OffsetTime),
)
_ISO = (Base.ISOSpeedRatings, Base.RecommendedExposureIndex, Base.ISOSpeed)


def read_tags(image: Image.Image) -> Image.Exif:
    """Read an image's EXIF tags, as far as they can be read."""
    try:
        return image.getexif()
    except BAD_METADATA:
        return Image.Exif()


def tiff_tags(data: bytes) -> Image.Exif:
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


def read_exif(exif: Image.Exif) -> Metadata:
    """Read what the tags say."""
    tags = {**_directory(exif, None), **_directory(exif, IFD.Exif)}
    own = written(text_of(tags.get(Base.ImageDescription)))
    comment = _user_comment(as_bytes(tags.get(Base.UserComment)), exif.endian)
    title, subject, remark = (
        _utf16_tag(tags, tag) for tag in (Base.XPTitle, Base.XPSubject, Base.XPComment)
    )
    captions = captions_of((own or "", title, subject, remark, comment))
    return Metadata(
        taken_at=_taken_at(tags),
        camera=camera_of(text_of(tags.get(Base.Make)), text_of(tags.get(Base.Model))),
        lens=text_of(tags.get(Base.LensModel)) or None,
        position=_position(_directory(exif, IFD.GPSInfo)),
        title=written(title),
        description=own or written(remark) or written(subject) or written(comment),
        focal_length=focal_length_of(tags.get(Base.FocalLength)),
        aperture=aperture_of(tags.get(Base.FNumber), tags.get(Base.ApertureValue)),
        iso=iso_of(*(tags.get(tag) for tag in _ISO)),
        rating=rating_of(tags.get(Base.Rating)),
        keywords=keywords_of(_utf16_tag(tags, Base.XPKeywords).split(";")),
        captions=captions,
    )


def _directory(exif: Image.Exif, ifd: IFD | None) -> dict[int, object]:
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


def _taken_at(tags: Tags) -> datetime | None:
    for date_tag, offset_tag in _TAKEN:
        taken = date_of(text_of(tags.get(date_tag)), text_of(tags.get(offset_tag)))
        if taken:
            return taken
    return None


def _position(tags: Tags) -> tuple[float, float] | None:
    latitude = _degrees(tags.get(GPS.GPSLatitude), tags.get(GPS.GPSLatitudeRef), "NS")
    longitude = _degrees(tags.get(GPS.GPSLongitude), tags.get(GPS.GPSLongitudeRef), "EW")
    return position_of(latitude, longitude)


def _degrees(value: object, hemisphere: object, letters: str) -> float | None:
    letter = text_of(hemisphere).upper()[:1]
    if not letter or letter not in letters or not isinstance(value, tuple):
        return None
    parts = [number_of(part, least=0, most=360) for part in value[:3]]
    degrees = 0.0
    for power, part in enumerate(parts):
        if part is None:
            return None
        degrees += part / 60.0**power
    return -degrees if letter == letters[1] else degrees


def _utf16_tag(tags: Tags, tag: Base) -> str:
    return as_bytes(tags.get(tag)).decode("utf-16-le", "ignore").split("\0", 1)[0]


def _user_comment(value: bytes, order: str | None) -> str:
    charset, text = value[:8].rstrip(b"\0 "), value[8:]
    if charset == b"UNICODE":
        return _utf16(text, order).split("\0", 1)[0]
    if charset == b"JIS":
        return text.decode("iso2022_jp", "ignore")
    return text_of(text if charset in {b"ASCII", b""} else value)


def _utf16(text: bytes, order: str | None) -> str:
    if text[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return text.decode("utf-16", "ignore")
    high_zeros, low_zeros = text[::2].count(0), text[1::2].count(0)
    # the order is the file's, which many programs forget: Latin text gives it away by its zeros
    is_big = high_zeros > low_zeros if high_zeros != low_zeros else order == ">"
    return text.decode("utf-16-be" if is_big else "utf-16-le", "ignore")

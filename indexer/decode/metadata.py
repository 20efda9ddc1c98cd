"""What metadata say of a photo, whatever standard they follow, and how several become one.

The order of sources is the Metadata Working Group's (Guidelines 2.0, chapter 5), but for texts,
where XMP stands first: it alone surely says how it is encoded.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from indexer.records import Facts

# what Pillow raises on damaged metadata
BAD_METADATA = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    EOFError, OverflowError, ZeroDivisionError, AssertionError, struct.error,
)  # fmt: skip

MAX_CHARACTERS = 2000
_MOST_KEYWORDS = 500
_LONGEST_KEYWORD = 200

_DATE = re.compile(
    r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)"
    r"(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.\d*)?)?\s*(Z|[+-]\d\d:?\d\d)?)?"
)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_MADE_BY_CAMERA = re.compile(
    r"(olympus|minolta|konica|pentax|samsung|kodak) digital camera|digital camera|sony dsc"
    r"|exif[_ ]jpeg_.*|dcim\\.*|\S+\.(jpe?g|png|heic)|ascii|unicode|screenshot|oplus_\d+"
    r"|\{.*"  # what programs write for themselves
    r"|[\W\d_]*",  # no letter at all
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What one source says of a photo; the fields of Facts mean what they do there."""

    taken_at: datetime | None = None
    camera: str | None = None
    lens: str | None = None
    position: tuple[float, float] | None = None  # latitude and longitude
    title: str | None = None
    description: str | None = None
    place: str | None = None
    focal_length: float | None = None
    aperture: float | None = None
    iso: int | None = None
    rating: int | None = None
    keywords: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()  # best first

    def over(self, facts: Facts) -> Facts:
        """Give facts with what these metadata say in place of what they said."""
        said = {
            each.name: value
            for each in fields(self)
            if each.name not in {"position", "keywords", "captions"}
            if (value := getattr(self, each.name)) is not None
        }
        if self.taken_at and facts.taken_at:
            said["taken_at"] = _zoned(self.taken_at, facts.taken_at)
        if self.position:
            said["latitude"], said["longitude"] = self.position
        return replace(facts, **said)


def join(*, exif: Metadata, iptc: Metadata, xmp: Metadata) -> Metadata:
    """Make one of what a photo's own metadata say."""
    of_camera = _first((exif, xmp, iptc))
    of_people = _first((xmp, iptc, exif))
    return replace(
        of_camera,
        title=of_people.title,
        description=of_people.description,
        place=of_people.place,
        rating=of_people.rating,
        keywords=distinct((*xmp.keywords, *iptc.keywords, *exif.keywords)),
        captions=distinct((*xmp.captions, *iptc.captions, *exif.captions)),
    )


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Give each text once, however its letters are cased."""
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(text.casefold(), text)
    return tuple(found.values())


def captions_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Give what people wrote of a photo, each once and on one line."""
    return distinct(line for text in texts if (line := written(text)))


def keywords_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Give keywords, each once and on one line."""
    lines = (one_line(text)[:_LONGEST_KEYWORD].rstrip() for text in texts)
    return distinct(line for line in lines if line)[:_MOST_KEYWORDS]


def written(text: str) -> str | None:
    """Give a text that someone wrote, on one line; None for what cameras write by themselves."""
    line = one_line(text)[:MAX_CHARACTERS].rstrip()
    return None if _MADE_BY_CAMERA.fullmatch(line) else line


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


def as_bytes(value: object) -> bytes:
    """Give the bytes that a tag holds, however Pillow gives them."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("latin-1", "ignore")
    if isinstance(value, tuple) and all(
        isinstance(item, int) and 0 <= item < 256 for item in value
    ):
        return bytes(value)
    return b""


def one_line(text: str) -> str:
    """Drop control characters and lone surrogates; collapse white space."""
    kept = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(kept.split())


def date_of(date: str, offset: str = "") -> datetime | None:
    """Read a date and time as EXIF, ISO 8601 or XMP write it; a date alone is its midnight."""
    match = _DATE.match(date)
    if not match:
        return None
    *parts, own_offset = match.groups()
    try:
        zone = _zone(own_offset or offset)
        return datetime(*(int(part or 0) for part in parts), tzinfo=zone)  # type: ignore[misc, arg-type]
    except ValueError:  # 0000:00:00, or the 31st of February
        return None


def camera_of(make: str, model: str) -> str | None:
    """Name a camera by its maker and model, the brand once."""
    brand = make.casefold().split()[:1]
    if brand and model.casefold().split()[:1] == brand:
        return model
    return f"{make} {model}".strip() or None


def position_of(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    """Give a position that can be: cameras without a fix write zeros."""
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def place_of(*names: str) -> str | None:
    """Name a place by its parts, the smallest first: `Montmartre, Paris, France`."""
    return ", ".join(distinct(name for name in map(one_line, names) if name)) or None


def number_of(value: object, *, least: float, most: float) -> float | None:
    """Give a number between two others, inclusive, from whatever a tag holds."""
    if isinstance(value, tuple | list):
        value = value[0] if value else None
    try:
        number = float(value)  # type: ignore[arg-type]  # a TypeError is what we want to know
    except BAD_METADATA:
        return None
    return number if math.isfinite(number) and least <= number <= most else None


def focal_length_of(value: object) -> float | None:
    """Give a focal length in mm; zero stands for an unknown one."""
    found = number_of(value, least=0.1, most=50_000)
    return None if found is None else round(found, 2)


def aperture_of(f_number: object, apex: object = None) -> float | None:
    """Give an f-number, from that itself or from an APEX value (Exif 3.0, annex C)."""
    found = number_of(f_number, least=0.1, most=1000)
    if found is None:
        stops = number_of(apex, least=0.01, most=20)
        found = None if stops is None else 2 ** (stops / 2)
    return None if found is None else round(found, 2)


def iso_of(*values: object) -> int | None:
    """Give the first ISO speed that is none of the values for "more than fits"."""
    for value in values:
        found = number_of(value, least=1, most=100_000_000)
        if found is not None and found != 65535:
            return round(found)
    return None


def rating_of(value: object) -> int | None:
    """Give a rating in stars, 0 to 5, or -1 for a rejected photo (XMP part 1, 8.4)."""
    found = number_of(value, least=-1, most=5)
    return None if found is None else round(found)


def _first(sources: tuple[Metadata, ...]) -> Metadata:
    found: dict[str, Any] = {}
    for each in fields(Metadata):
        said = (getattr(source, each.name) for source in sources)
        found[each.name] = next((value for value in said if value not in {None, ()}), each.default)
    for source in sources:
        if found["taken_at"] and source.taken_at:
            found["taken_at"] = _zoned(found["taken_at"], source.taken_at)
    return Metadata(**found)


def _zoned(time: datetime, other: datetime) -> datetime:
    """Give a time the offset of another source that names the same moment by the clock."""
    is_same = time.tzinfo is None and time == other.replace(tzinfo=None)
    return other if is_same else time


def _is_latin(text: str) -> bool:
    return all(ord(char) < 256 for char in text)


def _zone(offset: str) -> timezone | None:
    if offset == "Z":
        return UTC
    match = _OFFSET.fullmatch(offset)
    if not match:
        return None
    sign, hours, minutes = match.groups()
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-ahead if sign == "-" else ahead) if ahead < timedelta(hours=24) else None

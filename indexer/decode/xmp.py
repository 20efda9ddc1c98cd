"""XMP packets, in a photo or in a file beside it, and what they say of the photo.

XMP part 1 (ISO 16684-1), part 2 (Exif), and IPTC Photo Metadata 2023.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from defusedxml import DefusedXmlException, ElementTree  # type: ignore[import-untyped]

from indexer.decode.metadata import (
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
    one_line,
    place_of,
    position_of,
    rating_of,
    written,
)
from indexer.errors import DecodeError, UnreadableError
from indexer.records import OWN_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from PIL import Image

_MAX_BYTES = 4 * 1024 * 1024
_TIFF_TAG = 700
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_DC = "{http://purl.org/dc/elements/1.1/}"
_XMP = "{http://ns.adobe.com/xap/1.0/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_EXIF_EX = "{http://cipa.jp/exif/1.0/}"
_TIFF = "{http://ns.adobe.com/tiff/1.0/}"
_AUX = "{http://ns.adobe.com/exif/1.0/aux/}"
_IPTC = "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}"
_TAKEN = (f"{_EXIF}DateTimeOriginal", f"{_PHOTOSHOP}DateCreated", f"{_XMP}CreateDate")
_PLACE = (f"{_IPTC}Location", *(f"{_PHOTOSHOP}{part}" for part in ("City", "State", "Country")))
_ALTERNATIVES = (f"{_IPTC}AltTextAccessibility", f"{_IPTC}ExtDescrAccessibility")
_DEGREES = re.compile(r"(\d+)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?([NSEW])")


def read_xmp(image: Image.Image) -> Metadata:
    """Read what an image's packet says."""
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    packet = packet or getattr(image, "tag_v2", {}).get(_TIFF_TAG, b"")
    data = packet.encode("utf-8", "ignore") if isinstance(packet, str) else as_bytes(packet)
    properties = _parsed(data)
    return Metadata() if properties is None else _metadata(properties)


def read_xmp_file(path: Path) -> Metadata:
    """Read what a sidecar says; raises UnreadableError, and DecodeError when it is no XMP."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UnreadableError(f"the file cannot be read: {reason}") from error
    properties = _parsed(data)
    if properties is None:
        raise DecodeError("the file is no XMP: save it anew from the program that wrote it")
    return _metadata(properties)


@dataclass(frozen=True, slots=True)
class _Properties:
    """A packet's properties by `{namespace}name`, each with its texts and their languages."""

    texts: dict[str, list[tuple[str, str]]]

    def all(self, name: str) -> tuple[str, ...]:
        """Give every text of a property."""
        return tuple(text for text, _ in self.texts.get(name, ()))

    def first(self, *names: str) -> str:
        """Give the first text of the first property that has one, its default before others."""
        for name in names:
            found = self.texts.get(name, [])
            default = [text for text, language in found if language == "x-default"]
            for text in (*default, *(text for text, _ in found)):
                if line := one_line(text):
                    return line
        return ""


def _metadata(said: _Properties) -> Metadata:
    title, description = said.first(f"{_DC}title"), said.first(f"{_DC}description")
    own = (*said.all(f"{_DC}description"), *said.all(f"{_DC}title"))
    others = (each for name in _ALTERNATIVES for each in said.all(name))
    latitude, longitude = (
        _degrees(said.first(f"{_EXIF}GPS{axis}")) for axis in ("Latitude", "Longitude")
    )
    return Metadata(
        taken_at=_taken_at(said),
        camera=camera_of(said.first(f"{_TIFF}Make"), said.first(f"{_TIFF}Model")),
        lens=said.first(f"{_EXIF_EX}LensModel", f"{_AUX}Lens") or None,
        position=position_of(latitude, longitude),
        title=written(title) or written(said.first(f"{_PHOTOSHOP}Headline")),
        description=written(description) or written(said.first(*_ALTERNATIVES)),
        place=place_of(*map(said.first, _PLACE)),
        focal_length=focal_length_of(_number(said.first(f"{_EXIF}FocalLength"))),
        aperture=aperture_of(
            _number(said.first(f"{_EXIF}FNumber")), _number(said.first(f"{_EXIF}ApertureValue"))
        ),
        iso=iso_of(
            said.first(f"{_EXIF_EX}PhotographicSensitivity"), said.first(f"{_EXIF}ISOSpeedRatings")
        ),
        rating=rating_of(said.first(f"{_XMP}Rating")),
        keywords=keywords_of(_keywords(said)),
        captions=captions_of((*own, *others)),
    )


def _keywords(said: _Properties) -> Iterator[str]:
    # what sightseek's own labels put there is not read back as if a person had
    own = set(said.all(OWN_LABELS))
    return (text for text in said.all(f"{_DC}subject") if text not in own)


def _taken_at(said: _Properties) -> datetime | None:
    found = (date_of(said.first(name)) for name in _TAKEN)
    return next((taken for taken in found if taken), None)


def _degrees(text: str) -> float | None:
    # `48,51.5N` or `48,51,30N`
    match = _DEGREES.fullmatch(text.replace(" ", "").upper())
    if not match:
        return None
    *parts, letter = match.groups()
    degrees = sum(float(part or 0) / 60.0**power for power, part in enumerate(parts))
    return -degrees if letter in "SW" else degrees


def _number(text: str) -> float | None:
    """Read a number or a fraction: `28/10`."""
    top, _, bottom = text.partition("/")
    number = number_of(top, least=0, most=1e12)
    if not bottom or number is None:
        return number
    divisor = number_of(bottom, least=1e-12, most=1e12)
    return None if divisor is None else number / divisor


def _parsed(packet: bytes) -> _Properties | None:
    if not packet or len(packet) > _MAX_BYTES:
        return None
    try:
        root = ElementTree.fromstring(packet.strip(b"\0 \r\n\t"))
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    top = root if root.tag == f"{_RDF}RDF" else root.find(f".//{_RDF}RDF")
    if top is None:
        return None
    found: dict[str, list[tuple[str, str]]] = {}
    for resource in top:
        for name, text, language in _properties(resource):
            found.setdefault(name, []).append((text, language))
    return _Properties(found)


def _properties(resource: Any) -> Iterator[tuple[str, str, str]]:
    """Yield a resource's properties, which stand in its attributes or its elements."""
    for name, value in resource.attrib.items():
        yield name, value, ""
    for element in resource:
        items = list(element.iter(f"{_RDF}li")) or [element]
        for item in items:
            yield element.tag, "".join(item.itertext()), item.get(_LANGUAGE, "")

"""The captions a photo carries in itself: EXIF, IPTC and XMP. Damaged ones are passed over.

IPTC-IIM 4.2 (datasets 1:90, 2:105, 2:120), XMP part 1 (Dublin Core), Exif 3.0 (UserComment).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from defusedxml import DefusedXmlException, ElementTree  # type: ignore[import-untyped]
from PIL.ExifTags import Base

from indexer.decode.facts import all_tags, one_line, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

MAX_CHARACTERS = 2000

_MAX_XMP_BYTES = 4 * 1024 * 1024
_XP_TAGS = (Base.XPTitle, Base.XPSubject, Base.XPComment)
_IPTC_TIFF_TAG, _XMP_TIFF_TAG = 33723, 700
_IPTC_PHOTOSHOP_BLOCK = 0x0404
_IPTC_CHARSET, _IPTC_HEADLINE, _IPTC_CAPTION = (1, 90), (2, 105), (2, 120)
_UTF8_ESCAPE = b"\x1b%G"
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_LIST_ITEM = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"

_MADE_BY_CAMERA = re.compile(
    r"(olympus|minolta|konica|pentax|samsung|kodak) digital camera|digital camera|sony dsc"
    r"|exif[_ ]jpeg_.*|dcim\\.*|\S+\.(jpe?g|png|heic)|ascii|unicode|screenshot|oplus_\d+"
    r"|\{.*"  # what programs write for themselves
    r"|[\W\d_]*",  # no letter at all
    re.IGNORECASE | re.DOTALL,
)


def read_descriptions(image: Image.Image, exif: Image.Exif) -> tuple[str, ...]:
    """Read the captions in a photo's metadata, best first, each once and on one line."""
    found: dict[str, str] = {}
    for text in (*_from_xmp(image), *_from_iptc(image), *_from_exif(exif)):
        line = one_line(text)[:MAX_CHARACTERS].rstrip()
        if not _MADE_BY_CAMERA.fullmatch(line):
            found.setdefault(line.casefold(), line)
    return tuple(found.values())


def _from_exif(exif: Image.Exif) -> Iterator[str]:
    tags = all_tags(exif)
    yield text_of(tags.get(Base.ImageDescription))
    for tag in _XP_TAGS:
        yield _as_bytes(tags.get(tag)).decode("utf-16-le", "ignore").split("\0", 1)[0]
    yield _user_comment(_as_bytes(tags.get(Base.UserComment)), exif.endian)


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


def _as_bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("latin-1", "ignore")
    if isinstance(value, tuple) and all(
        isinstance(item, int) and 0 <= item < 256 for item in value
    ):
        return bytes(value)
    return b""


def _from_xmp(image: Image.Image) -> Iterator[str]:
    packet = _xmp_packet(image)
    if b"description" not in packet.lower() and b"title" not in packet.lower():
        return
    try:
        root = ElementTree.fromstring(packet.strip(b"\0 \r\n\t"))
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError):
        return
    for name in ("description", "title"):
        for element in root.iter(_DUBLIN_CORE + name):
            items = list(element.iter(_LIST_ITEM)) or [element]
            yield from ("".join(item.itertext()) for item in items)


def _xmp_packet(image: Image.Image) -> bytes:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    packet = packet or getattr(image, "tag_v2", {}).get(_XMP_TIFF_TAG, b"")
    data = packet.encode("utf-8", "ignore") if isinstance(packet, str) else _as_bytes(packet)
    return data if len(data) <= _MAX_XMP_BYTES else b""


def _from_iptc(image: Image.Image) -> Iterator[str]:
    datasets = list(_iptc_datasets(_iptc_block(image)))
    is_utf8 = (_IPTC_CHARSET, _UTF8_ESCAPE) in datasets
    for wanted in (_IPTC_CAPTION, _IPTC_HEADLINE):
        for dataset, value in datasets:
            if dataset == wanted:
                yield value.decode("utf-8", "replace") if is_utf8 else text_of(value)


def _iptc_block(image: Image.Image) -> bytes:
    blocks = image.info.get("photoshop")
    if isinstance(blocks, dict):
        return _as_bytes(blocks.get(_IPTC_PHOTOSHOP_BLOCK))
    return _as_bytes(getattr(image, "tag_v2", {}).get(_IPTC_TIFF_TAG))


def _iptc_datasets(block: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Split IIM data into ((record, dataset), value) until it ends or makes no sense."""
    at = 0
    while at + 5 <= len(block) and block[at] == 0x1C:
        size = int.from_bytes(block[at + 3 : at + 5], "big")
        if size & 0x8000:  # an extended dataset: no caption is that long
            return
        yield (block[at + 1], block[at + 2]), block[at + 5 : at + 5 + size]
        at += 5 + size

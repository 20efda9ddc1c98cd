"""Which photo format a file's first bytes and its name speak of. Decodes nothing."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD_BYTES = 4096  # enough for the magic bytes and a TIFF's first directory

RAW_SUFFIXES = {
    ".3fr": "3FR", ".arw": "ARW", ".cr2": "CR2", ".cr3": "CR3", ".dng": "DNG", ".erf": "ERF",
    ".iiq": "IIQ", ".kdc": "KDC", ".mef": "MEF", ".mos": "MOS", ".nef": "NEF", ".nrw": "NRW",
    ".orf": "ORF", ".pef": "PEF", ".raf": "RAF", ".rw2": "RW2", ".rwl": "RWL", ".sr2": "SR2",
    ".srw": "SRW",
}  # fmt: skip
RAW_FORMATS = frozenset(RAW_SUFFIXES.values()) | {"RAW"}

FORMATS = RAW_FORMATS | {"AVIF", "BMP", "GIF", "HEIF", "JPEG", "PNG", "TIFF", "WEBP"}

PHOTO_SUFFIXES: frozenset[str] = frozenset(RAW_SUFFIXES) | {
    ".avif", ".bmp", ".dib", ".gif", ".heic", ".heics", ".heif", ".heifs", ".hif", ".jfif", ".jpe",
    ".jpeg", ".jpg", ".jxl", ".mpo", ".png", ".tif", ".tiff", ".webp",
}  # fmt: skip

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"FUJIFILMCCD-RAW ", "RAF"),
    (b"IIRO", "ORF"),
    (b"IIRS", "ORF"),
    (b"MMOR", "ORF"),
    (b"IIU\0", "RW2"),
)
_TIFF_MAGIC = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "", b"MM\0+": ""}  # + is BigTIFF
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_DNG_VERSION, _SUBFILE_TYPE, _SUB_IFDS = 50706, 254, 330

_FOREIGN_IMAGES = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"8BPS", "Photoshop"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
)
_FOREIGN_OTHERS = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<svg", "an SVG drawing"),
)


def sniff(head: bytes) -> str | None:
    """Name the photo format that a file's first HEAD_BYTES show, or None."""
    if head[4:8] == b"ftyp":
        return _sniff_boxes(head)
    if head[:4] in _TIFF_MAGIC:
        return _sniff_tiff(head)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def photo_format(head: bytes, path: Path) -> str | None:
    """Name the format to decode as: a TIFF that its name calls RAW holds more than its thumbnail.

    A CR2, NEF or ARW is a TIFF whose first image may be a 160-pixel preview.
    """
    found = sniff(head)
    if found in {"TIFF", "RAW"}:
        return RAW_SUFFIXES.get(path.suffix.lower(), found)
    if found is None and path.suffix.lower() in RAW_SUFFIXES and is_binary(head):
        return RAW_SUFFIXES[path.suffix.lower()]
    return found


def claims_photo(path: Path) -> bool:
    """Tell whether the file's name says that it is a photo."""
    return path.suffix.lower() in PHOTO_SUFFIXES


def foreign_image(head: bytes) -> str | None:
    """Name an image format that is known and cannot be read."""
    return next((name for magic, name in _FOREIGN_IMAGES if head.startswith(magic)), None)


def describe(head: bytes) -> str:
    """Say what bytes that are no photo seem to be, with an article."""
    if head[4:8] == b"ftyp":
        return "a video"
    if not is_binary(head):
        known = (name for magic, name in _FOREIGN_OTHERS if head.lstrip().startswith(magic))
        return next(known, "a text")
    return next((name for magic, name in _FOREIGN_OTHERS if head.startswith(magic)), "other data")


def is_binary(head: bytes) -> bool:
    """Tell whether bytes hold what no text does: a NUL or many control characters."""
    controls = sum(byte < 9 or 13 < byte < 27 for byte in head)
    return b"\0" in head or controls * 20 > len(head)


def _sniff_boxes(head: bytes) -> str | None:
    """Read the brands of an ISO base media file (ISO/IEC 14496-12, 23008-12)."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = {major, *(head[at : at + 4] for at in range(16, end - 3, 4))}
    if major == b"crx ":
        return "CR3"
    if major in _HEIF_BRANDS:
        return "HEIF"
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & _HEIF_BRANDS or major in {b"mif1", b"msf1"} else None


def _sniff_tiff(head: bytes) -> str:
    if head[8:10] == b"CR":
        return "CR2"
    tags = dict(_tiff_tags(head))
    if _DNG_VERSION in tags:
        return "DNG"
    # a first image that calls itself reduced, with the real one in a sub-directory: NEF, ARW, ...
    is_preview = bool(tags.get(_SUBFILE_TYPE, 0) & 1) and _SUB_IFDS in tags
    return "RAW" if is_preview else "TIFF"


def _tiff_tags(head: bytes) -> Iterator[tuple[int, int]]:
    """Yield (tag, value or offset) of the first directory as far as `head` holds it."""
    order = _TIFF_MAGIC[head[:4]]
    if not order or len(head) < 8:
        return
    (start,) = struct.unpack_from(f"{order}I", head, 4)
    if start + 2 > len(head):
        return
    (count,) = struct.unpack_from(f"{order}H", head, start)
    for at in range(start + 2, min(start + 2 + 12 * count, len(head) - 11), 12):
        tag, kind = struct.unpack_from(f"{order}HH", head, at)
        (value,) = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", head, at + 8)
        yield tag, value

"""HEIC photos through libheif. The only module that imports pi_heif (extra `heif`)."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

from indexer.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

_ITEM_ENTRY = re.compile(rb"(?s)(.{4})infe.{8}")


def open_heif(data: bytes, *, check_size: Callable[[tuple[int, int]], None]) -> Image.Image:
    """Decode a HEIF file's primary image, upright: libheif turns it as the file says.

    Raises DecodeError when the extra is missing, and what pi_heif raises on damaged files.
    """
    try:
        import pi_heif
    except ImportError as error:
        raise DecodeError("HEIC photos need an extra: pip install 'sightseek[heif]'") from error
    _check_items(_meta_box(data))
    heif = pi_heif.open_heif(BytesIO(data))
    check_size(heif.size)
    image: Image.Image = heif.to_pillow()
    return image


def _meta_box(data: bytes) -> bytes:
    """Find the top-level `meta` box (ISO/IEC 14496-12, section 8.11)."""
    at = 0
    while at + 16 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:
            break
        if data[at + 4 : at + 8] == b"meta":
            return data[at : at + size]
        at += size
    return b""


def _check_items(meta: bytes) -> None:
    # pi_heif 1.4 crashes the whole process on an item whose type is not UTF-8
    for entry in _ITEM_ENTRY.finditer(meta):
        end = entry.start() + int.from_bytes(entry[1], "big")
        try:
            meta[entry.end() : end].decode()
        except UnicodeDecodeError as error:
            raise DecodeError("the file is damaged: its list of items makes no sense") from error

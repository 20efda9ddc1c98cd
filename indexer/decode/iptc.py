"""IPTC-IIM 4.2 datasets, and what they say of a photo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.decode.metadata import (
    Metadata,
    as_bytes,
    captions_of,
    date_of,
    keywords_of,
    place_of,
    text_of,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from PIL import Image

_TIFF_TAG = 33723
_PHOTOSHOP_BLOCK = 0x0404
_CHARSET, _UTF8_ESCAPE = (1, 90), b"\x1b%G"
_OBJECT_NAME, _KEYWORD, _HEADLINE, _CAPTION = (2, 5), (2, 25), (2, 105), (2, 120)
_DATE, _TIME = (2, 55), (2, 60)
_PLACE = ((2, 92), (2, 90), (2, 95), (2, 101))  # sublocation, city, province, country


def read_iptc(image: Image.Image) -> Metadata:
    """Read what an image's datasets say."""
    found: dict[tuple[int, int], list[str]] = {}
    datasets = list(_datasets(_block(image)))
    is_utf8 = (_CHARSET, _UTF8_ESCAPE) in datasets
    for name, value in datasets:
        text = value.decode("utf-8", "replace") if is_utf8 else text_of(value)
        found.setdefault(name, []).append(text)

    def first(name: tuple[int, int]) -> str:
        return found.get(name, [""])[0]

    return Metadata(
        taken_at=_taken_at(first(_DATE), first(_TIME)),
        title=written(first(_OBJECT_NAME)) or written(first(_HEADLINE)),
        description=written(first(_CAPTION)),
        place=place_of(*map(first, _PLACE)),
        keywords=keywords_of(found.get(_KEYWORD, ())),
        captions=captions_of((*found.get(_CAPTION, ()), *found.get(_HEADLINE, ()))),
    )


def _taken_at(date: str, time: str) -> datetime | None:
    # CCYYMMDD and HHMMSS+HHMM
    day = f"{date[:4]}-{date[4:6]}-{date[6:8]}"
    clock = f"T{time[:2]}:{time[2:4]}:{time[4:6]}" if time else ""
    return date_of(f"{day}{clock}", time[6:])


def _block(image: Image.Image) -> bytes:
    blocks = image.info.get("photoshop")
    if isinstance(blocks, dict):
        return as_bytes(blocks.get(_PHOTOSHOP_BLOCK))
    return as_bytes(getattr(image, "tag_v2", {}).get(_TIFF_TAG))


def _datasets(block: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Split IIM data into ((record, dataset), value) until it ends or makes no sense."""
    at = 0
    while at + 5 <= len(block) and block[at] == 0x1C:
        size = int.from_bytes(block[at + 3 : at + 5], "big")
        if size & 0x8000:  # an extended dataset: no caption is that long
            return
        yield (block[at + 1], block[at + 2]), block[at + 5 : at + 5 + size]
        at += 5 + size

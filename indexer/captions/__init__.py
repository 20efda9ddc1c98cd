"""Captions files to rows: CSV, JSON, JSONL, COCO, Flickr token files and `.txt` sidecars.

Knows how files state captions. Opens no photo and knows no library; `matching.py` tells which
photo a row names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.captions.objects import object_rows
from indexer.captions.tables import is_token_line, table_rows
from indexer.captions.text import COLUMNS_REMEDY, clean_caption, open_text, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexer.records import CaptionRow

__all__ = ["clean_caption", "read_captions", "read_sidecar"]

_HEAD = 1 << 16  # characters that tell the format
_SIDECAR_BYTES = 1 << 16
_SIDECAR_LINES = 100


def read_captions(path: Path) -> Iterator[CaptionRow]:
    """Read a captions file of any known format; blank captions are left out.

    A file that is missing (PathNotFoundError) or of no known shape (CaptionsError) is refused at
    once; a bad line raises CaptionsError when it is reached.
    """
    with open_text(path) as file:
        head = file.read(_HEAD).lstrip("\n")
    if not head.strip():
        refuse(path, "is empty", COLUMNS_REMEDY)
    if head.lstrip()[0] in "{[" and not is_token_line(head):
        return object_rows(path, head)
    return table_rows(path, head)


def read_sidecar(path: Path) -> tuple[str, ...]:
    """Read the `.txt` file beside a photo: each line that is not blank is a caption.

    Raises CaptionsError where it is over 64 KiB or 100 captions: that is some other text.
    """
    with open_text(path) as file:
        if path.stat().st_size > _SIDECAR_BYTES:
            refuse(path, "is over 64 KiB", "keep one caption a line, or rename it")
        captions = tuple(caption for line in file if (caption := clean_caption(line)))
    if len(captions) > _SIDECAR_LINES:
        refuse(path, f"has {len(captions)} captions", "keep at most 100, or rename it")
    return captions

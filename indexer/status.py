"""What a library holds, counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.catalog import captions, photos, spaces

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.library import Library
    from indexer.records import Skipped, Space


@dataclass(frozen=True, slots=True)
class Status:
    """A library in figures."""

    library: Path
    space: Space | None
    photos: int
    captions: int
    skipped: tuple[Skipped, ...]
    bytes: int  # of the library's own files


def read_status(library: Library) -> Status:
    """Count what a library holds."""
    with library.reading() as connection:
        found = spaces.current(connection)
        return Status(
            library=library.path,
            space=found[1] if found else None,
            photos=photos.count(connection),
            captions=captions.count(connection),
            skipped=photos.all_skipped(connection),
            bytes=library.bytes_on_disk(),
        )

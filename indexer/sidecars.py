"""The files beside a photo that tell of it: how they are called, and which there are.

`photo.jpg` may have captions in `photo.jpg.txt` and `photo.txt`, and metadata in `photo.jpg.xmp`,
as darktable and digiKam name it, and in `photo.xmp`, as Lightroom does.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from indexer.records import XMP_SUFFIX, FileStamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SUFFIXES = (".txt", XMP_SUFFIX)


def sidecar_names(name: str) -> tuple[str, ...]:
    """Name the sidecars that a file may have; a sidecar has none."""
    if name.endswith(SUFFIXES):
        return ()
    stem = os.path.splitext(name)[0]  # noqa: PTH122 - a Path for every name is slow
    bases = dict.fromkeys((name, stem))
    return tuple(base + suffix for suffix in SUFFIXES for base in bases)


def claimed_by(names: Iterable[str]) -> frozenset[str]:
    """Return the names that would be some file's sidecar."""
    return frozenset(side for name in names for side in sidecar_names(name))


def sidecars_of(path: Path) -> tuple[FileStamp, ...]:
    """Find the sidecars of one photo."""
    found = (stamp_of(path.with_name(name)) for name in sidecar_names(path.name))
    return tuple(each[1] for each in found if each)


def stamp_of(path: Path) -> tuple[os.stat_result, FileStamp] | None:
    """Examine a file; None where there is none that can be examined."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status, FileStamp(path, status.st_size, status.st_mtime_ns)

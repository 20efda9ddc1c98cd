"""The labels that a library has, in XMP sidecars beside its photos. Writes no photo."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.catalog import keywords, photos, sidecars
from indexer.errors import SidecarError
from indexer.records import Progress, Skipped
from indexer.sidecars import stamp_of
from indexer.xmp_sidecar import sidecar_path, write_labels

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from indexer.catalog.keywords import Owned
    from indexer.library import Library
    from indexer.pipeline import OnProgress


_MANY = 64  # photos between two reports of progress


@dataclass(frozen=True, slots=True)
class Sidecars:
    """What became of the XMP sidecars."""

    changed: int  # made, written anew or removed
    failed: tuple[Skipped, ...] = ()  # by photo


@dataclass(frozen=True, slots=True)
class _Changed:
    photo_id: int
    path: Path
    was_known: bool  # the library had read it as it was


def write_sidecars(
    library: Library,
    within: Collection[int] | None = None,
    *,
    on_progress: OnProgress | None = None,
) -> Sidecars:
    """Make the XMP sidecars of photos, all or those `within`, say what labels the library has."""
    with library.reading() as connection:
        held = photos.contents(connection)
        known = sidecars.of_metadata(connection)
        labels = _by_photo(keywords.all_of(connection, keywords.LABELS))
    wanted = [key for key in held if within is None or key in within]
    changed, failed = [], []
    for done, photo_id in enumerate(wanted):
        if on_progress and not done % _MANY:
            on_progress(Progress("sidecars", done, len(wanted)))
        path = held[photo_id][0]
        side = sidecar_path(path)
        was_known = _stamp(side) == known.get(str(path), {}).get(str(side))
        try:
            if _write(path, labels.get(photo_id, ())):
                changed.append(_Changed(photo_id, side, was_known))
        except SidecarError as error:
            failed.append(Skipped(path, str(error)))
    _remember(library, changed)
    return Sidecars(len(changed), tuple(failed))


def _write(photo: Path, labels: Collection[str]) -> bool:
    if labels and not photo.is_file():
        raise SidecarError(f"{photo} is not there now. Mount its disk, or index its folder again.")
    try:
        return write_labels(photo, labels)
    except SidecarError:
        if os.access(photo.parent, os.W_OK):
            raise
        # of all its photos: one line is enough
        raise SidecarError(
            f"{photo.parent} is a folder that you may not write to. Change its permissions."
        ) from None


def _remember(library: Library, changed: Iterable[_Changed]) -> None:
    """Record sidecars as read where what they said before was: the rest of them is as it was."""
    with library.writing() as connection:
        for each in changed:
            if not each.was_known:
                continue
            found = stamp_of(each.path)
            if found is None:
                sidecars.remove(connection, each.photo_id, str(each.path))
            else:
                sidecars.put(connection, each.photo_id, found[1])


def _stamp(path: Path) -> tuple[int, int] | None:
    found = stamp_of(path)
    return (found[1].size, found[1].mtime_ns) if found else None


def _by_photo(owned: Iterable[Owned]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for photo_id, text in sorted(owned):
        found.setdefault(photo_id, []).append(text)
    return found

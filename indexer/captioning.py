"""Captions from sidecars and captions files into the catalog, each source replaced as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.captions import read_captions, read_sidecar
from indexer.captions.matching import PhotoNames
from indexer.catalog import captions, photos
from indexer.catalog.captions import NewCaption
from indexer.errors import CaptionsError, PathNotFoundError
from indexer.records import IndexReport, Skipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from indexer.records import CaptionRow, FileStamp, PhotoFile


@dataclass(frozen=True, slots=True)
class CaptionFile:
    """A captions file that was read whole, before anything is written."""

    path: Path
    rows: tuple[CaptionRow, ...]

    @classmethod
    def read(cls, path: Path) -> CaptionFile:
        """Read a captions file; raises PathNotFoundError, CaptionsError."""
        try:
            str(path).encode()
        except UnicodeEncodeError:  # the catalog keeps the path, as UTF-8
            raise CaptionsError(f"{path!a} has a name that is not valid UTF-8: rename it") from None
        return cls(path, tuple(read_captions(path)))


def write_files(
    connection: Connection, files: Sequence[CaptionFile], roots: Sequence[Path]
) -> IndexReport:
    """Make each file's rows all the captions that it gives."""
    if not files:
        return IndexReport()
    names = PhotoNames(photos.paths(connection).items(), roots=roots)
    report = IndexReport()
    for file in files:
        report += _write_file(connection, file, names)
    return report


def write_sidecars(connection: Connection, files: Mapping[str, PhotoFile]) -> IndexReport:
    """Read the sidecars that are new or changed, and drop those that are gone."""
    known = captions.sidecars(connection)
    report = IndexReport()
    if not known and not any(file.sidecars for file in files.values()):
        return report  # most libraries: nothing more to read from the catalog
    for path, stamp in photos.stamps(connection).items():
        file = files.get(path)
        if file is None:
            continue  # not listed in this run
        old = known.get(stamp.id, {})
        now = {str(each.path): each for each in file.sidecars}
        for gone in old.keys() - now.keys():
            captions.remove_sidecar(connection, stamp.id, gone)
            report += _replaced(connection, gone, (), stamp.id)
        for sidecar in file.sidecars:
            if old.get(str(sidecar.path)) != (sidecar.size, sidecar.mtime_ns):
                report += _write_sidecar(connection, sidecar, stamp.id)
    return report


def _write_file(connection: Connection, file: CaptionFile, names: PhotoNames) -> IndexReport:
    found: list[NewCaption] = []
    unmatched: dict[str, None] = {}
    ambiguous: dict[str, None] = {}
    for row in file.rows:
        match = names.match(row.image, captions_file=file.path)
        if match.photo_id is not None:
            found.append(NewCaption(match.photo_id, row.text, row.language))
        else:
            (ambiguous if match.is_ambiguous else unmatched)[row.image] = None
    added, removed = captions.replace(connection, str(file.path), found)
    return IndexReport(
        captions_added=added,
        captions_removed=removed,
        captions_unmatched=tuple(unmatched),
        captions_ambiguous=tuple(ambiguous),
    )


def _write_sidecar(connection: Connection, sidecar: FileStamp, photo_id: int) -> IndexReport:
    path = str(sidecar.path)
    try:
        texts = read_sidecar(sidecar.path)
    except (CaptionsError, PathNotFoundError) as error:
        # without its stamp it is tried, and told of, again: there may be access next time
        captions.remove_sidecar(connection, photo_id, path)
        skipped = Skipped(sidecar.path, str(error).removeprefix(f"{path} "))
        return _replaced(connection, path, (), photo_id) + IndexReport(skipped=(skipped,))
    captions.put_sidecar(connection, photo_id, sidecar)
    return _replaced(connection, path, texts, photo_id)


def _replaced(
    connection: Connection, source: str, texts: Sequence[str], photo_id: int
) -> IndexReport:
    new = [NewCaption(photo_id, text) for text in texts]
    added, removed = captions.replace(connection, source, new, photo_id=photo_id)
    return IndexReport(captions_added=added, captions_removed=removed)

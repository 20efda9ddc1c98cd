"""What sidecars and captions files say into the catalog, each source replaced as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.captions import read_captions, read_sidecar
from indexer.captions.matching import PhotoNames
from indexer.catalog import captions, keywords, photos, sidecars
from indexer.catalog.captions import NewCaption
from indexer.errors import CaptionsError, PathNotFoundError
from indexer.records import IndexReport, Keyword, Skipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from indexer.loading import Sidecar
    from indexer.records import CaptionRow, FileStamp, KeywordSource, PhotoFile

SIDECAR: KeywordSource = "sidecar"


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
    """Read the sidecars of captions that are new or changed, and drop those that are gone."""
    known = sidecars.of_captions(connection)
    report = IndexReport()
    if not known and not any(file.texts for file in files.values()):
        return report  # most libraries: nothing more to read from the catalog
    for path, stamp in photos.stamps(connection).items():
        file = files.get(path)
        if file is None:
            continue  # not listed in this run
        old = known.get(stamp.id, {})
        now = {str(each.path): each for each in file.texts}
        for gone in old.keys() - now.keys():
            sidecars.remove(connection, stamp.id, gone)
            report += replaced(connection, gone, (), stamp.id)
        for sidecar in file.texts:
            if old.get(str(sidecar.path)) != (sidecar.size, sidecar.mtime_ns):
                report += _write_sidecar(connection, sidecar, stamp.id)
    return report


def write_metadata(connection: Connection, files: Sequence[Sidecar], photo_id: int) -> IndexReport:
    """Keep the captions and keywords of a photo's XMP sidecars, and drop those of other ones."""
    report = IndexReport()
    kept = {str(each.file.path) for each in files}
    for gone in sidecars.of_photo(connection, photo_id) - kept:
        sidecars.remove(connection, photo_id, gone)
        report += replaced(connection, gone, (), photo_id)
    for each in files:
        path = str(each.file.path)
        report += replaced(connection, path, each.captions, photo_id)
        if each.problem:
            report += IndexReport(skipped=(Skipped(each.file.path, each.problem),))
        if each.lasting:
            sidecars.put(connection, photo_id, each.file)
        else:  # without its stamp it is tried again: there may be access next time
            sidecars.remove(connection, photo_id, path)
    words = [Keyword(text, SIDECAR) for each in files for text in each.keywords]
    keywords.replace(connection, photo_id, SIDECAR, words)
    return report


def replaced(
    connection: Connection, source: str, texts: Sequence[str], photo_id: int
) -> IndexReport:
    """Make texts all the captions that a source gives a photo."""
    new = [NewCaption(photo_id, text) for text in texts]
    added, removed = captions.replace(connection, source, new, photo_id=photo_id)
    return IndexReport(captions_added=added, captions_removed=removed)


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
        sidecars.remove(connection, photo_id, path)
        skipped = Skipped(sidecar.path, str(error).removeprefix(f"{path} "))
        return replaced(connection, path, (), photo_id) + IndexReport(skipped=(skipped,))
    sidecars.put(connection, photo_id, sidecar)
    return replaced(connection, path, texts, photo_id)

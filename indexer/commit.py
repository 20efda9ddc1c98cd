"""A batch of loaded photos to rows of the catalog: added, updated, moved, copied or skipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.captioning import replaced, write_metadata
from indexer.catalog import appearances, captions, keywords, photos, sidecars
from indexer.catalog.captions import EMBEDDED
from indexer.files import is_within
from indexer.loading import Failed, Loaded, NoPhoto
from indexer.plan import is_gone
from indexer.records import IndexReport, Keyword, Skipped

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from sqlalchemy import Connection

    from indexer.loading import Content, Loader, Outcome
    from indexer.plan import Known
    from indexer.records import Photo, PhotoFile


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes loaded files, given what the library knew of them before the run."""

    known: Known
    loader: Loader
    missing: set[int]  # shrinks: ids of photos that the listing did not show and nothing found yet
    roots: Container[str]  # what lies beneath them is missing, or it is not
    kept: Container[str] = ()  # photos that stay even if their files cannot be read now

    def write(self, connection: Connection, batch: Sequence[Outcome]) -> IndexReport:
        """Write a batch, in the transaction that is open."""
        loaded = [item for item in batch if isinstance(item, Loaded)]
        looks = {item.content_hash: item.content.appearance for item in loaded if item.content}
        appearances.put(connection, looks)
        report = IndexReport()
        for item in batch:
            report += self._write(connection, item)
        return report

    def _write(self, connection: Connection, item: Outcome) -> IndexReport:
        if isinstance(item, Loaded):
            return self._write_photo(connection, item)
        path = str(item.file.path)
        if isinstance(item, NoPhoto) and (path in self.roots or path in self.kept):  # it was named
            item = Failed(item.file, "it is no photo", lasting=True)
        if isinstance(item, NoPhoto):  # remembered without a reason: not opened again, not reported
            return self._drop(connection, item.file, reason="")
        report = IndexReport(skipped=(Skipped(item.file.path, item.reason),))
        if not item.lasting or path in self.kept:
            return report  # tried again next time; what is known of the photo stays
        return report + self._drop(connection, item.file, reason=item.reason)

    def _write_photo(self, connection: Connection, item: Loaded) -> IndexReport:
        path = str(item.file.path)
        if path in self.known.skips:
            photos.remove_skips(connection, [path])
        same = photos.by_hash(connection, [item.content_hash]).get(item.content_hash, [])
        if item.content is None and not self._tells_all(connection, item.content_hash, same):
            return self._write_again(connection, item)
        stamp = self.known.stamps.get(path)
        if stamp is not None and any(photo.id == stamp.id for photo in same):
            again = IndexReport(reread=1 if self.known.is_outdated(item.file) else 0)
            return IndexReport(unchanged=1) + again + self._keep(connection, item, stamp.id)
        moved = next((photo for photo in same if self._is_missing(photo)), None)
        if stamp is None and moved is not None:
            self.missing.discard(moved.id)
            return IndexReport(moved=1) + self._keep(connection, item, moved.id)
        report = IndexReport(updated=1) if stamp else IndexReport(added=1)
        if stamp is not None:
            keywords.replace(connection, stamp.id, "labels", ())  # of what was seen in it before
        if item.content is None:
            return report + self._copy(connection, item, same[0], stamp.id if stamp else None)
        return report + self._put(connection, item, item.content, stamp.id if stamp else None)

    def _tells_all(self, connection: Connection, content_hash: bytes, same: list[Photo]) -> bool:
        """Tell whether rows of the same content say all of it, and nothing but what it says."""
        return bool(same) and not sidecars.metadata_paths(connection, content_hash)

    def _is_missing(self, photo: Photo) -> bool:
        path = str(photo.path)
        if is_within(path, self.roots):
            return photo.id in self.missing
        return is_gone(path, self.known.mounts)

    def _keep(self, connection: Connection, item: Loaded, photo_id: int) -> IndexReport:
        """Write what is new of a photo whose content is not: where it lies, or what was read."""
        if item.content is not None:
            return self._put(connection, item, item.content, photo_id)
        photos.restamp(connection, photo_id, item.file)
        return IndexReport()

    def _put(
        self, connection: Connection, item: Loaded, content: Content, photo_id: int | None
    ) -> IndexReport:
        facts = content.facts
        photo_id = photos.put(connection, item.file, item.content_hash, facts, photo_id=photo_id)
        words = [Keyword(text, EMBEDDED) for text in content.keywords]
        keywords.replace(connection, photo_id, EMBEDDED, words)
        report = replaced(connection, EMBEDDED, content.captions, photo_id)
        return report + write_metadata(connection, content.sidecars, photo_id)

    def _copy(
        self, connection: Connection, item: Loaded, same: Photo, photo_id: int | None
    ) -> IndexReport:
        """Write a photo by what another one of the same content says."""
        file, content_hash = item.file, item.content_hash
        photo_id = photos.put(connection, file, content_hash, same.facts, photo_id=photo_id)
        words = keywords.of_photo(connection, same.id, source=EMBEDDED)
        keywords.replace(connection, photo_id, EMBEDDED, words)
        texts = captions.of_photo(connection, same.id, source=EMBEDDED)
        report = replaced(connection, EMBEDDED, texts, photo_id)
        return report + write_metadata(connection, (), photo_id)

    def _write_again(self, connection: Connection, item: Loaded) -> IndexReport:
        # the photo that had this content took on another earlier in this run: two files swapped
        again = self.loader.load(item.file)
        if isinstance(again, Loaded) and again.content_hash != item.content_hash:
            reason = "it changed while it was indexed: index again"
            again = Failed(item.file, reason, lasting=False)
        return self._write(connection, again)

    def _drop(self, connection: Connection, file: PhotoFile, *, reason: str) -> IndexReport:
        photos.put_skip(connection, file, reason, self.known.decoder)
        stamp = self.known.stamps.get(str(file.path))
        if stamp is None:
            return IndexReport()
        photos.remove(connection, [stamp.id])
        return IndexReport(removed=1)

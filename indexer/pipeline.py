"""From folders to a library: list, load, encode and commit, batch by batch.

Knows the order of things. Each step is known elsewhere: what to open in plan.py, decoding in
loading.py, rows in commit.py and captioning.py.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from indexer.background import write_background
from indexer.captioning import CaptionFile, write_files, write_sidecars
from indexer.catalog import appearances, embeddings, photos, sidecars, words
from indexer.catalog import captions as caption_rows
from indexer.commit import Writer
from indexer.decode.photo import DEFAULT_MAX_PIXELS, decoders
from indexer.discover import discover
from indexer.files import absolute
from indexer.loading import Loaded, Loader, Settled
from indexer.plan import Known, find_missing, make_plan, mounts_above
from indexer.progress import published
from indexer.records import IndexReport, Progress
from indexer.switching import kept_unread, left_elsewhere, try_switch, why_lacking

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.loading import Outcome
    from indexer.plan import Plan
    from indexer.records import PhotoFile, Unseen

    AnyPath: TypeAlias = str | os.PathLike[str]
    OnProgress: TypeAlias = Callable[[Progress], None]

T = TypeVar("T")

_MOST_FILES = 256  # files in a batch, however few of them need the model
_MOST_TEXTS = 256
_WORTH_PROCESSES = 256  # files; processes take seconds to start


def index_photos(
    paths: AnyPath | Iterable[AnyPath],
    library: Library,
    encoder: Encoder,
    *,
    captions: AnyPath | Iterable[AnyPath] = (),
    exclude: Sequence[str] = (),
    max_pixels: int = DEFAULT_MAX_PIXELS,
    switch: bool = False,
    on_progress: OnProgress | None = None,
) -> IndexReport:
    """Bring a library up to date with the photos at or beneath paths, and with captions files.

    With `switch`, an encoder of another space than the library's own embeds everything that the
    library holds, wherever it lies; queries use the old space until nothing is lacking in the new.

    Ctrl-C ends the run cleanly: the report says `interrupted`, and what was committed stays.
    Raises PathNotFoundError, CaptionsError, SpaceMismatchError before anything is written, and
    LibraryError for a switch without paths of a library without photos.
    """
    started = time.monotonic()
    roots = tuple(absolute(path) for path in _several(paths))
    listing = discover(roots, exclude=exclude)
    files = [CaptionFile.read(absolute(path)) for path in _several(captions)]
    if switch and not roots:
        library.require_photos()
    loader = Loader(encoder, max_pixels)
    with published(library.path) as publish:
        publish(Progress("listing", 0, 0))
        watching = [publish] if on_progress is None else [publish, on_progress]
        run = _Run.open(library, encoder, loader, watching, switch=switch)
        try:
            plan = run.plan(listing, roots)
            if switch:
                plan = run.plan_elsewhere(plan)
            run.index_files(plan)
            run.index_captions(plan, files)
            write_background(library, encoder, run.space_id)
            if switch:
                run.try_switch()
        except KeyboardInterrupt:
            run.report += IndexReport(interrupted=True)
        library.save_snapshots()
    return replace(run.report, seconds=time.monotonic() - started)


class _Run:
    """One run of the indexer over one library; its report grows step by step."""

    def __init__(
        self,
        library: Library,
        encoder: Encoder,
        loader: Loader,
        watching: Sequence[OnProgress],
        *,
        space_id: int,
        known: Known,
        hashes: set[bytes],
        unsettled: set[bytes],
    ) -> None:
        self.report = IndexReport()
        self._library = library
        self._encoder = encoder
        self._loader = loader
        self._watching = watching
        self.space_id = space_id
        self._known = known
        self._hashes = hashes  # of the contents that have an embedding; grows
        self._settled = Settled(hashes, unsettled)

    @classmethod
    def open(
        cls,
        library: Library,
        encoder: Encoder,
        loader: Loader,
        watching: Sequence[OnProgress],
        *,
        switch: bool,
    ) -> _Run:
        """Take the encoder's space, and read what the library knows before the run."""
        space_id = library.use_space(encoder.space, switch=switch)
        with library.reading() as connection:
            outdated = photos.outdated(connection)
            known = Known(
                stamps=photos.stamps(connection),
                skips=photos.skips(connection),
                mounts=photos.mounts(connection),
                decoder=f"{decoders()}; {loader.max_pixels} pixels",
                lacking=frozenset(photos.without_embedding(connection, space_id)),
                outdated=frozenset(outdated),
                metadata=sidecars.of_metadata(connection),
            )
            unsettled = {*outdated.values(), *sidecars.hashes_with_metadata(connection)}
            hashes = embeddings.hashes(connection, embeddings.PHOTOS, space_id)
        return cls(
            library,
            encoder,
            loader,
            watching,
            space_id=space_id,
            known=known,
            hashes=hashes,
            unsettled=unsettled,
        )

    def plan(self, listing: Iterable[PhotoFile | Unseen], roots: Sequence[Path]) -> Plan:
        """List the files; what needs no more work is reported."""
        # to open the catalog beside SQLite would drop the locks that SQLite has on it
        others = (item for item in listing if not self._library.owns(item.path))
        plan = make_plan(others, roots, self._known)
        self.report += plan.report
        with self._library.writing() as connection:
            photos.put_mounts(connection, mounts_above(plan.seen.values()))
        return plan

    def plan_elsewhere(self, plan: Plan) -> Plan:
        """Add the photos that lack an embedding and lie in no folder of the run."""
        elsewhere = left_elsewhere(self._known, plan)
        return replace(plan, pending=(*plan.pending, *elsewhere))

    def index_files(self, plan: Plan) -> None:
        """Load, encode and commit new and changed files by batches, then drop what is gone."""
        missing = find_missing(plan, self._known)
        gone = set(missing.photo_ids)
        roots = frozenset(map(str, plan.roots))
        kept = kept_unread(self._known, plan)
        writer = Writer(self._known, self._loader, missing=gone, roots=roots, kept=kept)
        self._commit_files(plan.pending, writer)
        with self._library.writing() as connection:
            photos.remove(connection, sorted(gone))  # less those that were found elsewhere
            photos.remove_skips(connection, missing.skips)
        self.report += missing.report + IndexReport(removed=len(gone))

    def _commit_files(self, pending: Sequence[PhotoFile], writer: Writer) -> None:
        done = 0
        if not pending:
            return
        self._tell(Progress("photos", done, len(pending)))
        size = self._encoder.image_batch
        with closing(self._loaded(pending, ahead=2 * size)) as loaded:  # stops at once
            for batch in _batches(loaded, size):
                self._commit(batch, writer)
                done += len(batch)
                self._tell(Progress("photos", done, len(pending)))

    def _loaded(self, files: Sequence[PhotoFile], *, ahead: int) -> Generator[Outcome, None, None]:
        """Load files in order, in other processes where the model outruns this one."""
        preparation = self._encoder.preparation
        if preparation is None or len(files) < _WORTH_PROCESSES:
            return self._loader.load_all(files, self._settled, ahead=ahead)
        from indexer.processes import load_in_processes

        loader = replace(self._loader, encoder=preparation)
        return load_in_processes(loader, files, self._settled, ahead=ahead)

    def index_captions(self, plan: Plan, files: Sequence[CaptionFile]) -> None:
        """Bring captions up to date, and encode the texts that are new."""
        with self._library.writing() as connection:
            self.report += write_sidecars(connection, plan.seen)
            self.report += write_files(connection, files, plan.roots)
        with self._library.reading() as connection:
            texts = caption_rows.without_embedding(connection, self.space_id)
        for done in range(0, len(texts), _MOST_TEXTS):
            self._tell(Progress("captions", done, len(texts)))
            self._commit_texts(texts[done : done + _MOST_TEXTS])
        if texts:
            self._tell(Progress("captions", len(texts), len(texts)))
        with self._library.writing() as connection:
            embeddings.remove_orphans(connection)
            appearances.remove_orphans(connection)

    def try_switch(self) -> None:
        """Let queries use the run's space from now on, unless it lacks what could not be read."""
        with self._library.writing() as connection:
            switch = try_switch(connection, self.space_id)
            # told before the commit, which no signal interrupts once it has begun
            self.report += IndexReport(switch=switch)
        if switch is not None and switch.lacking:
            reasons = {str(skip.path): skip.reason for skip in self.report.skipped}
            lacking = why_lacking(self._library, switch.lacking, reasons)
            self.report += IndexReport(switch=replace(switch, lacking=lacking))

    def _tell(self, progress: Progress) -> None:
        for tell in self._watching:
            tell(progress)

    def _commit(self, batch: Sequence[Outcome], writer: Writer) -> None:
        fresh = {
            item.content_hash: item.content.pixels
            for item in batch
            if isinstance(item, Loaded) and item.content is not None
            if item.content_hash not in self._hashes  # a copy may have come since it was decoded
        }
        vectors = self._encoder.encode_images(list(fresh.values())) if fresh else ()
        rows = dict(zip(fresh, vectors, strict=True))
        with self._library.writing() as connection:
            embeddings.add(connection, embeddings.PHOTOS, self.space_id, rows)
            report = writer.write(connection, batch)
            words.refresh(connection)
            # counted before the commit, which no signal interrupts once it has begun
            self.report += report + IndexReport(encoded=len(fresh))
        self._hashes.update(fresh)

    def _commit_texts(self, texts: Sequence[str]) -> None:
        vectors = self._encoder.encode_texts(texts)
        rows = dict(zip(map(caption_rows.text_hash, texts), vectors, strict=True))
        with self._library.writing() as connection:
            embeddings.add(connection, embeddings.CAPTIONS, self.space_id, rows)


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut a stream where the model's batch is full, or where the list has grown long."""
    batch: list[T] = []
    fresh = 0
    for item in items:
        batch.append(item)
        fresh += isinstance(item, Loaded) and item.content is not None
        if fresh == size or len(batch) == max(_MOST_FILES, size):
            yield batch
            batch, fresh = [], 0
    if batch:
        yield batch


def _several(paths: AnyPath | Iterable[AnyPath]) -> Iterable[AnyPath]:
    return [paths] if isinstance(paths, str | os.PathLike) else paths

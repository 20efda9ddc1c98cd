"""A library's photos to labels by its own model, kept as keywords. Owns what a run writes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog import embeddings, keywords, photos
from indexer.catalog import filters as by_facts
from indexer.records import Progress
from indexer.spaces import empty
from search.labelling import scoring
from search.labelling.templates import filled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from indexer.catalog.keywords import Owned
    from indexer.encoders import Encoder
    from indexer.filters import Filters
    from indexer.library import Library
    from indexer.pipeline import OnProgress
    from indexer.records import Vectors
    from search.labelling.files import Label

SOURCE = keywords.LABELS
_BATCH = 64  # texts between two reports of progress
_SAME = 1e-4  # scores that differ less are not written again


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photo with the labels that apply to it, the surest first."""

    id: int
    path: Path
    labels: tuple[tuple[str, float], ...]  # with their confidences


@dataclass(frozen=True, slots=True)
class Labelling:
    """What a run found, and what it changed of the keywords."""

    photos: int  # that were looked at
    found: tuple[Labelled, ...]  # photos that have labels
    counts: tuple[tuple[str, int], ...]  # photos of each label, most first
    added: int
    removed: int
    kept: int
    others: int  # keywords of these photos from runs with other labels, which stay
    seconds: float


@dataclass(frozen=True, slots=True)
class _Images:
    """Photos with their vectors; copies share one."""

    ids: list[int]
    paths: list[Path]
    rows: list[int]  # of `vectors`, one a photo
    vectors: Vectors


def classify(
    library: Library,
    encoder: Encoder,
    labels: Sequence[Label],
    *,
    background: Vectors,
    templates: Sequence[str] = (),
    min_confidence: float = 0.5,
    max_labels: int | None = None,
    within: Collection[int] | None = None,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> Labelling:
    """Find which labels apply to photos, all or those `within`, and make them their keywords.

    `background` `(k, dim)` are texts of all that photos may show, in any language; a few dozen are
    enough (F1 on validation photos was 0.57 with 36 of them, and 0.58 with 284).

    Keywords that a former run of these labels gave and that apply no more go; those of other
    labels, of files and of people stay. With `dry_run` nothing is written. The whole library is
    what is usual, whatever is labelled. Raises SpaceMismatchError, and LibraryError for an empty
    library.
    """
    start = time.perf_counter()
    images = _images(library, encoder)
    names = [name for label in labels for name in label.names]
    starts = np.cumsum([0, *(len(label.names) for label in labels[:-1])])
    groups = [filled(name, templates) for name in names]
    vectors = scoring.ensembles(groups, partial(_encode, encoder, on_progress=on_progress))
    norms = scoring.fit_norms(images.vectors, vectors, background)
    given = list(
        scoring.give(
            images.vectors,
            vectors,
            norms,
            starts.tolist(),
            min_confidence=min_confidence,
            max_labels=max_labels,
        )
    )
    found = _found(images, labels, given, within)
    looked_at = set(images.ids) if within is None else set(images.ids).intersection(within)
    return _written(
        library, found, [label.name for label in labels], looked_at, start=start, dry_run=dry_run
    )


def photos_that(library: Library, filters: Filters) -> Collection[int] | None:
    """Return the ids of the photos that fulfil filters; None for all, when there are none."""
    if not filters:
        return None
    with library.reading() as connection:
        return frozenset(by_facts.photo_ids(connection, filters).tolist())


def clear(
    library: Library,
    labels: Collection[str] | None = None,
    *,
    within: Collection[int] | None = None,
    dry_run: bool = False,
) -> Labelling:
    """Take the keywords that runs gave from photos: of all labels, or of these."""
    start = time.perf_counter()
    with library.reading() as connection:
        held = set(photos.contents(connection))
        names = keywords.counts(connection, SOURCE) if labels is None else labels
    looked_at = held if within is None else held.intersection(within)
    return _written(library, (), list(names), looked_at, start=start, dry_run=dry_run)


def _encode(encoder: Encoder, texts: Sequence[str], *, on_progress: OnProgress | None) -> Vectors:
    batches = []
    for start in range(0, len(texts), _BATCH):
        batches.append(encoder.encode_texts(texts[start : start + _BATCH]))
        if on_progress:
            on_progress(Progress("texts", min(start + _BATCH, len(texts)), len(texts)))
    return np.concatenate(batches)


def _images(library: Library, encoder: Encoder) -> _Images:
    with library.reading_space(encoder.space) as (connection, space_id):
        held = photos.contents(connection)
        hashes = list(dict.fromkeys(content_hash for _, content_hash in held.values()))
        vectors = embeddings.by_hash(
            connection, embeddings.PHOTOS, space_id, hashes, dim=encoder.dim
        )
    # a damaged vector is not a number: no search finds it, and no label
    vectors = {key: vector for key, vector in vectors.items() if np.isfinite(vector).all()}
    if not vectors:
        raise empty(library.path)
    place = {content_hash: row for row, content_hash in enumerate(vectors)}
    # a photo that another run is adding has no vector yet
    shown = [(key, path, place[own]) for key, (path, own) in held.items() if own in place]
    ids, paths, rows = (list(column) for column in zip(*shown, strict=True))
    return _Images(ids, paths, rows, np.stack(list(vectors.values())))


def _found(
    images: _Images,
    labels: Sequence[Label],
    given: Iterable[scoring.Given],
    within: Collection[int] | None,
) -> tuple[Labelled, ...]:
    of_row: dict[int, list[tuple[str, float]]] = {}
    for each in given:
        of_row.setdefault(each.photo, []).append((labels[each.label].name, each.confidence))
    return tuple(
        Labelled(photo_id, path, tuple(of_row[row]))
        for photo_id, path, row in zip(images.ids, images.paths, images.rows, strict=True)
        if row in of_row and (within is None or photo_id in within)
    )


def _written(
    library: Library,
    found: Sequence[Labelled],
    names: Sequence[str],
    looked_at: Collection[int],
    *,
    start: float,
    dry_run: bool,
) -> Labelling:
    wanted: dict[Owned, float | None] = {
        (each.id, name): confidence for each in found for name, confidence in each.labels
    }
    if dry_run:
        with library.reading() as connection:
            old, others = _former(connection, names, looked_at)
    else:
        with library.writing() as connection:
            old, others = _former(connection, names, looked_at)
            gone = old.keys() - wanted.keys()
            new = {key: score for key, score in wanted.items() if not _is_same(old, key, score)}
            keywords.change(connection, SOURCE, remove=gone, put=new)
    counts = dict.fromkeys(names, 0)
    for _, name in wanted:
        counts[name] += 1
    return Labelling(
        photos=len(looked_at),
        found=tuple(found),
        counts=tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))),
        added=len(wanted.keys() - old.keys()),
        removed=len(old.keys() - wanted.keys()),
        kept=len(old.keys() & wanted.keys()),
        others=others,
        seconds=time.perf_counter() - start,
    )


def _former(
    connection: Connection, names: Collection[str], looked_at: Collection[int]
) -> tuple[dict[Owned, float | None], int]:
    """Return what former runs gave these photos of these labels, and count their other labels."""
    own = set(names)
    all_given = keywords.all_of(connection, SOURCE)
    here = {key: score for key, score in all_given.items() if key[0] in looked_at}
    old = {key: score for key, score in here.items() if key[1] in own}
    return old, len(here) - len(old)


def _is_same(old: dict[Owned, float | None], key: Owned, score: float | None) -> bool:
    before = old.get(key)
    return before is not None and score is not None and abs(before - score) < _SAME

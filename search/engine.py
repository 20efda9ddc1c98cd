"""A query to ranked hits: encode, find the nearest vectors, look up their rows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from indexer.catalog import captions, embeddings, photos
from indexer.errors import DecodeError
from indexer.files import absolute
from search.ranking import combine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.records import Caption, Ids, Photo, Vector
    from search.query import Query, Target, Term

    Found: TypeAlias = tuple[float, Photo, Caption | None]


@dataclass(frozen=True, slots=True)
class Hit:
    """One result; `score` is the cosine between query and photo, or query and caption."""

    rank: int  # from 1
    score: float
    photo: Photo
    caption: Caption | None = None  # set when captions were searched for


@dataclass(frozen=True, slots=True)
class Results:
    """The hits of a query, best first."""

    query: Query
    model: str
    hits: tuple[Hit, ...]


class SearchEngine:
    """Searches one library with the model that encoded it."""

    def __init__(
        self, library: Library, encoder: Encoder, *, max_pixels: int | None = None
    ) -> None:
        self._library = library
        self._encoder = encoder
        self._max_pixels = max_pixels  # of a photo to search by; None for the decoder's own cap

    def search(self, query: Query) -> Results:
        """Rank a library's photos or captions by their cosine to the query.

        Raises SpaceMismatchError when the library holds no vectors of the encoder's, DecodeError or
        FetchError for a photo that cannot be read, QueryError when terms cancel out.
        """
        self._library.require_space(self._encoder.space)
        # of the encoder's own space, though the library may have changed to another by now; and
        # before the query is encoded: the model may be loading in another thread
        index = self._library.vectors(query.target, self._encoder.space)
        vector = self.encode(query)
        hidden = _own_paths(query)
        wanted = query.top_k + len(hidden)
        while True:
            scores, ids = index.search(vector, wanted)
            rows = self._rows(query.target, scores, ids)
            found = [row for row in rows if not _is_in(row, hidden)]
            # rows that another process has just removed leave gaps: look further
            if len(found) >= query.top_k or wanted >= len(index):
                break
            wanted *= 2
        hits = [Hit(rank, *row) for rank, row in enumerate(found[: query.top_k], start=1)]
        return Results(query, self._encoder.space.model, tuple(hits))

    def encode(self, query: Query) -> Vector:
        """Encode a query: the weighted sum of its terms, of unit length; `(dim,)`."""
        texts = [term.value for term in query.terms if term.kind == "text"]
        encoded = iter(self._encoder.encode_texts(texts)) if texts else iter(())
        vectors = [
            next(encoded) if term.kind == "text" else self._photo_vector(term)
            for term in query.terms
        ]
        return combine(np.stack(vectors), [term.weight for term in query.terms])

    def _photo_vector(self, term: Term) -> Vector:
        path = absolute(term.value)
        stored = self._stored_vector(path) if term.kind == "photo" else None
        if stored is not None:
            return stored
        try:
            return self._encoded(term, path)
        except DecodeError as error:
            raise type(error)(f"{term.value} cannot be searched by: {error}.") from error

    def _encoded(self, term: Term, path: Path) -> Vector:
        from indexer.decode.photo import DEFAULT_MAX_PIXELS, decode, read_photo
        from search.fetch import fetch

        data = fetch(term.value) if term.kind == "url" else read_photo(path)
        max_pixels = self._max_pixels or DEFAULT_MAX_PIXELS
        side = self._encoder.image_size
        image = decode(data, path=path, min_side=side, max_pixels=max_pixels).image
        vector: Vector = self._encoder.encode_images([self._encoder.preprocess(image)])[0]
        return vector

    def _stored_vector(self, path: Path) -> Vector | None:
        """Find the vector of a photo that the library holds as it is now: no need to decode it."""
        with self._library.reading_space(self._encoder.space) as (connection, space_id):
            try:
                status = path.stat()
                found = photos.by_path(connection, path)
            except (OSError, UnicodeEncodeError):  # a name in no UTF-8 is in no catalog
                return None
            if found is None:
                return None
            photo, stamp = found
            if (stamp.size, stamp.mtime_ns) != (status.st_size, status.st_mtime_ns):
                return None
            keys = [photo.content_hash]
            dim = self._encoder.dim
            vectors = embeddings.by_hash(connection, embeddings.PHOTOS, space_id, keys, dim=dim)
            return vectors.get(photo.content_hash)

    def _rows(self, target: Target, scores: Vector, ids: Ids) -> Iterator[Found]:
        """Yield the rows behind embeddings: copies of a photo share one, as equal captions do."""
        with self._library.reading() as connection:
            if target == "photos":
                yield from _photo_rows(connection, scores, ids)
            else:
                yield from _caption_rows(connection, scores, ids)


def _photo_rows(connection: Connection, scores: Vector, ids: Ids) -> Iterator[Found]:
    hashes = embeddings.hashes_by_id(connection, embeddings.PHOTOS, ids.tolist())
    found = photos.by_hash(connection, list(hashes.values()))
    for score, key in zip(scores.tolist(), ids.tolist(), strict=True):
        for photo in found.get(hashes.get(key, b""), ()):
            yield score, photo, None


def _caption_rows(connection: Connection, scores: Vector, ids: Ids) -> Iterator[Found]:
    hashes = embeddings.hashes_by_id(connection, embeddings.CAPTIONS, ids.tolist())
    found = captions.by_text_hash(connection, list(hashes.values()))
    for score, key in zip(scores.tolist(), ids.tolist(), strict=True):
        same = found.get(hashes.get(key, b""), ())
        for caption in _once_a_photo(same):
            yield score, caption.photo, caption


def _once_a_photo(same: Sequence[Caption]) -> Iterator[Caption]:
    """Yield one of the equal captions of each photo: several sources may give it."""
    seen: set[int] = set()
    for caption in same:
        if caption.photo.id not in seen:
            seen.add(caption.photo.id)
            yield caption


def _own_paths(query: Query) -> frozenset[str]:
    if not query.exclude_self or query.target != "photos":
        return frozenset()
    photo_terms = (term for term in query.terms if term.kind == "photo")
    return frozenset(os.path.realpath(absolute(term.value)) for term in photo_terms)


def _is_in(row: Found, paths: frozenset[str]) -> bool:
    return bool(paths) and os.path.realpath(row[1].path) in paths

"""A query to the vectors that its channels search by. Knows no ranking."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog import embeddings, photos
from indexer.errors import DecodeError, QueryError
from indexer.files import absolute
from search.feedback import refine
from search.marks import vectors_of_captions, vectors_of_photos
from search.ranking import combine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from PIL import Image

    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.records import Vector
    from search.query import Channel, Query, Target
    from search.terms import Term

_NOTHING: Mapping[str, Vector] = {}


@dataclass(frozen=True, slots=True)
class QueryVectors:
    """A query as its channels meet it: vectors of unit length, and texts for their words."""

    whole: Vector  # (dim,), of all terms
    text: Vector | None  # (dim,), of its texts alone; None where they ask for nothing
    texts: tuple[str, ...] = ()  # those that are asked for
    against: tuple[str, ...] = ()  # and those that are asked against

    def by(self, channel: Channel, target: Target) -> Vector:
        """Return what a channel searches by: captions of photos are met by texts alone.

        The cosines of photos and captions lie on another scale than those of texts and captions.
        """
        if channel == "caption" and target == "photos" and self.text is not None:
            return self.text
        return self.whole


@dataclass(frozen=True, slots=True)
class EncodedPhoto:
    """A photo as a model sees it."""

    vector: Vector  # (dim,), of unit length
    image: (
        Image.Image
    )  # upright, RGB; its shorter side is twice what the model needs, or all it has


@dataclass(frozen=True, slots=True)
class QueryEncoder:
    """Encodes queries to one library with the model that encoded it."""

    library: Library
    encoder: Encoder
    max_pixels: int | None = None  # of a photo to search by; None for the decoder's own cap

    def encode(self, query: Query, given: Mapping[str, Vector] = _NOTHING) -> QueryVectors:
        """Encode a query: the weighted sum of its terms, with feedback, and that of its texts.

        `given` are the vectors of its photos that are given with it, by their keys. Raises
        DecodeError or FetchError for a photo that cannot be read, QueryError when terms cancel out
        and for a photo of the feedback that the library does not hold.
        """
        found = self._terms(query, given) if query.terms else None
        if found is not None and not (query.like or query.unlike):
            return found
        return self._refined(found, query)

    def encode_photo(self, data: bytes, *, path: Path) -> EncodedPhoto:
        """Encode the photo in these bytes; `path` is only asked for its suffix.

        Raises DecodeError.
        """
        from indexer.decode.photo import DEFAULT_MAX_PIXELS, decode

        max_pixels = self.max_pixels or DEFAULT_MAX_PIXELS
        side = self.encoder.image_size
        image = decode(data, path=path, min_side=side, max_pixels=max_pixels).image
        vector = self.encoder.encode_images([self.encoder.preprocess(image)])[0]
        return EncodedPhoto(vector, image)

    def _terms(self, query: Query, given: Mapping[str, Vector]) -> QueryVectors:
        texts = [term.value for term in query.terms if term.kind == "text"]
        encoded = iter(self.encoder.encode_texts(texts)) if texts else iter(())
        vectors = [
            next(encoded) if term.kind == "text" else self._photo_vector(term, given)
            for term in query.terms
        ]
        weights = [term.weight for term in query.terms]
        whole = combine(np.stack(vectors), weights)
        of_text = [i for i, term in enumerate(query.terms) if term.kind == "text"]
        text = _sum([vectors[i] for i in of_text], [weights[i] for i in of_text])
        return QueryVectors(whole, text, query.texts, query.against)

    def _refined(self, found: QueryVectors | None, query: Query) -> QueryVectors:
        """Move each of a query's vectors by what is marked, as its own channel sees that."""
        space, dim = self.encoder.space, self.encoder.dim
        with self.library.reading_space(space) as (connection, space_id):
            liked, unliked = (
                vectors_of_photos(connection, space_id, ids, dim=dim)
                for ids in (query.like, query.unlike)
            )
            whole = refine(found.whole if found else None, liked=liked, unliked=unliked)
            if found is None:
                return QueryVectors(whole, None)
            if found.text is None or "caption" not in query.used_channels:
                return replace(found, whole=whole)
            index = self.library.vectors("captions", space)
            liked, unliked = (
                vectors_of_captions(connection, space_id, ids, index)
                for ids in (query.like, query.unlike)
            )
        return replace(found, whole=whole, text=refine(found.text, liked=liked, unliked=unliked))

    def _photo_vector(self, term: Term, given: Mapping[str, Vector]) -> Vector:
        if term.kind == "given":
            return given[term.value]
        path = absolute(term.value)
        stored = self._stored_vector(path) if term.kind == "photo" else None
        if stored is not None:
            return stored
        try:
            return self._encoded(term, path)
        except DecodeError as error:
            raise type(error)(f"{term.value} cannot be searched by: {error}.") from error

    def _encoded(self, term: Term, path: Path) -> Vector:
        from indexer.decode.photo import read_photo
        from search.fetch import fetch

        data = fetch(term.value) if term.kind == "url" else read_photo(path)
        return self.encode_photo(data, path=path).vector

    def _stored_vector(self, path: Path) -> Vector | None:
        """Find the vector of a photo that the library holds as it is now: no need to decode it."""
        with self.library.reading_space(self.encoder.space) as (connection, space_id):
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
            dim = self.encoder.dim
            vectors = embeddings.by_hash(connection, embeddings.PHOTOS, space_id, keys, dim=dim)
            return vectors.get(photo.content_hash)


def _sum(vectors: Sequence[Vector], weights: Sequence[float]) -> Vector | None:
    """Add up the vectors of texts; None where they ask for nothing, or only against something."""
    if max(weights, default=0) <= 0:
        return None
    try:
        return combine(np.stack(vectors), weights)
    except QueryError:  # they cancel out, and the photos remain
        return None

"""A query to ranked hits: encode, let each channel rank, fuse the rankings, look up the rows."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from indexer.files import absolute
from search.channels import Scope
from search.encoding import QueryEncoder
from search.evidence import DEPTH, fused
from search.results import Results
from search.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.records import Photo
    from search.encoding import QueryVectors
    from search.query import Query, Target
    from search.results import Hit


class SearchEngine:
    """Searches one library with the model that encoded it."""

    def __init__(
        self, library: Library, encoder: Encoder, *, max_pixels: int | None = None
    ) -> None:
        self._library = library
        self._space = encoder.space
        self._queries = QueryEncoder(library, encoder, max_pixels)

    def search(self, query: Query) -> Results:
        """Rank a library's photos or captions for a query.

        Raises SpaceMismatchError when the library holds no vectors of the encoder's, DecodeError or
        FetchError for a photo that cannot be read, QueryError when terms cancel out.
        """
        self._library.require_space(self._space)
        # of the encoder's own space, though the library may have changed to another by now; and
        # before the query is encoded: the model may be loading in another thread
        indexes = {each: self._library.vectors(each, self._space) for each in _targets(query)}
        vectors = self._queries.encode(query)
        with self._library.reading_space(self._space) as (connection, space_id):
            scope = Scope(connection, space_id, query.target, indexes)
            hits = tuple(islice(_hits(query, vectors, scope), query.top_k))
        return Results(query, self._space.model, hits)


def _targets(query: Query) -> set[Target]:
    """Tell whose vectors a query meets: those it scores, and those that a channel ranks."""
    return {query.target} | ({"captions"} if "caption" in query.used_channels else set())


def _hits(query: Query, vectors: QueryVectors, scope: Scope) -> Iterator[Hit]:
    hidden = _own_paths(query)
    wanted = query.top_k + len(hidden)
    first, *others = query.used_channels
    rankings = [scope.rank(first, vectors, depth=max(DEPTH, wanted))]
    rankings += [scope.rank(channel, vectors, depth=DEPTH) for channel in others]
    ranked = fused(scope, vectors, rankings)
    rows = Rows.of(scope, vectors, rankings)
    found = chain.from_iterable(
        rows.hits(ranked[start : start + wanted]) for start in range(0, len(ranked), wanted)
    )
    shown = (hit for hit in found if not _is_in(hit.photo, hidden))
    for rank, hit in enumerate(shown, start=1):
        yield replace(hit, rank=rank)


def _own_paths(query: Query) -> frozenset[str]:
    if not query.exclude_self or query.target != "photos":
        return frozenset()
    photo_terms = (term for term in query.terms if term.kind == "photo")
    return frozenset(os.path.realpath(absolute(term.value)) for term in photo_terms)


def _is_in(photo: Photo, paths: frozenset[str]) -> bool:
    return bool(paths) and os.path.realpath(photo.path) in paths

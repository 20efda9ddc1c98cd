"""How each channel ranks a library for a query. Knows nothing of how rankings are joined.

A channel ranks items by their ids: photos, or captions when those are searched for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.catalog import captions, photos
from indexer.catalog import filters as filter_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from indexer.filters import Filters
    from indexer.records import Ids, Vector, Vectors
    from indexer.vectors import FaissIndex
    from search.encoding import QueryVectors
    from search.query import Channel, Query, Target


class Placed(NamedTuple):
    """One item of a ranking."""

    id: int
    score: float
    caption_id: int | None = None  # the caption by which an item was found


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one channel found, best first, each item once."""

    channel: Channel
    items: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """One state of a library's catalog, in one space, to be ranked for one target.

    What no filter leaves out is ranked as if there was nothing else.
    """

    connection: Connection
    space_id: int
    target: Target
    indexes: Mapping[Target, FaissIndex]
    filters: Filters
    kept: frozenset[int] | None  # the ids of the items that pass the filters; None for all

    @classmethod
    def open(
        cls,
        connection: Connection,
        space_id: int,
        query: Query,
        indexes: Mapping[Target, FaissIndex],
    ) -> Scope:
        """Ask the catalog which items a query's filters keep."""
        ids = filter_rows.photo_ids if query.target == "photos" else filter_rows.caption_ids
        kept = frozenset(ids(connection, query.filters).tolist()) if query.filters else None
        return cls(connection, space_id, query.target, indexes, query.filters, kept)

    def rank(self, channel: Channel, query: QueryVectors, *, depth: int) -> Ranking:
        """Rank the `depth` best items of one channel."""
        if channel == "image":
            items = self._nearest("photos", query.whole, self._photos, depth=depth)
        elif self.target == "captions":
            items = self._nearest("captions", query.whole, self._captions, depth=depth)
        elif channel == "caption" and query.text is not None:
            items = self._nearest("captions", query.text, self._captioned, depth=depth)
        else:
            items = ()
        return Ranking(channel, items)

    def cosines(self, query: QueryVectors, items: Sequence[int]) -> dict[int, float]:
        """Return the cosine to the query of each of these items that has a vector."""
        rows = photos if self.target == "photos" else captions
        keys = rows.embedding_ids(self.connection, self.space_id, items)
        wanted = np.unique(np.fromiter(keys.values(), np.int64, len(keys)))
        scores, ids = self.indexes[self.target].search(query.whole, len(wanted), allowed=wanted)
        by_key = dict(zip(ids.tolist(), scores.tolist(), strict=True))
        return {item: by_key[key] for item, key in keys.items() if key in by_key}

    def _nearest(
        self,
        kind: Target,
        query: Vector,
        items_of: Callable[[Ids, Vector], Iterable[Placed]],
        *,
        depth: int,
    ) -> tuple[Placed, ...]:
        """Rank items by the vectors of photos or of captions."""
        index, allowed = self.indexes[kind], self.allowed(kind)
        most = len(index if allowed is None else allowed)
        wanted = depth
        while True:
            scores, ids = index.search(query, wanted, allowed=allowed)
            best: dict[int, Placed] = {}
            for item in items_of(ids, scores):
                if self.kept is None or item.id in self.kept:  # a copy may lie elsewhere
                    best.setdefault(item.id, item)
            # what shares an item, or was just removed by another process, leaves gaps: look further
            if len(best) >= depth or wanted >= most:
                return tuple(best.values())[:depth]
            wanted *= 2

    def allowed(self, kind: Target) -> Ids | None:
        """Return the embeddings of what passes the filters; None for all."""
        if not self.filters:
            return None
        if kind == "photos":
            return filter_rows.photo_embedding_ids(self.connection, self.space_id, self.filters)
        return filter_rows.caption_embedding_ids(self.connection, self.space_id, self.filters)

    def vectors(self, items: Sequence[int]) -> Vectors:
        """Return the vectors of items that were found, in their order; `(n, dim)`."""
        rows = photos if self.target == "photos" else captions
        keys = rows.embedding_ids(self.connection, self.space_id, items)
        wanted = np.fromiter((keys[item] for item in items), np.int64, len(items))
        return self.indexes[self.target].vectors(wanted)

    def _photos(self, ids: Ids, scores: Vector) -> Iterator[Placed]:
        owners = photos.ids_by_embedding(self.connection, ids.tolist())
        for key, score in zip(ids.tolist(), scores.tolist(), strict=True):
            for photo_id in owners.get(key, ()):
                yield Placed(photo_id, score)

    def _captions(self, ids: Ids, scores: Vector) -> Iterator[Placed]:
        owners = captions.ids_by_embedding(self.connection, ids.tolist())
        for key, score in zip(ids.tolist(), scores.tolist(), strict=True):
            for caption_id, _ in _once_a_photo(owners.get(key, ())):
                yield Placed(caption_id, score, caption_id)

    def _captioned(self, ids: Ids, scores: Vector) -> Iterator[Placed]:
        owners = captions.ids_by_embedding(self.connection, ids.tolist())
        for key, score in zip(ids.tolist(), scores.tolist(), strict=True):
            for caption_id, photo_id in _once_a_photo(owners.get(key, ())):
                yield Placed(photo_id, score, caption_id)


def _once_a_photo(same: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """Keep the first of the equal captions of each photo: several sources may give it."""
    first: dict[int, int] = {}
    for caption_id, photo_id in same:
        first.setdefault(photo_id, caption_id)
    return [(caption_id, photo_id) for photo_id, caption_id in first.items()]

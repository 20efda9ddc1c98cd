"""How each channel ranks a library for a query. Knows nothing of how rankings are joined.

A channel ranks items by their ids: photos, or captions when those are searched for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import numpy as np

from indexer.catalog import captions, photos, words
from indexer.catalog import filters as filter_rows
from search.fusion import LEAST_SPREAD, Spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from indexer.filters import Filters
    from indexer.records import Ids, Vector, Vectors
    from indexer.vectors import FaissIndex
    from search.encoding import QueryVectors
    from search.query import Channel, Query, Target

_CAPTIONS = 3  # of a photo, as a first guess: a second search takes as long as the first


_SAMPLE, _ROWS = 512, 64  # captions, and those of them that are compared with all, to tell a spread
_FEW = 8  # captions have no spread to speak of
_SAME = 0.9999


class Passing(TypedDict, total=False):
    """What passes a query's filters, as far as the catalog was asked."""

    items: frozenset[int]  # the ids of what is ranked
    photos: Ids  # those of embeddings
    captions: Ids


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
    nats: float = 0.0  # of words: what it tells that an item has them all


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
    passing: Passing = field(default_factory=Passing)

    @classmethod
    def open(
        cls,
        connection: Connection,
        space_id: int,
        query: Query,
        indexes: Mapping[Target, FaissIndex],
        passing: Passing | None = None,
    ) -> Scope:
        """Scope what a query ranks; `passing` is what is known of its filters already."""
        filters = query.filters
        known = Passing() if passing is None else passing
        return cls(connection, space_id, query.target, indexes, filters, known)

    @property
    def kept(self) -> frozenset[int] | None:
        """The ids of the items that pass the filters; None for all."""
        if not self.filters:
            return None
        if "items" not in self.passing:
            ids = filter_rows.photo_ids if self.target == "photos" else filter_rows.caption_ids
            self.passing["items"] = frozenset(ids(self.connection, self.filters).tolist())
        return self.passing["items"]

    def rank(self, channel: Channel, query: QueryVectors, *, depth: int) -> Ranking:
        """Rank the `depth` best items of one channel; all that have some of the words."""
        if channel == "words":
            return self._with_words(query)
        items_of = self._photos if channel == "image" else self._captioned
        if self.target == "captions":
            items_of = self._captions
        vector = query.by(channel, self.target)
        return Ranking(channel, self._nearest(channel, vector, items_of, depth=depth))

    def cosines(
        self, channel: Channel, query: QueryVectors, items: Sequence[int]
    ) -> dict[int, float]:
        """Return a channel's cosine for each of these items that has one; of several the best."""
        if channel == "caption" and self.target == "photos":
            keys = captions.embedding_ids_of_photos(self.connection, self.space_id, items)
        else:
            table = photos if channel == "image" else captions
            found = table.embedding_ids(self.connection, self.space_id, items)
            keys = {item: [key] for item, key in found.items()}
        wanted = np.array(sorted({key for each in keys.values() for key in each}), np.int64)
        ids, rows = self._index(channel).rows(wanted)
        scores = np.clip(rows @ query.by(channel, self.target), -1, 1)  # rounding may pass 1
        known = np.isfinite(scores)  # a damaged vector has no cosine
        by_key = dict(zip(ids[known].tolist(), scores[known].tolist(), strict=True))
        best = {item: [by_key[key] for key in each if key in by_key] for item, each in keys.items()}
        return {item: max(each) for item, each in best.items() if each}

    def spread(self, channel: Channel, query: QueryVectors) -> Spread:
        """Tell how a channel's cosines to a query lie in the whole library.

        Where no caption has to do with a query, their cosines lie close together, and the best of
        them would stand out of them as far as one that tells: they are held to the spread that
        captions have among themselves.
        """
        mean, deviation = self._index(channel).spread(query.by(channel, self.target))
        if channel == "caption":
            deviation = max(deviation, LEAST_SPREAD * _own_spread(self._index(channel)))
        return Spread(mean, deviation)

    def _index(self, channel: Channel) -> FaissIndex:
        return self.indexes["photos" if channel == "image" else "captions"]

    def _with_words(self, query: QueryVectors) -> Ranking:
        index = words.PHOTOS if self.target == "photos" else words.CAPTIONS
        matches = words.find(self.connection, index, query.texts, query.against)
        passing = self.kept
        kept = [each for each in matches.shares if passing is None or each[0] in passing]
        if self.target == "photos":
            return Ranking("words", tuple(Placed(*each) for each in kept), matches.nats)
        first = captions.first_equal(self.connection, [key for key, _ in kept])
        own = tuple(Placed(key, share, key) for key, share in kept if first.get(key) == key)
        return Ranking("words", own, matches.nats)

    def _nearest(
        self,
        channel: Channel,
        query: Vector,
        items_of: Callable[[Ids, Vector], Iterable[Placed]],
        *,
        depth: int,
    ) -> tuple[Placed, ...]:
        """Rank items by the vectors of photos or of captions."""
        kind: Target = "photos" if channel == "image" else "captions"
        index, allowed, kept = self.indexes[kind], self.allowed(kind), self.kept
        most = len(index if allowed is None else allowed)
        wanted = depth if channel == "image" else _CAPTIONS * depth
        while True:
            scores, ids = index.search(query, wanted, allowed=allowed)
            best: dict[int, Placed] = {}
            for item in items_of(ids, scores):
                if kept is None or item.id in kept:  # a copy may lie elsewhere
                    best.setdefault(item.id, item)
            # what shares an item, or was just removed by another process, leaves gaps: look further
            if len(best) >= depth or wanted >= most:
                return tuple(best.values())[:depth]
            wanted *= 2

    def allowed(self, kind: Target) -> Ids | None:
        """Return the embeddings of what passes the filters; None for all."""
        if not self.filters:
            return None
        if kind not in self.passing:
            of_photos = kind == "photos"
            ids = (
                filter_rows.photo_embedding_ids if of_photos else filter_rows.caption_embedding_ids
            )
            self.passing[kind] = ids(self.connection, self.space_id, self.filters)
        return self.passing[kind]

    def vectors(self, items: Sequence[int]) -> Vectors:
        """Return the vectors of items that were found, in their order; `(n, dim)`.

        One that has just left, as another thread has seen already, is near to nothing: zeros.
        """
        rows = photos if self.target == "photos" else captions
        keys = rows.embedding_ids(self.connection, self.space_id, items)
        wanted = np.fromiter((keys.get(item, -1) for item in items), np.int64, len(items))
        held, found = self.indexes[self.target].rows(np.unique(wanted))
        vectors = np.zeros((len(items), found.shape[1]), np.float32)
        is_held = np.isin(wanted, held)
        vectors[is_held] = found[np.searchsorted(held, wanted[is_held])]
        return vectors

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


def _own_spread(index: FaissIndex) -> float:
    """Return how the cosines of a caption to all others typically deviate; 0 for a few captions."""
    rows = index.sample(_SAMPLE)
    if len(rows) < _FEW:
        return 0.0
    cosines = rows[:: max(1, len(rows) // _ROWS)] @ rows.T
    cosines[cosines > _SAME] = np.nan  # a caption beside itself
    return float(np.nanstd(cosines, axis=1).mean())


def _once_a_photo(same: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """Keep the first of the equal captions of each photo: several sources may give it."""
    first: dict[int, int] = {}
    for caption_id, photo_id in same:
        first.setdefault(photo_id, caption_id)
    return [(caption_id, photo_id) for photo_id, caption_id in first.items()]

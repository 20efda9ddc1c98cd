"""A query to ranked hits: encode, let each channel rank, fuse the rankings, look up the rows."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from search.calibration import Calibration
from search.channels import Scope
from search.diversity import diversify
from search.encoding import QueryEncoder
from search.evidence import DEPTH, fused
from search.hidden import Hidden
from search.results import Results, is_good
from search.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.records import Space
    from search.encoding import QueryVectors
    from search.query import Query, Target
    from search.results import Hit

_POOL, _POOL_SHARE = 100, 5  # hits that diversity chooses from: at least, and for each to be shown
_PLACES = 60  # by so many places the first hits differ little, as in reciprocal rank fusion


class SearchEngine:
    """Searches one library with the model that encoded it."""

    def __init__(
        self, library: Library, encoder: Encoder, *, max_pixels: int | None = None
    ) -> None:
        self._library = library
        self._space = encoder.space
        self._queries = QueryEncoder(library, encoder, max_pixels)

    @property
    def space(self) -> Space:
        """The identity of the vectors that queries become."""
        return self._space

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
            scope = Scope.open(connection, space_id, query, indexes)
            found = _hits(query, vectors, scope)
            wanted = query.top_k
            if query.diverse is not None:
                wanted = max(_POOL, _POOL_SHARE * query.top_k)
            calibration = Calibration.read(query, vectors, scope)
            judged = calibration.applied(_best(found, wanted, query, scope))
            if query.diverse is not None:
                judged = _diversified(judged, query, scope)
        ranked = [replace(hit, rank=rank) for rank, hit in enumerate(judged, start=1)]
        good = tuple(hit for hit in ranked if is_good(hit, query.min_confidence))
        rest = tuple(hit for hit in ranked if not is_good(hit, query.min_confidence))
        return Results(query, self._space.model, good, rest, calibration.doubt)


def _targets(query: Query) -> set[Target]:
    """Tell whose vectors a query meets: those it scores, and those that a channel ranks."""
    return {query.target} | ({"captions"} if "caption" in query.used_channels else set())


def _hits(query: Query, vectors: QueryVectors, scope: Scope) -> Iterator[Hit]:
    hidden = Hidden.of(scope.connection, query)
    wanted = query.top_k + hidden.most
    first, *others = query.used_channels
    rankings = [scope.rank(first, vectors, depth=max(DEPTH, wanted))]
    rankings += [scope.rank(channel, vectors, depth=DEPTH) for channel in others]
    ranked = fused(scope, vectors, rankings)
    rows = Rows.of(scope, vectors, rankings)
    found = chain.from_iterable(
        rows.hits(ranked[start : start + wanted]) for start in range(0, len(ranked), wanted)
    )
    return (hit for hit in found if hit.photo not in hidden)


def _best(found: Iterator[Hit], wanted: int, query: Query, scope: Scope) -> tuple[Hit, ...]:
    if not query.collapse or query.target != "photos":
        return tuple(islice(found, wanted))
    from search.collapse import collapsed

    return tuple(collapsed(found, wanted, scope))


def _diversified(hits: Sequence[Hit], query: Query, scope: Scope) -> tuple[Hit, ...]:
    """Reorder the best hits so that each adds something; scores stay what they are."""
    # what is not sure enough is different, too, and would take the places of what is
    sure = [hit for hit in hits if is_good(hit, query.min_confidence)] or hits
    balance = 1.0 if query.diverse is None else query.diverse
    vectors = scope.vectors([_item(hit) for hit in sure])
    # by place: scores of different channels do not compare
    relevance = [1 / (_PLACES + place) for place in range(1, len(sure) + 1)]
    shown = diversify(relevance, vectors, balance=balance, top_k=query.top_k)
    return tuple(sure[place] for place in shown)


def _item(hit: Hit) -> int:
    return hit.caption.id if hit.caption else hit.photo.id

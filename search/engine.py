"""A query to ranked hits: encode, let each channel rank, fuse the rankings, look up the rows."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from search.calibration import Backgrounds
from search.channels import Scope
from search.diversity import diversify
from search.encoding import QueryEncoder
from search.evidence import DEPTH, fused
from search.hidden import Hidden
from search.ranked import Ranked
from search.results import Results, is_good
from search.rows import Rows, placed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from indexer.encoders import Encoder
    from indexer.library import Library
    from indexer.records import Space, Vector
    from search.channels import Ranking
    from search.encoding import EncodedPhoto, QueryVectors
    from search.query import Query, Target
    from search.results import Doubt, Hit

_POOL, _POOL_SHARE = 100, 5  # hits that diversity chooses from: at least, and for each to be shown
_PLACES = 60  # by so many places the first hits differ little, as in reciprocal rank fusion
_NONE: Mapping[str, Vector] = {}


class SearchEngine:
    """Searches one library with the model that encoded it."""

    def __init__(
        self, library: Library, encoder: Encoder, *, max_pixels: int | None = None
    ) -> None:
        self._library = library
        self._space = encoder.space
        self._queries = QueryEncoder(library, encoder, max_pixels)
        self._backgrounds = Backgrounds()

    @property
    def space(self) -> Space:
        """The identity of the vectors that queries become."""
        return self._space

    def search(self, query: Query, *, given: Mapping[str, Vector] = _NONE) -> Results:
        """Rank a library's photos or captions for a query.

        `given` are the vectors of photos that come with it, by their keys. Raises
        SpaceMismatchError when the library holds no vectors of the encoder's, DecodeError or
        FetchError for a photo that cannot be read, QueryError when terms cancel out.
        """
        with self._asked(query, given) as (vectors, scope):
            found = _hits(query, vectors, scope)
            wanted = query.top_k
            if query.diverse is not None:
                wanted = max(_POOL, _POOL_SHARE * query.top_k)
            calibration = self._backgrounds.calibration(query, vectors, scope)
            judged = calibration.applied(_best(found, wanted, query, scope))
            if query.diverse is not None:
                judged = _diversified(judged, query, scope)
        ranked = [replace(hit, rank=rank) for rank, hit in enumerate(judged, start=1)]
        good = tuple(hit for hit in ranked if is_good(hit, query.min_confidence))
        rest = tuple(hit for hit in ranked if not is_good(hit, query.min_confidence))
        return Results(query, self._space.model, good, rest, calibration.doubt)

    def encode_photo(self, data: bytes, *, name: str = "") -> EncodedPhoto:
        """Encode a photo that comes as bytes, whose vector may be given with queries.

        Its name is only asked for its suffix. Raises DecodeError.
        """
        return self._queries.encode_photo(data, path=Path(name))

    def rank(self, query: Query, depth: int, *, given: Mapping[str, Vector] = _NONE) -> Ranked:
        """Order a library for a query, at least `depth` deep, and look up no rows yet.

        Raises what `search` raises. What is read beside the order is up to who asks: `top_k`,
        `diverse`, `collapse` and `min_confidence` do not matter here.
        """
        with self._asked(query, given) as (vectors, scope):
            rankings = _rankings(query, vectors, scope, depth)
            return Ranked(
                query,
                vectors,
                fused(scope, vectors, rankings),
                placed(rankings),
                scope.indexes,
                scope.passing,
                is_whole=len(rankings[0].items) < depth,
            )

    def confidences(
        self, ranked: Ranked, ids: Sequence[int]
    ) -> tuple[list[float | None], Doubt | None]:
        """Tell how sure items of an order are, and why nothing is known of it or all are at 0."""
        with self._scope(ranked) as scope:
            calibration = self._backgrounds.calibration(ranked.query, ranked.vectors, scope)
            return calibration.confidences(ranked.sighted(ids)), calibration.doubt

    def hits(self, ranked: Ranked, ids: Sequence[int], *, collapse: bool) -> tuple[Hit, ...]:
        """Look up items of an order, in the order of `ids`; their confidences are not told.

        What is hidden or was removed is left out; what shows the same as a better one of them is
        put under that.
        """
        with self._scope(ranked) as scope:
            hidden = Hidden.of(scope.connection, ranked.query)
            rows = Rows(scope, ranked.vectors, ranked.places)
            found = (hit for hit in rows.hits(ids) if hit.photo not in hidden)
            if not collapse:
                return tuple(found)
            from search.collapse import grouped

            return tuple(grouped(tuple(found), scope))

    def diversified(self, ranked: Ranked, ids: Sequence[int], *, balance: float) -> list[int]:
        """Reorder items of an order so that each adds something."""
        with self._scope(ranked) as scope:
            vectors = scope.vectors(ids)
        shown = diversify(_relevance(len(ids)), vectors, balance=balance, top_k=len(ids))
        return [ids[place] for place in shown]

    @contextmanager
    def _asked(
        self, query: Query, given: Mapping[str, Vector]
    ) -> Iterator[tuple[QueryVectors, Scope]]:
        self._library.require_space(self._space)
        # of the encoder's own space, though the library may have changed to another by now; and
        # before the query is encoded: the model may be loading in another thread
        indexes = {each: self._library.vectors(each, self._space) for each in _targets(query)}
        vectors = self._queries.encode(query, given)
        with self._library.reading_space(self._space) as (connection, space_id):
            yield vectors, Scope.open(connection, space_id, query, indexes)

    @contextmanager
    def _scope(self, ranked: Ranked) -> Iterator[Scope]:
        with self._library.reading_space(self._space) as (connection, space_id):
            yield Scope.open(connection, space_id, ranked.query, ranked.indexes, ranked.passing)


def _targets(query: Query) -> set[Target]:
    """Tell whose vectors a query meets: those it scores, and those that a channel ranks."""
    return {query.target} | ({"captions"} if "caption" in query.used_channels else set())


def _hits(query: Query, vectors: QueryVectors, scope: Scope) -> Iterator[Hit]:
    hidden = Hidden.of(scope.connection, query)
    wanted = query.top_k + hidden.most
    rankings = _rankings(query, vectors, scope, wanted)
    ranked = fused(scope, vectors, rankings)
    rows = Rows(scope, vectors, placed(rankings))
    found = chain.from_iterable(
        rows.hits(ranked[start : start + wanted]) for start in range(0, len(ranked), wanted)
    )
    return (hit for hit in found if hit.photo not in hidden)


def _rankings(query: Query, vectors: QueryVectors, scope: Scope, wanted: int) -> list[Ranking]:
    first, *others = query.used_channels
    rankings = [scope.rank(first, vectors, depth=max(DEPTH, wanted))]
    return rankings + [scope.rank(channel, vectors, depth=DEPTH) for channel in others]


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
    shown = diversify(_relevance(len(sure)), vectors, balance=balance, top_k=query.top_k)
    return tuple(sure[place] for place in shown)


def _item(hit: Hit) -> int:
    return hit.caption.id if hit.caption else hit.photo.id


def _relevance(count: int) -> list[float]:
    # by place: scores of different channels do not compare
    return [1 / (_PLACES + place) for place in range(1, count + 1)]

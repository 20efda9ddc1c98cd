"""What a request asks for, and an answer to it from a library. Knows no HTTP."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from indexer.catalog import listing, photos
from indexer.errors import UsageError
from search.query import CUT_OFF, Channel, Query, Target
from search.web import models
from search.web.rendering import asked_for, listed_hit, shown_hit

if TYPE_CHECKING:
    from search.line import Line
    from search.results import Hit
    from search.web.desk import Desk

_FIRST = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """A search, as the API takes it."""

    line: Line
    photo: str | None = None
    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    target: Target = "photos"
    channels: tuple[Channel, ...] = get_args(Channel)
    diverse: float | None = None
    collapse: bool = True
    min_confidence: float = 0.0
    limit: int = 60
    cursor: str | None = None

    @property
    def is_ranked(self) -> bool:
        """Whether anything of it ranks."""
        return bool(self.line.terms or self.like or self.photo)

    def query(self, top_k: int) -> Query:
        """Return what an engine is asked."""
        return Query(
            self.line.terms,
            target=self.target,
            top_k=top_k,
            channels=self.channels,
            filters=self.line.filters,
            like=self.like,
            unlike=self.unlike,
            diverse=self.diverse,
            collapse=self.collapse and self.target == "photos",
        )


def answer(desk: Desk, asked: Asked) -> models.Found:
    """Search, or list where nothing ranks."""
    return _ranked(desk, asked) if asked.is_ranked else _listed(desk, asked)


def _listed(desk: Desk, asked: Asked) -> models.Found:
    library = desk.library()
    after, given = None, 0
    if asked.cursor:
        given, taken_at, photo_id = _read_cursor(asked.cursor)
        after = listing.Place(taken_at, photo_id)
    with library.reading() as connection:
        places = listing.newest(connection, asked.line.filters, limit=asked.limit + 1, after=after)
        total = listing.count(connection, asked.line.filters)
        shown = places[: asked.limit]
        known = photos.by_id(connection, [place.id for place in shown])
    hits = tuple(
        listed_hit(known[place.id], rank=rank) for rank, place in enumerate(shown, start=given + 1)
    )
    more = len(places) > len(shown)
    space = library.space
    return models.Found(
        query=asked_for(asked.line, target=asked.target),
        is_ranked=False,
        hits=hits,
        next=_cursor(given + len(shown), *shown[-1]) if more else None,
        total=total,
        cut_off=None,
        doubt=None,
        model=space.model if space else None,
    )


def _ranked(desk: Desk, asked: Asked) -> models.Found:
    engine = desk.engine()
    start = _read_cursor(asked.cursor)[0] if asked.cursor else 0
    top_k = max(_FIRST, start + asked.limit + 1)
    results = engine.search(asked.query(top_k))
    query = results.query
    by_words = query.is_told and not (query.like or query.unlike)
    cut_off = CUT_OFF if by_words and results.doubt is None else None
    hits = sorted(results.hits, key=lambda hit: not _is_good(hit, cut_off))
    shown = hits[start : start + asked.limit]
    with desk.library().reading() as connection:
        total = listing.count(connection, asked.line.filters)
    return models.Found(
        query=asked_for(
            asked.line,
            photo=asked.photo,
            like=asked.like,
            unlike=asked.unlike,
            target=asked.target,
        ),
        is_ranked=True,
        hits=tuple(
            shown_hit(hit, rank=rank, is_good=_is_good(hit, cut_off))
            for rank, hit in enumerate(shown, start=start + 1)
        ),
        next=_cursor(start + len(shown)) if len(hits) > start + len(shown) else None,
        total=total,
        cut_off=cut_off,
        doubt=results.doubt,
        model=results.model,
    )


def _is_good(hit: Hit, cut_off: float | None) -> bool:
    return cut_off is None or hit.confidence is None or hit.confidence >= cut_off


def _cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[Any, ...]:
    try:
        return tuple(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))
    except ValueError:
        raise UsageError("This cursor is none. Start without one.") from None

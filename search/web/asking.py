"""A search as it is asked for, and a page of its results. Knows no HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, get_args

from indexer.catalog import listing, photos
from indexer.errors import SightseekError
from search.line import Line
from search.query import Channel, Query, Target
from search.terms import Term
from search.web import models
from search.web.cursors import Cursor, read_cursor, write_cursor
from search.web.rankings import Ranking
from search.web.rendering import asked_for, listed_hit, shown_hit

if TYPE_CHECKING:
    from indexer.records import Vector
    from search.web.desk import Desk


@dataclass(frozen=True, slots=True)
class Asked:
    """What is searched for; without anything that ranks, photos are listed."""

    line: Line = field(default_factory=Line)
    photo: str | None = None  # the key of one that was handed over
    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    target: Target = "photos"
    channels: tuple[Channel, ...] = get_args(Channel)
    diverse: float | None = None
    collapse: bool = True
    min_confidence: float = 0.0

    @property
    def is_ranked(self) -> bool:
        """Whether anything of it ranks."""
        return bool(self.line.terms or self.like or self.photo)

    @property
    def digest(self) -> str:
        """Name what is asked for."""
        return blake2b(repr(self).encode(), digest_size=8).hexdigest()

    def query(self) -> Query:
        """Return what an engine is asked. Raises UsageError."""
        given = (Term("given", self.photo),) if self.photo else ()
        return Query(
            (*self.line.terms, *given),
            target=self.target,
            channels=self.channels,
            min_confidence=self.min_confidence,
            filters=self.line.filters,
            like=self.like,
            unlike=self.unlike,
            diverse=self.diverse,
            collapse=self.collapse and self.target == "photos",
        )


def page_of(desk: Desk, asked: Asked, *, limit: int, cursor: str | None) -> models.Found:
    """Answer a search with one page. Raises SightseekError."""
    place = read_cursor(cursor, query=asked.digest) if cursor else Cursor(0, asked.digest)
    if asked.is_ranked:
        return _ranked(desk, asked, place, limit)
    return _listed(desk, asked, place, limit)


def _ranked(desk: Desk, asked: Asked, place: Cursor, limit: int) -> models.Found:
    state = desk.state()
    # a later page goes on with what was ranked, whatever has changed since
    key = (place.query, place.state)
    ranking = desk.rankings.find(key) if place.state else None
    if ranking is None:
        key = (place.query, state)
        ranking = desk.rankings.find(key) or desk.rankings.keep(key, _ranking(desk, asked))
    try:
        page = ranking.page(place.start, limit)
    except SightseekError:
        desk.rankings.drop(key)
        raise
    after = place._replace(start=place.start + limit, state=key[1])
    return models.Found(
        query=_asked_for(asked),
        is_ranked=True,
        hits=tuple(map(shown_hit, page.hits)),
        next=write_cursor(after) if page.has_more else None,
        total=_total(desk, asked),
        cut_off=ranking.cut_off,
        doubt=ranking.doubt,
        model=ranking.model,
    )


def _ranking(desk: Desk, asked: Asked) -> Ranking:
    query = asked.query()
    engine = desk.engine()
    given: dict[str, Vector] = {}
    if asked.photo:
        given[asked.photo] = desk.handed.vector(asked.photo, engine=engine)
    return Ranking(engine, query, given=given)


def _listed(desk: Desk, asked: Asked, place: Cursor, limit: int) -> models.Found:
    library = desk.library()
    space = library.space
    after = listing.Place(place.taken_at, place.id) if place.start else None
    filters = asked.line.filters
    with library.reading() as connection:
        found = listing.newest(connection, filters, limit=limit + 1, after=after)
        total = listing.count(connection, filters)
        known = photos.by_id(connection, [each.id for each in found[:limit]])
    hits = tuple(
        listed_hit(known[each.id], rank=rank)
        for rank, each in enumerate(found[:limit], start=place.start + 1)
    )
    following = None
    if len(found) > limit:
        taken_at, photo_id = found[limit - 1]
        following = place._replace(start=place.start + limit, taken_at=taken_at, id=photo_id)
    return models.Found(
        query=_asked_for(asked),
        is_ranked=False,
        hits=hits,
        next=write_cursor(following) if following else None,
        total=total,
        cut_off=None,
        model=space.model if space else None,
    )


def _asked_for(asked: Asked) -> models.AskedFor:
    return asked_for(
        asked.line,
        photo=asked.photo,
        like=asked.like,
        unlike=asked.unlike,
        target=asked.target,
    )


def _total(desk: Desk, asked: Asked) -> int:
    with desk.library().reading() as connection:
        if asked.target == "captions":
            return listing.count_captions(connection, asked.line.filters)
        return listing.count(connection, asked.line.filters)

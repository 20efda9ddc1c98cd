"""Photos in the order of time: a page of them, newest first, and those of a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, func, or_, select

from indexer.catalog.filters import holds
from indexer.catalog.schema import caption, photo

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from indexer.filters import Filters


class Place(NamedTuple):
    """Where a photo stands in the order."""

    taken_at: str | None  # as the catalog has it
    id: int


def count(connection: Connection, filters: Filters) -> int:
    """Count the photos that fulfil filters."""
    query = select(func.count()).select_from(photo)
    if filters:
        query = query.where(holds(filters))
    return int(connection.execute(query).scalar_one())


def count_captions(connection: Connection, filters: Filters) -> int:
    """Count the captions of those photos."""
    query = select(func.count()).select_from(caption)
    if filters:
        query = query.where(caption.c.photo_id.in_(select(photo.c.id).where(holds(filters))))
    return int(connection.execute(query).scalar_one())


def newest(
    connection: Connection, filters: Filters, *, limit: int, after: Place | None = None
) -> list[Place]:
    """Return the first places of the photos that fulfil filters, or the first after another.

    Newest first; those without a time come last.
    """
    query = select(photo.c.taken_at, photo.c.id).where(holds(filters))
    if after is not None:
        query = query.where(_is_after(after))
    ordered = query.order_by(photo.c.taken_at.desc().nulls_last(), photo.c.id.desc())
    return [Place(*row) for row in connection.execute(ordered.limit(limit))]


def hashes_between(
    connection: Connection, start: datetime, end: datetime, *, camera: str, limit: int
) -> list[bytes]:
    """Return the contents that a camera took from one moment of its clock to another."""
    query = (
        select(photo.c.content_hash)
        .where(
            photo.c.taken_at >= start.isoformat(),
            photo.c.taken_at <= f"{end.isoformat()}~",  # behind what follows: parts of it, offsets
            photo.c.camera == camera,
        )
        .order_by(photo.c.taken_at)
    )
    return list(connection.execute(query.limit(limit)).scalars())


def _is_after(place: Place) -> ColumnElement[bool]:
    taken_at = photo.c.taken_at
    if place.taken_at is None:
        return and_(taken_at.is_(None), photo.c.id < place.id)
    same = and_(taken_at == place.taken_at, photo.c.id < place.id)
    return or_(taken_at < place.taken_at, same, taken_at.is_(None))

"""Photos in the order of time, newest first, a page at a time; those without a time are last."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, func, or_, select

from indexer.catalog.filters import holds
from indexer.catalog.schema import photo

if TYPE_CHECKING:
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


def newest(
    connection: Connection, filters: Filters, *, limit: int, after: Place | None = None
) -> list[Place]:
    """Return the first places of the photos that fulfil filters, or the first after another."""
    query = select(photo.c.taken_at, photo.c.id).where(holds(filters))
    if after is not None:
        query = query.where(_is_after(after))
    ordered = query.order_by(photo.c.taken_at.desc().nulls_last(), photo.c.id.desc())
    return [Place(*row) for row in connection.execute(ordered.limit(limit))]


def _is_after(place: Place) -> ColumnElement[bool]:
    taken_at = photo.c.taken_at
    if place.taken_at is None:
        return and_(taken_at.is_(None), photo.c.id < place.id)
    same = and_(taken_at == place.taken_at, photo.c.id < place.id)
    return or_(taken_at < place.taken_at, same, taken_at.is_(None))

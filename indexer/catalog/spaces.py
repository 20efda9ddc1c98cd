"""The embedding spaces that a library holds, one of them current."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from indexer.catalog.schema import space
from indexer.records import Space

if TYPE_CHECKING:
    from sqlalchemy import Connection


def current(connection: Connection) -> tuple[int, Space] | None:
    """Return the id and identity of the space that queries use, if one was ever chosen."""
    columns = (space.c.model, space.c.weights_digest, space.c.preprocessing_digest, space.c.dim)
    row = connection.execute(select(space.c.id, *columns).where(space.c.is_current)).one_or_none()
    return None if row is None else (row[0], Space(*row[1:]))


def rename(connection: Connection, space_id: int, model: str) -> None:
    """Record another name to load a space's model by."""
    connection.execute(update(space).where(space.c.id == space_id).values(model=model))


def make_current(connection: Connection, chosen: Space) -> int:
    """Record a space, make it the current one, and return its id."""
    found = connection.execute(
        select(space.c.id).where(
            space.c.weights_digest == chosen.weights_digest,
            space.c.preprocessing_digest == chosen.preprocessing_digest,
        )
    ).scalar_one_or_none()
    connection.execute(update(space).values(is_current=False))
    if found is not None:
        connection.execute(update(space).where(space.c.id == found).values(is_current=True))
        return int(found)
    new = insert(space).values(
        model=chosen.model,
        weights_digest=chosen.weights_digest,
        preprocessing_digest=chosen.preprocessing_digest,
        dim=chosen.dim,
        is_current=True,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return int(connection.execute(new.returning(space.c.id)).scalar_one())

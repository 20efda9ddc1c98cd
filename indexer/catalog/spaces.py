"""The embedding spaces that a library holds, one of them current."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from indexer.catalog.schema import space
from indexer.records import Space

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Held:
    """A space that a library holds."""

    id: int
    space: Space
    is_current: bool  # queries use it
    is_ready: bool  # it was filled once: a query of its model may meet it


def held(connection: Connection) -> tuple[Held, ...]:
    """Return every space that the library holds, oldest first."""
    identity = (space.c.model, space.c.weights_digest, space.c.preprocessing_digest, space.c.dim)
    columns = (space.c.id, space.c.is_current, space.c.ready_at, *identity)
    rows = connection.execute(select(*columns).order_by(space.c.id))
    return tuple(
        Held(row.id, Space(*row[3:]), row.is_current, row.ready_at is not None) for row in rows
    )


def current(connection: Connection) -> tuple[int, Space] | None:
    """Return the id and identity of the space that queries use, if one was ever chosen."""
    return next(((each.id, each.space) for each in held(connection) if each.is_current), None)


def find(connection: Connection, wanted: Space) -> Held | None:
    """Return a space as the library holds it, whatever its name; None where it does not."""
    return next((each for each in held(connection) if each.space.same_as(wanted)), None)


def rename(connection: Connection, space_id: int, model: str) -> None:
    """Record another name to load a space's model by."""
    connection.execute(update(space).where(space.c.id == space_id).values(model=model))


def add(connection: Connection, new: Space) -> int:
    """Record a space that is to be filled, and return its id."""
    statement = insert(space).values(
        model=new.model,
        weights_digest=new.weights_digest,
        preprocessing_digest=new.preprocessing_digest,
        dim=new.dim,
        is_current=False,
        created_at=_now(),
    )
    return int(connection.execute(statement.returning(space.c.id)).scalar_one())


def make_current(connection: Connection, space_id: int) -> None:
    """Make a space the one that queries use; it counts as filled from now on."""
    connection.execute(update(space).values(is_current=space.c.id == space_id))
    ready_at = func.coalesce(space.c.ready_at, _now())
    connection.execute(update(space).where(space.c.id == space_id).values(ready_at=ready_at))


def remove(connection: Connection, space_id: int) -> None:
    """Remove a space with all its embeddings."""
    connection.execute(delete(space).where(space.c.id == space_id))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

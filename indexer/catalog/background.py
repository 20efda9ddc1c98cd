"""What a space makes of the texts and photos that queries are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as upsert

from indexer.catalog.schema import background
from indexer.records import Background

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from indexer.records import Vectors


def material(connection: Connection, space_id: int) -> str | None:
    """Return the digest of what a space has made vectors of; None where it has none."""
    query = select(background.c.material).where(background.c.space_id == space_id)
    return connection.execute(query).scalar_one_or_none()


def put(connection: Connection, space_id: int, material: str, vectors: Background) -> None:
    """Write a space's vectors of some material, in place of any before."""
    values = {
        "material": material,
        "english": _blob(vectors.english),
        "chinese": _blob(vectors.chinese),
        "photos": _blob(vectors.photos),
    }
    statement = upsert(background).values(space_id=space_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["space_id"], set_=values))


def read(connection: Connection, space_id: int, *, dim: int) -> Background | None:
    """Return a space's vectors, if an indexer has made them."""
    columns = (background.c.english, background.c.chinese, background.c.photos)
    query = select(*columns).where(background.c.space_id == space_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else Background(*(_unit(blob, dim) for blob in row))


def _blob(rows: Vectors) -> bytes:
    return rows.astype(np.float16).tobytes()


def _unit(blob: bytes, dim: int) -> Vectors:
    rows = np.frombuffer(blob, np.float16).reshape(-1, dim).astype(np.float32)
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit

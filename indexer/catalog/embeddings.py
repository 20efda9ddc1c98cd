"""The embeddings of contents and texts: float16 in the catalog, unit float32 rows outside it.

Two kinds, one shape: `image_embedding` by content hash and `text_embedding` by text hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Table, delete, exists, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from indexer.catalog.chunks import chunks
from indexer.catalog.schema import caption, image_embedding, photo, snapshot, text_embedding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Column, Connection

    from indexer.records import Ids, Vector, Vectors

PHOTOS, CAPTIONS = image_embedding, text_embedding
_BLOCK = 4096  # rows read at a time


def add(
    connection: Connection, kind: Table, space_id: int, vectors: Mapping[bytes, Vector]
) -> None:
    """Write unit vectors by hash; a hash that has one already keeps it."""
    rows = [
        {"space_id": space_id, _key(kind).name: key, "vector": vector.astype(np.float16).tobytes()}
        for key, vector in vectors.items()
    ]
    if rows:
        connection.execute(upsert(kind).on_conflict_do_nothing(), rows)


def is_empty(connection: Connection) -> bool:
    """Tell whether there is no embedding of any kind, in any space."""
    has_some = exists(select(PHOTOS.c.id)) | exists(select(CAPTIONS.c.id))
    return not connection.execute(select(has_some)).scalar_one()


def hashes(connection: Connection, kind: Table, space_id: int) -> set[bytes]:
    """Return the hashes that have an embedding in a space."""
    rows = connection.execute(select(_key(kind)).where(kind.c.space_id == space_id))
    return set(rows.scalars())


def count(connection: Connection, kind: Table, space_id: int, *, up_to: int | None = None) -> int:
    """Count a space's embeddings, those with ids up to `up_to` alone if given."""
    query = select(func.count()).select_from(kind).where(kind.c.space_id == space_id)
    if up_to is not None:
        query = query.where(kind.c.id <= up_to)
    return int(connection.execute(query).scalar_one())


def ids(connection: Connection, kind: Table, space_id: int, *, up_to: int) -> Ids:
    """Return the ids of a space's embeddings up to `up_to`, ascending; `(n,)`."""
    query = select(kind.c.id).where(kind.c.space_id == space_id, kind.c.id <= up_to)
    return np.array(list(connection.execute(query.order_by(kind.c.id)).scalars()), np.int64)


def after(
    connection: Connection, kind: Table, space_id: int, last_id: int, *, dim: int
) -> Iterator[tuple[Ids, Vectors]]:
    """Yield a space's embeddings with ids above `last_id`, ascending, in blocks."""
    query = (
        select(kind.c.id, kind.c.vector)
        .where(kind.c.space_id == space_id, kind.c.id > last_id)
        .order_by(kind.c.id)
    )
    for rows in connection.execute(query).partitions(_BLOCK):
        block = b"".join(row.vector for row in rows)
        yield np.array([row.id for row in rows], np.int64), _unit(block, dim)


def by_hash(
    connection: Connection, kind: Table, space_id: int, keys: Sequence[bytes], *, dim: int
) -> dict[bytes, Vector]:
    """Return the unit vectors of the hashes that have one."""
    found: dict[bytes, Vector] = {}
    for chunk in chunks(keys):
        rows = connection.execute(
            select(_key(kind), kind.c.vector).where(
                kind.c.space_id == space_id, _key(kind).in_(chunk)
            )
        )
        found.update((key, _unit(vector, dim)[0]) for key, vector in rows)
    return found


def hashes_by_id(connection: Connection, kind: Table, wanted: Sequence[int]) -> dict[int, bytes]:
    """Return the hashes of embeddings by their ids, of those that are there."""
    found: dict[int, bytes] = {}
    for chunk in chunks(wanted):
        rows = connection.execute(select(kind.c.id, _key(kind)).where(kind.c.id.in_(chunk)))
        found.update((row[0], row[1]) for row in rows)
    return found


def remove_orphans(connection: Connection) -> int:
    """Remove the embeddings of contents and texts that nothing has any more; return how many."""
    no_photo = ~exists().where(photo.c.content_hash == image_embedding.c.content_hash)
    no_caption = ~exists().where(caption.c.text_hash == text_embedding.c.text_hash)
    images = connection.execute(delete(image_embedding).where(no_photo)).rowcount
    return images + connection.execute(delete(text_embedding).where(no_caption)).rowcount


def snapshot_token(connection: Connection, name: str) -> str | None:
    """Return the token that a FAISS snapshot must carry to count."""
    query = select(snapshot.c.token).where(snapshot.c.name == name)
    return connection.execute(query).scalar_one_or_none()


def put_snapshot_token(connection: Connection, name: str, token: str) -> None:
    """Record which FAISS snapshot counts from now on."""
    statement = upsert(snapshot).values(name=name, token=token)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"token": token})
    )


def remove_snapshot_tokens(connection: Connection) -> None:
    """Make every FAISS snapshot that there is count no more."""
    connection.execute(delete(snapshot))


def _key(kind: Table) -> Column[bytes]:
    return kind.c.content_hash if kind is image_embedding else kind.c.text_hash


def _unit(blob: bytes, dim: int) -> Vectors:
    # float16 rounds the length by up to 5e-4; a cosine needs it to be one
    rows = np.frombuffer(blob, np.float16).reshape(-1, dim).astype(np.float32)
    with np.errstate(invalid="ignore"):  # a damaged vector becomes NaN, which no search finds
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit

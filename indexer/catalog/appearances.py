"""What contents look like: a thumbnail and a sharpness each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.sqlite import insert as upsert

from indexer.catalog.chunks import chunks
from indexer.catalog.schema import appearance, photo
from indexer.records import Appearance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection


def put(connection: Connection, looks: Mapping[bytes, Appearance]) -> None:
    """Write what contents look like, anew where it was known."""
    if not looks:
        return
    statement = upsert(appearance)
    new = statement.excluded
    columns = {"thumbnail": new.thumbnail, "sharpness": new.sharpness}
    rows = [
        {"content_hash": key, "thumbnail": each.thumbnail, "sharpness": each.sharpness}
        for key, each in looks.items()
    ]
    connection.execute(
        statement.on_conflict_do_update(index_elements=["content_hash"], set_=columns), rows
    )


def by_hash(connection: Connection, hashes: Sequence[bytes]) -> dict[bytes, Appearance]:
    """Return what contents look like, of those that were looked at."""
    columns = (appearance.c.content_hash, appearance.c.thumbnail, appearance.c.sharpness)
    found: dict[bytes, Appearance] = {}
    for chunk in chunks(hashes):
        rows = connection.execute(select(*columns).where(appearance.c.content_hash.in_(chunk)))
        found.update((key, Appearance(*rest)) for key, *rest in rows)
    return found


def remove_orphans(connection: Connection) -> int:
    """Remove the appearances of contents that no photo has any more; return how many."""
    no_photo = ~exists().where(photo.c.content_hash == appearance.c.content_hash)
    return connection.execute(delete(appearance).where(no_photo)).rowcount

"""The captions of a library's photos, and where each came from."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

from sqlalchemy import and_, delete, exists, func, insert, select

from indexer.catalog import photos
from indexer.catalog.chunks import chunks
from indexer.catalog.schema import caption, text_embedding
from indexer.records import Caption

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection


# the source of what stands in the photo's own metadata
EMBEDDED: Literal["embedded"] = "embedded"


@dataclass(frozen=True, slots=True)
class NewCaption:
    """A caption that a source gives to a photo."""

    photo_id: int
    text: str
    language: str | None = None


def text_hash(text: str) -> bytes:
    """Hash a text: BLAKE2b (RFC 7693), 16 bytes of its UTF-8."""
    return blake2b(text.encode(), digest_size=16).digest()


def count(connection: Connection, *, of: Collection[int] | None = None) -> int:
    """Count the captions, those of some photos alone if given."""
    query = select(func.count()).select_from(caption)
    if of is None:
        return int(connection.execute(query).scalar_one())
    owned = (query.where(caption.c.photo_id.in_(chunk)) for chunk in chunks(list(of)))
    return sum(int(connection.execute(each).scalar_one()) for each in owned)


def replace(
    connection: Connection,
    source: str,
    captions: Collection[NewCaption],
    *,
    photo_id: int | None = None,
) -> tuple[int, int]:
    """Make `captions` all that a source gives, to one photo or to any.

    Returns how many were added and removed; those that stay keep their ids.
    """
    scope = [caption.c.source == source]
    if photo_id is not None:
        scope.append(caption.c.photo_id == photo_id)
    rows = connection.execute(
        select(caption.c.id, caption.c.photo_id, caption.c.text, caption.c.language).where(*scope)
    )
    old = {NewCaption(row.photo_id, row.text, row.language): row.id for row in rows}
    wanted = {(new.photo_id, new.text): new for new in captions}
    new = [item for item in wanted.values() if item not in old]
    gone = [old[item] for item in old.keys() - set(wanted.values())]
    remove(connection, caption.c.id, gone)
    if new:
        connection.execute(insert(caption), [_row(item, source) for item in new])
    return len(new), len(gone)


def remove(connection: Connection, column: ColumnElement[int], values: Sequence[int]) -> int:
    """Remove the captions whose `column` has one of these values; return how many."""
    return sum(
        connection.execute(delete(caption).where(column.in_(chunk))).rowcount
        for chunk in chunks(values)
    )


def remove_source(connection: Connection, source: str) -> int:
    """Remove every caption that a source gave; return how many."""
    return connection.execute(delete(caption).where(caption.c.source == source)).rowcount


def without_embedding(connection: Connection, space_id: int) -> list[str]:
    """Return the distinct texts that have no embedding in a space yet, oldest first."""
    has = and_(
        text_embedding.c.text_hash == caption.c.text_hash, text_embedding.c.space_id == space_id
    )
    rows = connection.execute(
        select(caption.c.text)
        .outerjoin(text_embedding, has)
        .where(text_embedding.c.id.is_(None))
        .group_by(caption.c.text_hash)
        .order_by(func.min(caption.c.id))
    )
    return list(rows.scalars())


def with_embedding(connection: Connection, space_id: int) -> int:
    """Count the captions whose text has an embedding in a space."""
    has = exists().where(
        text_embedding.c.text_hash == caption.c.text_hash, text_embedding.c.space_id == space_id
    )
    query = select(func.count()).select_from(caption).where(has)
    return int(connection.execute(query).scalar_one())


def by_id(connection: Connection, caption_ids: Sequence[int]) -> dict[int, Caption]:
    """Return the captions that are there, with their photos, by id."""
    columns = (caption.c.id, caption.c.photo_id, caption.c.text)
    rows = [
        row
        for chunk in chunks(caption_ids)
        for row in connection.execute(
            select(*columns, caption.c.language, caption.c.source).where(caption.c.id.in_(chunk))
        )
    ]
    owners = photos.by_id(connection, list({row.photo_id for row in rows}))
    return {
        row.id: Caption(row.id, row.text, owners[row.photo_id], row.language, row.source)
        for row in rows
    }


def first_equal(connection: Connection, caption_ids: Sequence[int]) -> dict[int, int]:
    """Return the id of the first caption of the same photo and text, by caption."""
    same = caption.alias()
    is_same = and_(same.c.photo_id == caption.c.photo_id, same.c.text_hash == caption.c.text_hash)
    found: dict[int, int] = {}
    for chunk in chunks(caption_ids):
        query = (
            select(caption.c.id, func.min(same.c.id))
            .join(same, is_same)
            .where(caption.c.id.in_(chunk))
            .group_by(caption.c.id)
        )
        found.update((row[0], row[1]) for row in connection.execute(query))
    return found


def ids_by_embedding(
    connection: Connection, embedding_ids: Sequence[int]
) -> dict[int, list[tuple[int, int]]]:
    """Return (caption id, photo id) of the captions that embeddings are of, by embedding.

    Equal captions share an embedding; they stand in order of id.
    """
    owned = text_embedding.c.text_hash == caption.c.text_hash
    found: dict[int, list[tuple[int, int]]] = {}
    for chunk in chunks(embedding_ids):
        query = (
            select(text_embedding.c.id, caption.c.id, caption.c.photo_id)
            .join(caption, owned)
            .where(text_embedding.c.id.in_(chunk))
            .order_by(caption.c.id)
        )
        for key, caption_id, photo_id in connection.execute(query):
            found.setdefault(key, []).append((caption_id, photo_id))
    return found


def embedding_ids(
    connection: Connection, space_id: int, caption_ids: Sequence[int]
) -> dict[int, int]:
    """Return the ids of captions' embeddings in a space, by caption, of those that have one."""
    owned = text_embedding.c.text_hash == caption.c.text_hash
    found: dict[int, int] = {}
    for chunk in chunks(caption_ids):
        query = (
            select(caption.c.id, text_embedding.c.id, text_embedding.c.space_id)
            .join(text_embedding, owned)
            .where(caption.c.id.in_(chunk))
        )
        rows = connection.execute(query)
        # asked for the space, SQLite would go through all of it
        found.update((row[0], row[1]) for row in rows if row[2] == space_id)
    return found


def embedding_ids_of_photos(
    connection: Connection, space_id: int, photo_ids: Sequence[int]
) -> dict[int, list[int]]:
    """Return the ids of the embeddings of photos' captions in a space, by photo."""
    owned = text_embedding.c.text_hash == caption.c.text_hash
    found: dict[int, list[int]] = {}
    for chunk in chunks(photo_ids):
        query = (
            select(caption.c.photo_id, text_embedding.c.id, text_embedding.c.space_id)
            .join(text_embedding, owned)
            .where(caption.c.photo_id.in_(chunk))
        )
        for photo_id, key, owner in connection.execute(query):
            if owner == space_id:  # as in `embedding_ids`
                found.setdefault(photo_id, []).append(key)
    return found


def of_photo(connection: Connection, photo_id: int, *, source: str) -> tuple[str, ...]:
    """Return the captions that one source gives a photo, oldest first."""
    own = (caption.c.photo_id == photo_id, caption.c.source == source)
    rows = connection.execute(select(caption.c.text).where(*own).order_by(caption.c.id))
    return tuple(rows.scalars())


def ids_of_photo(connection: Connection, photo_id: int) -> list[int]:
    """Return the ids of a photo's captions, the first of those with the same text, ascending."""
    query = select(func.min(caption.c.id)).where(caption.c.photo_id == photo_id)
    return sorted(connection.execute(query.group_by(caption.c.text_hash)).scalars())


def _row(item: NewCaption, source: str) -> dict[str, object]:
    return {
        "photo_id": item.photo_id,
        "text": item.text,
        "text_hash": text_hash(item.text),
        "language": item.language,
        "source": source,
    }

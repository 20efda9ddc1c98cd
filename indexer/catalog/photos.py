"""The photos of a library, and the files that could not be read."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from indexer.catalog.chunks import chunks
from indexer.catalog.schema import image_embedding, keyword, mount, photo, skipped
from indexer.records import READING, Facts, Keyword, Photo, Skipped

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection

    from indexer.records import PhotoFile

_FACTS = tuple(each.name for each in fields(Facts))  # columns go by the names of the record
_KEYWORDS = (
    select(
        func.json_group_array(func.json_array(keyword.c.text, keyword.c.source, keyword.c.score))
    )
    .where(keyword.c.photo_id == photo.c.id)
    .scalar_subquery()
    .label("keywords")
)
_COLUMNS = (
    *(photo.c.id, photo.c.path, photo.c.content_hash),
    *(photo.c[name] for name in _FACTS),
    _KEYWORDS,
)
_IS_OUTDATED = photo.c.reading < READING


@dataclass(frozen=True, slots=True)
class Stamp:
    """A photo's file as it was when indexed."""

    id: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class SkipStamp:
    """A file that could not be read, as it was then, and what could be decoded then."""

    size: int
    mtime_ns: int
    reason: str
    decoder: str


@dataclass(frozen=True, slots=True)
class Original:
    """A photo's file, and what it held when it was indexed."""

    path: Path
    size: int  # bytes
    content_hash: bytes
    format: str


def stamps(connection: Connection) -> dict[str, Stamp]:
    """Return every photo's stamp by its path."""
    columns = (photo.c.path, photo.c.id, photo.c.size, photo.c.mtime_ns)
    rows = connection.execute(select(*columns)).all()
    return {path: Stamp(photo_id, size, mtime_ns) for path, photo_id, size, mtime_ns in rows}


def outdated(connection: Connection) -> dict[str, bytes]:
    """Return the content hashes, by path, of photos of which less was read than is read now."""
    query = select(photo.c.path, photo.c.content_hash).where(_IS_OUTDATED)
    return {row.path: row.content_hash for row in connection.execute(query)}


def count(connection: Connection) -> int:
    """Count the photos."""
    return int(connection.execute(select(func.count()).select_from(photo)).scalar_one())


def known(connection: Connection) -> tuple[int, int, int, int, int]:
    """Count the photos with a date, a position, a rating, keywords, and the outdated ones."""
    row = connection.execute(
        select(
            func.count(photo.c.taken_at),
            func.count(photo.c.latitude),
            func.count(photo.c.rating),
            select(func.count(keyword.c.photo_id.distinct())).scalar_subquery(),
            func.count().filter(_IS_OUTDATED),
        ).select_from(photo)
    ).one()
    return row[0], row[1], row[2], row[3], row[4]


def put(
    connection: Connection,
    file: PhotoFile,
    content_hash: bytes,
    facts: Facts,
    *,
    photo_id: int | None = None,
) -> int:
    """Write a new photo, or anew the one that has an id; return its id."""
    values: dict[str, Any] = {
        "path": str(file.path),
        "size": file.size,
        "mtime_ns": file.mtime_ns,
        "content_hash": content_hash,
        **{name: getattr(facts, name) for name in _FACTS},
        "taken_at": facts.taken_at.isoformat() if facts.taken_at else None,
        "indexed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "reading": READING,
    }
    if photo_id is None:
        new = insert(photo).values(values).returning(photo.c.id)
        return int(connection.execute(new).scalar_one())
    connection.execute(update(photo).where(photo.c.id == photo_id).values(values))
    return photo_id


def restamp(connection: Connection, photo_id: int, file: PhotoFile) -> None:
    """Record that a photo's unchanged content now has this path, size and mtime."""
    connection.execute(
        update(photo)
        .where(photo.c.id == photo_id)
        .values(path=str(file.path), size=file.size, mtime_ns=file.mtime_ns)
    )


def remove(connection: Connection, photo_ids: Sequence[int]) -> None:
    """Remove photos with their captions and sidecar stamps."""
    for chunk in chunks(photo_ids):
        connection.execute(delete(photo).where(photo.c.id.in_(chunk)))


def by_id(connection: Connection, photo_ids: Sequence[int]) -> dict[int, Photo]:
    """Return the photos that are there, by id."""
    found: dict[int, Photo] = {}
    for chunk in chunks(photo_ids):
        rows = connection.execute(select(*_COLUMNS).where(photo.c.id.in_(chunk)))
        found.update((row[0], _photo(row)) for row in rows)
    return found


def original(connection: Connection, photo_id: int) -> Original | None:
    """Return what is known of a photo's file."""
    columns = (photo.c.path, photo.c.size, photo.c.content_hash, photo.c.format)
    row = connection.execute(select(*columns).where(photo.c.id == photo_id)).one_or_none()
    return None if row is None else Original(Path(row[0]), *row[1:])


def by_path(connection: Connection, path: Path) -> tuple[Photo, Stamp] | None:
    """Return the photo at a path, with its stamp."""
    row = connection.execute(
        select(*_COLUMNS, photo.c.size, photo.c.mtime_ns).where(photo.c.path == str(path))
    ).one_or_none()
    return None if row is None else (_photo(row), Stamp(row[0], *row[-2:]))


def by_hash(connection: Connection, hashes: Sequence[bytes]) -> dict[bytes, list[Photo]]:
    """Return the photos with these contents, in order of id."""
    found: dict[bytes, list[Photo]] = {}
    for chunk in chunks(hashes):
        query = select(*_COLUMNS).where(photo.c.content_hash.in_(chunk)).order_by(photo.c.id)
        for row in connection.execute(query):
            found.setdefault(row.content_hash, []).append(_photo(row))
    return found


def ids_by_embedding(connection: Connection, embedding_ids: Sequence[int]) -> dict[int, list[int]]:
    """Return the ids of the photos that embeddings are of, by embedding, in order of id."""
    owned = image_embedding.c.content_hash == photo.c.content_hash
    found: dict[int, list[int]] = {}
    for chunk in chunks(embedding_ids):
        query = (
            select(image_embedding.c.id, photo.c.id)
            .join(photo, owned)
            .where(image_embedding.c.id.in_(chunk))
            .order_by(photo.c.id)
        )
        for key, photo_id in connection.execute(query):
            found.setdefault(key, []).append(photo_id)
    return found


def embedding_ids(
    connection: Connection, space_id: int, photo_ids: Sequence[int]
) -> dict[int, int]:
    """Return the ids of photos' embeddings in a space, by photo, of those that have one."""
    owned = image_embedding.c.content_hash == photo.c.content_hash
    found: dict[int, int] = {}
    for chunk in chunks(photo_ids):
        query = (
            select(photo.c.id, image_embedding.c.id, image_embedding.c.space_id)
            .join(image_embedding, owned)
            .where(photo.c.id.in_(chunk))
        )
        rows = connection.execute(query)
        # asked for the space, SQLite would go through all of it: 200 ms where this takes one
        found.update((row[0], row[1]) for row in rows if row[2] == space_id)
    return found


def hashes(connection: Connection) -> set[bytes]:
    """Return the hashes of all photos' contents."""
    return set(connection.execute(select(photo.c.content_hash)).scalars())


def paths(connection: Connection) -> dict[int, Path]:
    """Return every photo's path by its id."""
    rows = connection.execute(select(photo.c.id, photo.c.path).order_by(photo.c.id))
    return {photo_id: Path(path) for photo_id, path in rows}


def contents(connection: Connection) -> dict[int, tuple[Path, bytes]]:
    """Return every photo's path and content hash by its id."""
    rows = connection.execute(select(photo.c.id, photo.c.path, photo.c.content_hash))
    return {photo_id: (Path(path), content_hash) for photo_id, path, content_hash in rows}


def without_embedding(connection: Connection, space_id: int) -> list[str]:
    """Return the paths of the photos whose content has no embedding in a space, oldest first."""
    query = select(photo.c.path).where(~_has_embedding(space_id)).order_by(photo.c.id)
    return list(connection.execute(query).scalars())


def with_embedding(connection: Connection, space_id: int) -> int:
    """Count the photos whose content has an embedding in a space."""
    query = select(func.count()).select_from(photo).where(_has_embedding(space_id))
    return int(connection.execute(query).scalar_one())


def skips(connection: Connection) -> dict[str, SkipStamp]:
    """Return what is known of the files that could not be read, by path."""
    columns = (skipped.c.path, skipped.c.size, skipped.c.mtime_ns)
    rows = connection.execute(select(*columns, skipped.c.reason, skipped.c.decoder))
    return {path: SkipStamp(*rest) for path, *rest in rows}


def put_skip(connection: Connection, file: PhotoFile, reason: str, decoder: str) -> None:
    """Remember that a file could not be read, so that it is not tried again until it changes.

    Without a reason it is no photo, which nobody needs to hear of.
    """
    values = {
        "size": file.size,
        "mtime_ns": file.mtime_ns,
        "reason": reason,
        "decoder": decoder,
    }
    statement = upsert(skipped).values(path=str(file.path), **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["path"], set_=values))


def remove_skips(connection: Connection, paths: Collection[str]) -> None:
    """Forget that files could not be read."""
    for chunk in chunks(list(paths)):
        connection.execute(delete(skipped).where(skipped.c.path.in_(chunk)))


def mounts(connection: Connection) -> set[str]:
    """Return the folders that were mount points when photos beneath them were indexed."""
    return set(connection.execute(select(mount.c.path)).scalars())


def put_mounts(connection: Connection, paths: Collection[str]) -> None:
    """Remember that folders are mount points."""
    if paths:
        rows = [{"path": path} for path in paths]
        connection.execute(upsert(mount).on_conflict_do_nothing(), rows)


def all_skipped(connection: Connection) -> tuple[Skipped, ...]:
    """Return every file that could not be read, by path."""
    query = select(skipped.c.path, skipped.c.reason).where(skipped.c.reason != "")
    rows = connection.execute(query.order_by(skipped.c.path))
    return tuple(Skipped(Path(path), reason) for path, reason in rows)


def count_skipped(connection: Connection) -> int:
    """Count the files that could not be read."""
    query = select(func.count()).select_from(skipped).where(skipped.c.reason != "")
    return int(connection.execute(query).scalar_one())


def _has_embedding(space_id: int) -> ColumnElement[bool]:
    return exists().where(
        image_embedding.c.content_hash == photo.c.content_hash,
        image_embedding.c.space_id == space_id,
    )


def _photo(row: Any) -> Photo:
    facts = {name: getattr(row, name) for name in _FACTS}
    facts["taken_at"] = datetime.fromisoformat(row.taken_at) if row.taken_at else None
    words = sorted(json.loads(row.keywords)) if row.keywords != "[]" else ()
    return Photo(
        id=row.id,
        path=Path(row.path),
        content_hash=row.content_hash,
        facts=Facts(**facts),
        keywords=tuple(Keyword(*word) for word in words),
    )

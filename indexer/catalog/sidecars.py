"""The sidecars that were read beside a library's photos, as they were then."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import delete, insert, select

from indexer.catalog.schema import photo, sidecar
from indexer.records import XMP_SUFFIX

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from indexer.records import FileStamp

    Stamps: TypeAlias = dict[str, tuple[int, int]]  # (size, mtime_ns) by path

_IS_XMP = sidecar.c.path.endswith(XMP_SUFFIX)
_STAMP = (sidecar.c.path, sidecar.c.size, sidecar.c.mtime_ns)


def of_captions(connection: Connection) -> dict[int, Stamps]:
    """Return the stamps of the sidecars of captions, by photo."""
    found: dict[int, Stamps] = {}
    query = select(sidecar.c.photo_id, *_STAMP).where(~_IS_XMP)
    for photo_id, path, size, mtime_ns in connection.execute(query):
        found.setdefault(photo_id, {})[path] = (size, mtime_ns)
    return found


def of_metadata(connection: Connection) -> dict[str, Stamps]:
    """Return the stamps of the XMP sidecars, by the photo's path."""
    found: dict[str, Stamps] = {}
    query = select(photo.c.path.label("photo"), *_STAMP).join_from(photo, sidecar).where(_IS_XMP)
    for owner, path, size, mtime_ns in connection.execute(query):
        found.setdefault(owner, {})[path] = (size, mtime_ns)
    return found


def hashes_with_metadata(connection: Connection) -> set[bytes]:
    """Return the content hashes of the photos with XMP sidecars."""
    query = select(photo.c.content_hash).join_from(photo, sidecar).where(_IS_XMP)
    return set(connection.execute(query).scalars())


def metadata_paths(connection: Connection, content_hash: bytes) -> set[str]:
    """Return the paths of the XMP sidecars of the photos with this content."""
    query = select(sidecar.c.path).join_from(sidecar, photo)
    own = query.where(photo.c.content_hash == content_hash, _IS_XMP)
    return set(connection.execute(own).scalars())


def of_photo(connection: Connection, photo_id: int) -> set[str]:
    """Return the paths of a photo's XMP sidecars."""
    query = select(sidecar.c.path).where(sidecar.c.photo_id == photo_id, _IS_XMP)
    return set(connection.execute(query).scalars())


def put(connection: Connection, photo_id: int, file: FileStamp) -> None:
    """Remember that a photo's sidecar was read."""
    remove(connection, photo_id, str(file.path))
    values = {"path": str(file.path), "size": file.size, "mtime_ns": file.mtime_ns}
    connection.execute(insert(sidecar).values(photo_id=photo_id, **values))


def remove(connection: Connection, photo_id: int, path: str) -> None:
    """Forget that a photo's sidecar was read."""
    connection.execute(
        delete(sidecar).where(sidecar.c.photo_id == photo_id, sidecar.c.path == path)
    )

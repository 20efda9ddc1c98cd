"""The vector indexes of a library in memory, and the FAISS files that spare reading every row.

Knows which state of the catalog an index or a file is of, and brings it up to date. The files
hold the current space; an index of another one is read from the catalog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from indexer.catalog import embeddings
from indexer.errors import LibraryError
from indexer.vectors import FaissIndex, snapshot_holds

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from indexer.records import Space

Target: TypeAlias = Literal["photos", "captions"]

TARGETS: tuple[Target, ...] = ("photos", "captions")

_KINDS = {"photos": embeddings.PHOTOS, "captions": embeddings.CAPTIONS}
_TAIL_SHARE = 20  # a snapshot is written anew when a twentieth of it has to be replayed

# The space's identity and not its id, which may become another space's when it is forgotten.
_Key: TypeAlias = tuple[Target, tuple[str, str, int]]


class Snapshots:
    """One index for each target and space that was asked for; callers take turns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._indexes: dict[_Key, FaissIndex] = {}
        self._saved: dict[_Key, tuple[int, int]] = {}  # (last id, size) of the file

    def path(self, target: Target) -> Path:
        """Return the file of a target's snapshot."""
        return self._folder / f"{target}.faiss"

    def index(
        self,
        connection: Connection,
        target: Target,
        space_id: int,
        space: Space,
        *,
        is_current: bool,
    ) -> FaissIndex:
        """Return the index of one target in one space, brought up to date with the catalog."""
        key = (target, space.identity)
        index = self._indexes.get(key)
        if index is None and is_current:
            index = self._read(connection, target, space)
        if index is None:
            index = FaissIndex.empty(space.dim)
        self._indexes[key] = _caught_up(connection, target, index, space_id, space.dim)
        return self._indexes[key]

    def needs_writing(
        self, connection: Connection, target: Target, space_id: int, space: Space
    ) -> bool:
        """Tell whether the current space's file may have to be written, without loading it."""
        return (target, space.identity) in self._indexes or not self._is_current(
            connection, target, space_id
        )

    def is_behind(self, target: Target, space: Space, index: FaissIndex) -> bool:
        """Tell whether so much of an index is not in its file that it is worth a new one."""
        saved = self._saved.get((target, space.identity))
        if saved is None:
            return True
        last_id, size = saved
        if last_id == index.last_id:
            return size != len(index)
        tail = len(index) - size
        return tail < 0 or tail * _TAIL_SHARE >= len(index)

    def save(self, target: Target, index: FaissIndex, *, token: str) -> None:
        """Write an index to its file, which counts once the catalog has the token."""
        path = self.path(target)
        try:
            index.save(path, token=token)
        except OSError as error:
            raise LibraryError(
                f"{path} cannot be written: {error.strerror or error}. Everything indexed is kept "
                "in the catalog; free some space, or check the folder, and run the command again."
            ) from error

    def mark_saved(self, target: Target, space: Space, index: FaissIndex) -> None:
        """Remember that an index is what its file holds."""
        self._saved[target, space.identity] = (index.last_id, len(index))

    def drop(self, space: Space) -> None:
        """Let go of the indexes of a space that is no longer held."""
        for target in TARGETS:
            self._indexes.pop((target, space.identity), None)
            self._saved.pop((target, space.identity), None)

    def _read(self, connection: Connection, target: Target, space: Space) -> FaissIndex | None:
        token = embeddings.snapshot_token(connection, target)
        if token is None:
            return None
        index = FaissIndex.load(self.path(target), token=token, dim=space.dim)
        if index is not None:
            self.mark_saved(target, space, index)
        return index

    def _is_current(self, connection: Connection, target: Target, space_id: int) -> bool:
        kind = _KINDS[target]
        token = embeddings.snapshot_token(connection, target)
        held = snapshot_holds(self.path(target), token=token) if token else None
        if held is None:
            return False
        last_id, count = held
        old = embeddings.count(connection, kind, space_id, up_to=last_id)
        return old == count == embeddings.count(connection, kind, space_id)


def _caught_up(
    connection: Connection, target: Target, index: FaissIndex, space_id: int, dim: int
) -> FaissIndex:
    kind = _KINDS[target]
    if embeddings.count(connection, kind, space_id, up_to=index.last_id) != len(index):
        kept = embeddings.ids(connection, kind, space_id, up_to=index.last_id)
        index.remove(np.setdiff1d(index.ids, kept))
        if len(index) != len(kept):  # the file lacks some that the catalog has: start anew
            index = FaissIndex.empty(dim)
    for ids, vectors in embeddings.after(connection, kind, space_id, index.last_id, dim=dim):
        index.add(ids, vectors)
    return index

"""A library: one folder with a catalog, two vector indexes and a lock. Owns the commit.

SQLite is the truth and FAISS a view of it: a snapshot is brought up to date from the catalog
when it is read, and made anew when it is missing, damaged or of another state.
"""

from __future__ import annotations

import os
import threading
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from indexer.catalog import captions, embeddings, photos, spaces
from indexer.catalog.database import Database
from indexer.errors import (
    LibraryError,
    LibraryNotFoundError,
    PathNotFoundError,
    SpaceMismatchError,
)
from indexer.files import absolute, is_within
from indexer.lock import lock_folder
from indexer.vectors import FaissIndex, snapshot_holds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from filelock import FileLock
    from sqlalchemy import Connection

    from indexer.records import Space

Target: TypeAlias = Literal["photos", "captions"]

TARGETS: tuple[Target, ...] = ("photos", "captions")

_KINDS = {"photos": embeddings.PHOTOS, "captions": embeddings.CAPTIONS}
_CATALOG = "catalog.sqlite"
_JOURNALS = ("-wal", "-shm", "-journal")  # SQLite's own files beside the catalog
_FILES = frozenset(
    (_CATALOG, *(_CATALOG + end for end in _JOURNALS), *(f"{t}.faiss" for t in TARGETS), "lock")
)
_TAIL_SHARE = 20  # a snapshot is written anew when a twentieth of it has to be replayed


class Library:
    """Photos, captions and their embeddings. Make one with `Library.open`."""

    def __init__(self, path: Path, database: Database, lock: FileLock | None) -> None:
        self.path = path
        self._database = database
        self._lock = lock
        self._indexes: dict[Target, FaissIndex] = {}
        self._snapshots: dict[Target, tuple[int, int]] = {}  # (last id, size) as saved
        self._loading = threading.Lock()

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None, *, writable: bool = False) -> Self:
        """Open a library for reading, or for writing, which makes it where there is none.

        Without a path: SIGHTSEEK_LIBRARY, or a folder in the platform's data directory.
        Raises LibraryNotFoundError, LibraryBusyError (another process writes),
        LibraryDamagedError, LibraryVersionError.
        """
        folder = Path(path).expanduser().absolute() if path else default_path()
        catalog = folder / _CATALOG
        if not writable:
            if not catalog.is_file():
                raise LibraryNotFoundError(
                    f"There is no library at {folder}. "
                    f"Make it with: sightseek index FOLDER --library {folder}"
                )
            return cls(folder, Database.open(catalog, writable=False), None)
        lock = lock_folder(folder)
        try:
            return cls(folder, Database.open(catalog, writable=True), lock)
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Let go of the files and the lock; everything committed is already safe."""
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def owns(self, path: Path) -> bool:
        """Tell whether a path is one of the library's own files."""
        return path.name in _FILES and path.parent.resolve() == self.path.resolve()

    def bytes_on_disk(self) -> int:
        """Sum up the library's own files; SQLite's journals come and go."""
        total = 0
        for name in _FILES:
            with suppress(FileNotFoundError):
                total += (self.path / name).stat().st_size
        return total

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the catalog."""
        with self._database.read() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is committed as a whole, or not at all."""
        if self._lock is None or not self._lock.is_locked:
            raise LibraryError(
                f"The library at {self.path} is not open for writing. "
                "Open it with Library.open(path, writable=True)."
            )
        with self._database.write() as connection:
            yield connection

    @property
    def space(self) -> Space | None:
        """The space of this library's vectors; None before anything was indexed."""
        found = self._current_space()
        return None if found is None else found[1]

    def use_space(self, space: Space) -> int:
        """Take a space as the library's own; return its id.

        Raises SpaceMismatchError when the library already holds vectors of another. The same model
        under another name keeps its old one, unless nothing goes by that any more.
        """
        from indexer.encoders.registry import is_known

        with self.reading() as connection:
            is_empty = embeddings.is_empty(connection)
        if not is_empty:
            self.require_space(space)
        self._indexes.clear()  # of another dimension, perhaps
        with self.writing() as connection:
            space_id = spaces.make_current(connection, space)
            found = spaces.current(connection)
            if found is not None and not is_known(found[1].model):
                spaces.rename(connection, space_id, space.model)
            return space_id

    def require_space(self, space: Space) -> int:
        """Return the id of the library's space, which must be this one.

        Raises SpaceMismatchError, and LibraryError when nothing was ever indexed.
        """
        found = self._current_space()
        if found is None:
            raise LibraryError(
                f"The library at {self.path} is empty. Fill it with: sightseek index FOLDER"
            )
        if not found[1].same_as(space):
            raise SpaceMismatchError(_mismatch(self.path, found[1], space))
        return found[0]

    def vectors(self, target: Target) -> FaissIndex:
        """Return the index of photos or captions, brought up to date with the catalog."""
        with self._loading, self.reading() as connection:
            found = spaces.current(connection)
            if found is None:
                return FaissIndex.empty(1)
            space_id, space = found
            index = self._indexes.get(target)
            if index is None:
                index = self._read_snapshot(connection, target, space.dim)
            self._indexes[target] = _caught_up(connection, target, index, space_id, space.dim)
            return self._indexes[target]

    def save_snapshots(self) -> None:
        """Write the FAISS files that have fallen behind the catalog."""
        if self.space is None:
            return
        for target in TARGETS:
            if target not in self._indexes and self._is_current(target):
                continue
            index = self.vectors(target)
            if not _is_behind(self._snapshots.get(target), index):
                continue
            token = uuid.uuid4().hex
            self._save(index, self.path / f"{target}.faiss", token=token)
            # until the token is committed, the new file counts as of another state
            with self.writing() as connection:
                embeddings.put_snapshot_token(connection, target, token)
            self._snapshots[target] = (index.last_id, len(index))

    def forget(self, paths: Iterable[str | os.PathLike[str]]) -> tuple[int, int]:
        """Drop photos at or beneath paths, and captions that a captions file gave.

        Returns how many photos and captions left; files are never touched. Raises
        PathNotFoundError, and drops nothing, when the library knows nothing of a path.
        """
        with self.writing() as connection:
            before = captions.count(connection)
            known = photos.stamps(connection)
            skips = photos.skips(connection)
            gone: set[int] = set()
            for path in map(str, map(absolute, paths)):
                ids = [stamp.id for photo, stamp in known.items() if is_within(photo, {path})]
                unread = [skip for skip in skips if is_within(skip, {path})]
                if not (captions.remove_source(connection, path) or ids or unread):
                    raise PathNotFoundError(
                        f"The library at {self.path} knows nothing of {path}. "
                        "See what it holds with: sightseek status"
                    )
                gone.update(ids)
                photos.remove_skips(connection, unread)
            photos.remove(connection, sorted(gone))
            embeddings.remove_orphans(connection)
            return len(gone), before - captions.count(connection)

    def _save(self, index: FaissIndex, path: Path, *, token: str) -> None:
        try:
            index.save(path, token=token)
        except OSError as error:
            raise LibraryError(
                f"{path} cannot be written: {error.strerror or error}. Everything indexed is kept "
                "in the catalog; free some space, or check the folder, and run the command again."
            ) from error

    def _current_space(self) -> tuple[int, Space] | None:
        with self.reading() as connection:
            return spaces.current(connection)

    def _is_current(self, target: Target) -> bool:
        """Tell whether a snapshot holds all that the catalog does, without loading it."""
        kind = _KINDS[target]
        with self.reading() as connection:
            found = spaces.current(connection)
            token = embeddings.snapshot_token(connection, target)
            if found is None or token is None:
                return False
            held = snapshot_holds(self.path / f"{target}.faiss", token=token)
            if held is None:
                return False
            last_id, count = held
            old = embeddings.count(connection, kind, found[0], up_to=last_id)
            return old == count == embeddings.count(connection, kind, found[0])

    def _read_snapshot(self, connection: Connection, target: Target, dim: int) -> FaissIndex:
        token = embeddings.snapshot_token(connection, target)
        path = self.path / f"{target}.faiss"
        index = FaissIndex.load(path, token=token, dim=dim) if token else None
        if index is None:
            return FaissIndex.empty(dim)
        self._snapshots[target] = (index.last_id, len(index))
        return index


def default_path() -> Path:
    """Return the library to use when none is named."""
    named = os.environ.get("SIGHTSEEK_LIBRARY")
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("sightseek", appauthor=False)


def cache_path() -> Path:
    """Return the folder for what can be made again."""
    from platformdirs import user_cache_path

    return user_cache_path("sightseek", appauthor=False)


def _mismatch(path: Path, mine: Space, other: Space) -> str:
    if mine.model == other.model:
        return (
            f"The library at {path} was made with {mine}, and that model is now {other}: their "
            "vectors do not compare. Index your photos into a new library with --library."
        )
    return (
        f"The library at {path} holds vectors of the model {mine}, which do not compare with "
        f"those of {other}. Leave out --model to use its own, or index into another library "
        "with --library."
    )


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


def _is_behind(saved: tuple[int, int] | None, index: FaissIndex) -> bool:
    if saved is None:
        return True
    last_id, size = saved
    if last_id == index.last_id:
        return size != len(index)
    tail = len(index) - size
    return tail < 0 or tail * _TAIL_SHARE >= len(index)

"""A library: one folder with a catalog, two vector indexes and a lock. Owns the commit.

SQLite is the truth and FAISS a view of it: a snapshot is brought up to date from the catalog
when it is read, and made anew when it is missing, damaged or of another state or space.
"""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer import spaces as rules
from indexer.catalog import appearances, captions, embeddings, photos, spaces
from indexer.catalog.database import Database
from indexer.catalog.file import CATALOG
from indexer.errors import LibraryError, LibraryNotFoundError, PathNotFoundError
from indexer.files import absolute, is_within
from indexer.lock import lock_folder
from indexer.places import library_path
from indexer.progress import BESIDE, PROGRESS
from indexer.snapshots import TARGETS, Snapshots
from indexer.vectors import FaissIndex

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from filelock import FileLock
    from sqlalchemy import Connection

    from indexer.records import Space
    from indexer.snapshots import Target

_JOURNALS = ("-wal", "-shm", "-journal")  # SQLite's own files beside the catalog
_FILES = frozenset(
    (CATALOG, *(CATALOG + end for end in _JOURNALS), *(f"{t}.faiss" for t in TARGETS), "lock")
) | {PROGRESS, BESIDE}


@dataclass(frozen=True, slots=True)
class Freed:
    """What a forgotten space gave back."""

    space: Space
    vectors: int
    bytes: int


class Library:
    """Photos, captions and their embeddings. Make one with `Library.open`."""

    def __init__(self, path: Path, database: Database, lock: FileLock | None) -> None:
        self.path = path
        self._database = database
        self._lock = lock
        self._snapshots = Snapshots(path)
        self._loading = threading.Lock()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        writable: bool = False,
        make: bool = True,
    ) -> Self:
        """Open a library for reading, or for writing, which makes it where there is none.

        Without a path: SIGHTSEEK_LIBRARY, or a folder in the platform's data directory. With
        `make` false, one that is not there is an error to a writer too.
        Raises LibraryNotFoundError, LibraryBusyError (another process writes),
        LibraryDamagedError, LibraryVersionError.
        """
        folder = library_path(path)
        catalog = folder / CATALOG
        if not (writable and make) and not catalog.is_file():
            raise LibraryNotFoundError(
                f"There is no library at {folder}. "
                f"Make it with: sightseek index FOLDER --library {folder}"
            )
        if not writable:
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

    def copy(self, folder: Path) -> None:
        """Write the library as it is now to a folder that holds none."""
        self._database.copy(folder / CATALOG)

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

    @contextmanager
    def reading_space(self, space: Space) -> Iterator[tuple[Connection, int]]:
        """Open a transaction that sees one state of the catalog, with a space's id in it.

        Raises what `require_space` raises.
        """
        with self.reading() as connection:
            yield connection, rules.require(connection, self.path, space)

    @property
    def space(self) -> Space | None:
        """The space that queries use; None before anything was indexed."""
        with self.reading() as connection:
            found = spaces.current(connection)
        return None if found is None else found[1]

    def use_space(self, space: Space, *, switch: bool = False) -> int:
        """Return the id of the space to fill: the library's own, or with `switch` its next one.

        A library without vectors takes any as its own. The same model under another name keeps
        its old one, unless nothing goes by that any more. Raises SpaceMismatchError.
        """
        with self.writing() as connection:
            return rules.take(connection, self.path, space, switch=switch)

    def require_space(self, space: Space) -> int:
        """Return the id of a space that was filled once: the current one, or one before it.

        Raises SpaceMismatchError, and LibraryError when nothing was ever indexed.
        """
        with self.reading_space(space) as (_, space_id):
            return space_id

    def require_photos(self) -> None:
        """Raise LibraryError when the library holds no photos."""
        with self.reading() as connection:
            if not photos.count(connection):
                raise rules.empty(self.path)

    def vectors(self, target: Target, space: Space | None = None) -> FaissIndex:
        """Return the index of photos or captions in a space, brought up to date with the catalog.

        Without a space: the current one. Raises what `require_space` raises.
        """
        with self._loading, self.reading() as connection:
            current = spaces.current(connection)
            if space is None:
                if current is None:
                    return FaissIndex.empty(1)
                space = current[1]
            space_id = rules.require(connection, self.path, space)
            is_current = current is not None and current[0] == space_id
            return self._snapshots.index(connection, target, space_id, space, is_current=is_current)

    def save_snapshots(self) -> None:
        """Write the FAISS files that have fallen behind the catalog."""
        for target in TARGETS:
            with self.reading() as connection:
                found = spaces.current(connection)
                if found is None:
                    return
                if not self._snapshots.needs_writing(connection, target, *found):
                    continue
            space = found[1]
            index = self.vectors(target, space)
            if not self._snapshots.is_behind(target, space, index):
                continue
            token = uuid.uuid4().hex
            self._snapshots.save(target, index, token=token)
            # until the token is committed, the new file counts as of another state
            with self.writing() as connection:
                embeddings.put_snapshot_token(connection, target, token)
            self._snapshots.mark_saved(target, space, index)

    def named_space(self, name: str) -> Space:
        """Find a space by its model's name or by all of its name.

        Raises LibraryError when there is none, and when there are several.
        """
        with self.reading() as connection:
            return rules.named(connection, self.path, name).space

    def spare_space(self, name: str) -> Space:
        """Find a space that could be forgotten, by its model's name or by all of its name.

        Raises LibraryError when there is none, when there are several, and when queries use it.
        """
        with self.reading() as connection:
            return rules.spare(connection, self.path, name).space

    def forget_space(self, name: str) -> Freed:
        """Drop a space that queries do not use, and give its room back to the disk.

        Raises what `spare_space` raises.
        """
        before = self.bytes_on_disk()
        with self.writing() as connection:
            found = rules.spare(connection, self.path, name)
            kinds = (embeddings.PHOTOS, embeddings.CAPTIONS)
            vectors = sum(embeddings.count(connection, kind, found.id) for kind in kinds)
            spaces.remove(connection, found.id)
        self._snapshots.drop(found.space)
        with suppress(LibraryError):  # of a full disk: the room is used again, if not given back
            self._database.compact()
        return Freed(found.space, vectors, max(0, before - self.bytes_on_disk()))

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
            appearances.remove_orphans(connection)
            return len(gone), before - captions.count(connection)

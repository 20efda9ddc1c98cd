"""The catalog's SQLite file: opening, transactions, and what its errors mean. Knows no tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, event, exc
from sqlalchemy.pool import QueuePool

from indexer.catalog import migrations, words
from indexer.catalog.file import connect, mode_for
from indexer.catalog.functions import teach
from indexer.catalog.schema import image_embedding
from indexer.errors import (
    LibraryBusyError,
    LibraryDamagedError,
    LibraryError,
    LibraryNotFoundError,
    LibraryVersionError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from sqlalchemy import Connection, Engine

    from indexer.catalog.file import Mode

_SIGNS_OF_DAMAGE = ("malformed", "not a database", "no such", "corrupt", "decode")


class Database:
    """One SQLite file in WAL mode: one writer, readers that never wait."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine

    @classmethod
    def open(cls, path: Path, *, writable: bool) -> Database:
        """Open the catalog; when writable, make or migrate it.

        Raises LibraryDamagedError, LibraryVersionError, or LibraryError when it cannot be read.
        """
        database = cls(path, _engine(path, mode=mode_for(path, writable=writable)))
        try:
            database._prepare(writable=writable)
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, *, writable: bool) -> None:
        with self.read() as connection:
            version = _checked_version(connection, self.path)
        if version == migrations.LATEST:
            return
        if writable:
            with self.write() as connection:
                migrations.migrate(connection)
        elif version == 0:
            raise LibraryNotFoundError(
                f"The catalog {self.path} is empty. Fill it with: sightseek index FOLDER"
            )
        else:
            raise LibraryVersionError(
                f"The catalog {self.path} was written by an older sightseek. "
                "Run 'sightseek index' on its folders once to bring it up to date."
            )

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def compact(self) -> None:
        """Give the room of removed rows back to the disk; needs as much room as what stays."""
        with _translated(self.path), closing(self._engine.raw_connection()) as connection:
            cursor = connection.cursor()
            cursor.execute("VACUUM")  # takes no transaction around it
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def copy(self, path: Path) -> None:
        """Write one state of the catalog to a new file."""
        with _translated(path), closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("VACUUM INTO ?", (str(path),))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the catalog."""
        with _translated(self.path), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that is committed as a whole, with its words, or not at all."""
        with _translated(self.path), self._engine.connect() as connection:
            connection.info["begin"] = "BEGIN IMMEDIATE"
            with connection.begin():
                yield connection
                words.refresh(connection)


def _engine(path: Path, *, mode: Mode) -> Engine:
    engine = create_engine(
        "sqlite://", creator=lambda: connect(path, mode=mode), poolclass=QueuePool
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        teach(connection)
        if mode == "rwc":
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.info.pop("begin", "BEGIN"))

    return engine


def _checked_version(connection: Connection, path: Path) -> int:
    version = migrations.version(connection)
    tables = connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars().all()
    if image_embedding.name not in tables and (tables or version):
        raise LibraryDamagedError(
            f"{path} is a database, but not a catalog of sightseek. "
            "Name another folder with --library."
        )
    if version > migrations.LATEST:
        raise LibraryVersionError(
            f"The catalog {path} was written by a newer sightseek (format {version}, this one "
            f"knows {migrations.LATEST}). Upgrade: pip install --upgrade sightseek"
        )
    return version


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (exc.IntegrityError, exc.ProgrammingError):
        raise  # a mistake of ours, not of the file
    except exc.DatabaseError as error:
        raise _meaning(str(error.orig), path) from error
    except sqlite3.DatabaseError as error:
        raise _meaning(str(error), path) from error


def _meaning(problem: str, path: Path) -> LibraryError:
    if "locked" in problem:
        return LibraryBusyError(
            f"The catalog {path} is locked by another program. Try again when it has finished."
        )
    if "full" in problem:
        return LibraryError(
            f"The disk of {path} is full. Free some space and run the same command again; "
            "what was indexed before is kept."
        )
    if "no such module" in problem:
        return LibraryError(
            f"This Python's SQLite {sqlite3.sqlite_version} was built without FTS5, by which words "
            "are searched. Use a Python that has it, as those of python.org and conda do."
        )
    if any(sign in problem for sign in _SIGNS_OF_DAMAGE):
        return LibraryDamagedError(
            f"The catalog {path} is damaged ({problem}). Restore it from a backup, or move that "
            "library's folder away and index again; your photos are untouched."
        )
    return LibraryError(
        f"The catalog {path} cannot be opened or written ({problem}). "
        "Check the folder's permissions and its disk."
    )

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from indexer.catalog import migrations
from indexer.catalog.database import Database
from indexer.errors import (
    LibraryBusyError,
    LibraryDamagedError,
    LibraryError,
    LibraryNotFoundError,
    LibraryVersionError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

NOBODY = 65534


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.sqlite"
    Database.open(path, writable=True).close()
    return path


def remember(connection: Connection, *mounts: str) -> None:
    for mount in mounts:
        connection.exec_driver_sql("INSERT INTO mount VALUES (?)", (mount,))


def remembered(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.exec_driver_sql("SELECT path FROM mount ORDER BY path").scalars())


def assert_is_one_clear_line(error: BaseException, *, remedy: str) -> None:
    assert "\n" not in str(error)
    assert remedy in str(error)


def test_a_new_catalog_is_in_wal_mode_with_foreign_keys(catalog: Path) -> None:
    for writable in (True, False):
        database = Database.open(catalog, writable=writable)
        with database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
            assert migrations.version(connection) == migrations.LATEST
        database.close()


def test_a_transaction_is_written_as_a_whole_or_not_at_all(catalog: Path) -> None:
    database = Database.open(catalog, writable=True)
    for stop in (ZeroDivisionError, KeyboardInterrupt, SystemExit):
        with pytest.raises(stop), database.write() as connection:
            remember(connection, "/a", "/b")
            raise stop
        assert remembered(database) == []
    with database.write() as connection:
        remember(connection, "/a", "/b")
    assert remembered(database) == ["/a", "/b"]
    database.close()


@pytest.mark.parametrize("writable", [True, False])
def test_a_catalog_of_a_newer_sightseek_is_refused(catalog: Path, *, writable: bool) -> None:
    with sqlite3.connect(catalog) as connection:
        connection.execute(f"PRAGMA user_version = {migrations.LATEST + 1}")
    before = catalog.read_bytes()
    with pytest.raises(LibraryVersionError, match="newer sightseek") as caught:
        Database.open(catalog, writable=writable)
    assert_is_one_clear_line(caught.value, remedy="pip install --upgrade sightseek")
    assert catalog.read_bytes() == before


def test_a_catalog_of_an_older_sightseek_is_refused_to_readers(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        migrations, "MIGRATIONS", (*migrations.MIGRATIONS, ("CREATE TABLE album (x)",))
    )
    monkeypatch.setattr(migrations, "LATEST", migrations.LATEST + 1)
    with pytest.raises(LibraryVersionError, match="older sightseek") as caught:
        Database.open(catalog, writable=False)
    assert_is_one_clear_line(caught.value, remedy="sightseek index")
    Database.open(catalog, writable=True).close()
    Database.open(catalog, writable=False).close()


@pytest.mark.parametrize("writable", [True, False])
@pytest.mark.parametrize("content", [b"hello " * 1000, bytes(range(256)) * 64, b"\x89PNG" * 99])
def test_a_file_that_is_no_database_is_refused_and_left_alone(
    tmp_path: Path, content: bytes, *, writable: bool
) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(content)
    with pytest.raises(LibraryDamagedError) as caught:
        Database.open(path, writable=writable)
    assert_is_one_clear_line(caught.value, remedy="index again")
    assert path.read_bytes() == content


@pytest.mark.parametrize("writable", [True, False])
@pytest.mark.parametrize("version", [0, migrations.LATEST, 77])
def test_the_database_of_another_program_is_refused(
    tmp_path: Path, version: int, *, writable: bool
) -> None:
    path = tmp_path / "catalog.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (id INTEGER)")
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(LibraryDamagedError, match="not a catalog of sightseek") as caught:
        Database.open(path, writable=writable)
    assert_is_one_clear_line(caught.value, remedy="--library")


def test_an_empty_file_is_filled_by_a_writer_and_nothing_to_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    path.touch()
    with pytest.raises(LibraryNotFoundError, match="is empty") as caught:
        Database.open(path, writable=False)
    assert_is_one_clear_line(caught.value, remedy="sightseek index FOLDER")
    Database.open(path, writable=True).close()
    Database.open(path, writable=False).close()


def test_a_catalog_cut_anywhere_is_called_damaged(catalog: Path) -> None:
    database = Database.open(catalog, writable=True)
    with database.write() as connection:
        remember(connection, *(f"/{number:06d}" * 20 for number in range(500)))
    database.close()
    whole = catalog.read_bytes()
    for length in (600, 4096, 8192, len(whole) // 2, len(whole) - 4096):
        catalog.write_bytes(whole[:length])
        with pytest.raises(LibraryDamagedError) as caught:
            remembered(Database.open(catalog, writable=False))
        assert_is_one_clear_line(caught.value, remedy="Restore it from a backup")


def test_a_folder_in_the_catalogs_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").mkdir()
    with pytest.raises(LibraryError, match="cannot be opened") as caught:
        Database.open(tmp_path / "catalog.sqlite", writable=True)
    assert_is_one_clear_line(caught.value, remedy="Check the folder's permissions")


def test_readers_do_not_wait_for_a_writer_and_see_one_state(catalog: Path) -> None:
    writer = Database.open(catalog, writable=True)
    reader = Database.open(catalog, writable=False)
    with writer.write() as connection:  # BEGIN IMMEDIATE is held from here
        remember(connection, "/a")
        assert remembered(reader) == []
        late = Database.open(catalog, writable=False)
        assert remembered(late) == []
        late.close()
    with reader.read() as connection:
        count = "SELECT count(*) FROM mount"
        assert connection.exec_driver_sql(count).scalar_one() == 1
        with writer.write() as writing:
            remember(writing, "/b")
        assert connection.exec_driver_sql(count).scalar_one() == 1
    assert remembered(reader) == ["/a", "/b"]
    writer.close()
    reader.close()


def test_another_programs_lock_is_named_as_such(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.catalog.file._BUSY_SECONDS", 0.01)
    other = sqlite3.connect(catalog, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = Database.open(catalog, writable=True)
    with pytest.raises(LibraryBusyError) as caught, database.write():
        pass
    assert_is_one_clear_line(caught.value, remedy="Try again")
    other.execute("ROLLBACK")
    with database.write() as connection:  # and nothing of the failure is left
        remember(connection, "/a")
    other.close()
    database.close()


def test_a_full_disk_rolls_back_and_says_what_to_do(catalog: Path) -> None:
    database = Database.open(catalog, writable=True)
    with database.write() as connection:
        remember(connection, "/before")
    with database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(LibraryError, match="is full") as caught, database.write() as connection:
        remember(connection, *(f"/{number}".ljust(2000) for number in range(100)))
    assert_is_one_clear_line(caught.value, remedy="Free some space")
    assert remembered(database) == ["/before"]
    database.close()


def test_a_mistake_in_a_query_is_not_blamed_on_the_file(catalog: Path) -> None:
    database = Database.open(catalog, writable=True)
    with pytest.raises(Exception, match="UNIQUE constraint") as caught:  # noqa: SIM117
        with database.write() as connection:
            remember(connection, "/a", "/a")
    assert not isinstance(caught.value, LibraryError)
    assert remembered(database) == []
    database.close()


def test_readers_cannot_write(catalog: Path) -> None:
    database = Database.open(catalog, writable=False)
    with pytest.raises(LibraryError, match="readonly"), database.write() as connection:
        remember(connection, "/a")
    database.close()


@contextmanager
def read_only_folder(folder: Path) -> Iterator[Path]:
    """Copy a folder to where it cannot be written; root becomes nobody meanwhile."""
    outside = Path(tempfile.mkdtemp())
    shutil.copytree(folder, outside / "library")
    sealed = outside / "library"
    outside.chmod(0o755)
    for file in sealed.iterdir():
        file.chmod(0o444)
    sealed.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield sealed
    finally:
        if is_root:
            os.setresuid(0, 0, 0)
        sealed.chmod(0o755)
        shutil.rmtree(outside)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_catalog_that_nobody_may_write_can_be_read(catalog: Path) -> None:
    database = Database.open(catalog, writable=True)
    with database.write() as connection:
        remember(connection, "/a")
    database.close()
    with read_only_folder(catalog.parent) as folder:
        database = Database.open(folder / "catalog.sqlite", writable=False)
        assert remembered(database) == ["/a"]
        database.close()
        with pytest.raises(LibraryError, match="cannot be opened or written") as caught:
            Database.open(folder / "catalog.sqlite", writable=True)
        assert_is_one_clear_line(caught.value, remedy="permissions")
        assert sorted(file.name for file in folder.iterdir()) == ["catalog.sqlite"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_sealed_catalog_with_a_journal_is_never_read_without_it(catalog: Path) -> None:
    database = Database.open(catalog, writable=True)
    with database.write() as connection:
        remember(connection, "/in the journal")
    with read_only_folder(catalog.parent) as folder:  # as a backup of a live library has it
        try:
            sealed = Database.open(folder / "catalog.sqlite", writable=False)
            assert remembered(sealed) == ["/in the journal"]
            sealed.close()
        except LibraryError as error:
            assert_is_one_clear_line(error, remedy="permissions")
    database.close()


def test_a_catalogs_path_may_have_any_characters(tmp_path: Path) -> None:
    folder = tmp_path / "100% 'a' \"b\" ?x=1#y\n\udce9"
    folder.mkdir()
    database = Database.open(folder / "catalog.sqlite", writable=True)
    with database.write() as connection:
        remember(connection, "/a")
    assert remembered(database) == ["/a"]
    database.close()
    assert (folder / "catalog.sqlite").is_file()

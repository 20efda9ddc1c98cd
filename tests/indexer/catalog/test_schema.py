from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, inspect

from indexer.catalog import migrations, schema
from indexer.catalog.database import Database

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine


def described(engine: Engine) -> dict[str, Any]:
    look = inspect(engine)
    tables = {}
    for name in look.get_table_names():
        if name.startswith(("photo_words", "caption_words")):
            continue  # of FTS5
        columns = [
            (each["name"], str(each["type"]), each["nullable"], each["primary_key"])
            for each in look.get_columns(name)
        ]
        with engine.connect() as connection:
            # the inspector reads options from the SQL's text, and not from every style of it
            listed = connection.exec_driver_sql(f"PRAGMA foreign_key_list({name})").mappings()
            wanted = ("table", "from", "to", "on_update", "on_delete", "match")
            keys = [tuple(each[key] for key in wanted) for each in listed]
        indexes = look.get_indexes(name)
        tables[name] = {
            "columns": columns,
            "keys": sorted(keys, key=str),
            "uniques": sorted(each["column_names"] for each in look.get_unique_constraints(name)),
            "indexes": sorted((each["name"], each["column_names"]) for each in indexes),
        }
    with engine.connect() as connection:
        grows = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%' ORDER BY name"
        )
        tables["never reuse an id"] = list(grows.scalars())
    return tables


def test_the_migrations_make_the_tables_that_the_queries_know(tmp_path: Path) -> None:
    Database.open(tmp_path / "catalog.sqlite", writable=True).close()
    migrated = create_engine(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
    declared = create_engine(f"sqlite:///{tmp_path / 'declared.sqlite'}")
    schema.metadata.create_all(declared)
    mine, theirs = described(migrated), described(declared)
    assert mine == theirs
    assert mine["never reuse an id"] == ["image_embedding", "text_embedding"]
    on_delete = [key[4] for table in schema.metadata.tables for key in mine[table]["keys"]]
    assert on_delete == ["CASCADE"] * 6
    migrated.dispose()
    declared.dispose()


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "catalog.sqlite") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    database = Database.open(tmp_path / "catalog.sqlite", writable=True)
    with database.read() as connection:
        before = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all()
    with database.write() as connection:
        migrations.migrate(connection)
        assert migrations.version(connection) == migrations.LATEST
        assert connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all() == before
    database.close()


def test_half_a_migration_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalog.sqlite"
    Database.open(path, writable=True).close()
    later = ("CREATE TABLE album (id INTEGER)", "ALTER TABLE photo ADD COLUMN x TEXT", "NONSENSE")
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, later))
    monkeypatch.setattr(migrations, "LATEST", migrations.LATEST + 1)
    with pytest.raises(Exception, match="syntax error"):
        Database.open(path, writable=True)
    monkeypatch.undo()
    database = Database.open(path, writable=True)
    with database.read() as connection:
        assert migrations.version(connection) == migrations.LATEST
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars().all()
        columns = connection.exec_driver_sql("SELECT name FROM pragma_table_info('photo')")
        assert "album" not in names
        assert "x" not in columns.scalars().all()
    database.close()


def test_removing_a_photo_and_a_caption_uses_an_index(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "catalog.sqlite", writable=True)
    queries = (
        "SELECT id FROM caption WHERE source = 'embedded' AND photo_id = 1",
        "SELECT id FROM photo WHERE content_hash = x'00'",
        "DELETE FROM caption WHERE photo_id = 1",
        "SELECT id FROM text_embedding WHERE text_hash = x'00' AND space_id = 1",
        "SELECT count(*) FROM image_embedding WHERE space_id = 1 AND id <= 5",
    )
    with database.read() as connection:
        for query in queries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
            assert "USING" in plan[0][3], query
            assert "ix_caption_source" not in plan[0][3]  # a source may have a million captions
    database.close()

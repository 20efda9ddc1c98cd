"""The numbered migrations that make the catalog's tables, and bring older catalogs up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

_WORDS = (
    # tokens are made by indexer.words: `ascii` keeps each as it is, and `porter` stems it
    """CREATE VIRTUAL TABLE photo_words USING fts5(
        captions, title, description, place, keywords, name, folders, tokenize = 'porter ascii')""",
    "CREATE VIRTUAL TABLE caption_words USING fts5(text, tokenize = 'porter ascii')",
    "CREATE TABLE stale_photo (id INTEGER NOT NULL)",
    "CREATE TABLE stale_caption (id INTEGER NOT NULL)",
    """CREATE TRIGGER photo_added AFTER INSERT ON photo BEGIN
        INSERT INTO stale_photo VALUES (new.id); END""",
    """CREATE TRIGGER photo_changed
        AFTER UPDATE OF id, path, title, description, place ON photo BEGIN
        INSERT INTO stale_photo VALUES (old.id), (new.id); END""",
    """CREATE TRIGGER photo_removed AFTER DELETE ON photo BEGIN
        INSERT INTO stale_photo VALUES (old.id); END""",
    """CREATE TRIGGER keyword_added AFTER INSERT ON keyword BEGIN
        INSERT INTO stale_photo VALUES (new.photo_id); END""",
    """CREATE TRIGGER keyword_changed AFTER UPDATE OF photo_id, text ON keyword BEGIN
        INSERT INTO stale_photo VALUES (old.photo_id), (new.photo_id); END""",
    """CREATE TRIGGER keyword_removed AFTER DELETE ON keyword BEGIN
        INSERT INTO stale_photo VALUES (old.photo_id); END""",
    """CREATE TRIGGER caption_added AFTER INSERT ON caption BEGIN
        INSERT INTO stale_photo VALUES (new.photo_id);
        INSERT INTO stale_caption VALUES (new.id); END""",
    """CREATE TRIGGER caption_changed AFTER UPDATE OF id, photo_id, text ON caption BEGIN
        INSERT INTO stale_photo VALUES (old.photo_id), (new.photo_id);
        INSERT INTO stale_caption VALUES (old.id), (new.id); END""",
    """CREATE TRIGGER caption_removed AFTER DELETE ON caption BEGIN
        INSERT INTO stale_photo VALUES (old.photo_id);
        INSERT INTO stale_caption VALUES (old.id); END""",
    "INSERT INTO stale_photo SELECT id FROM photo",
    "INSERT INTO stale_caption SELECT id FROM caption",
)

# Each migration is final once released; a change of schema.py's tables is one more entry.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE space (
            id INTEGER NOT NULL PRIMARY KEY,
            model TEXT NOT NULL,
            weights_digest TEXT NOT NULL,
            preprocessing_digest TEXT NOT NULL,
            dim INTEGER NOT NULL,
            is_current BOOLEAN NOT NULL,
            created_at TEXT NOT NULL,
            UNIQUE (weights_digest, preprocessing_digest))""",
        """CREATE TABLE photo (
            id INTEGER NOT NULL PRIMARY KEY,
            path TEXT NOT NULL UNIQUE,
            size BIGINT NOT NULL,
            mtime_ns BIGINT NOT NULL,
            content_hash BLOB NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            format TEXT NOT NULL,
            taken_at TEXT,
            camera TEXT,
            lens TEXT,
            latitude FLOAT,
            longitude FLOAT,
            indexed_at TEXT NOT NULL)""",
        "CREATE INDEX ix_photo_content_hash ON photo (content_hash)",
        """CREATE TABLE caption (
            id INTEGER NOT NULL PRIMARY KEY,
            photo_id INTEGER NOT NULL REFERENCES photo (id) ON DELETE CASCADE,
            text TEXT NOT NULL,
            text_hash BLOB NOT NULL,
            language TEXT,
            source TEXT NOT NULL,
            UNIQUE (photo_id, source, text_hash))""",
        "CREATE INDEX ix_caption_text_hash ON caption (text_hash)",
        "CREATE INDEX ix_caption_source ON caption (source)",
        """CREATE TABLE sidecar (
            photo_id INTEGER NOT NULL REFERENCES photo (id) ON DELETE CASCADE,
            path TEXT NOT NULL,
            size BIGINT NOT NULL,
            mtime_ns BIGINT NOT NULL,
            PRIMARY KEY (photo_id, path))""",
        """CREATE TABLE image_embedding (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            space_id INTEGER NOT NULL REFERENCES space (id) ON DELETE CASCADE,
            content_hash BLOB NOT NULL,
            vector BLOB NOT NULL,
            UNIQUE (content_hash, space_id))""",
        "CREATE INDEX image_embedding_space ON image_embedding (space_id)",
        """CREATE TABLE text_embedding (
            id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
            space_id INTEGER NOT NULL REFERENCES space (id) ON DELETE CASCADE,
            text_hash BLOB NOT NULL,
            vector BLOB NOT NULL,
            UNIQUE (text_hash, space_id))""",
        "CREATE INDEX text_embedding_space ON text_embedding (space_id)",
        """CREATE TABLE skipped (
            path TEXT NOT NULL PRIMARY KEY,
            size BIGINT NOT NULL,
            mtime_ns BIGINT NOT NULL,
            reason TEXT NOT NULL,
            decoder TEXT NOT NULL)""",
        "CREATE TABLE mount (path TEXT NOT NULL PRIMARY KEY)",
        "CREATE TABLE snapshot (name TEXT NOT NULL PRIMARY KEY, token TEXT NOT NULL)",
    ),
    (
        "ALTER TABLE space ADD COLUMN ready_at TEXT",
        "DELETE FROM space WHERE NOT is_current",  # without vectors: a library had one space
        "UPDATE space SET ready_at = created_at",
    ),
    (
        "ALTER TABLE photo ADD COLUMN title TEXT",
        "ALTER TABLE photo ADD COLUMN description TEXT",
        "ALTER TABLE photo ADD COLUMN place TEXT",
        "ALTER TABLE photo ADD COLUMN focal_length FLOAT",
        "ALTER TABLE photo ADD COLUMN aperture FLOAT",
        "ALTER TABLE photo ADD COLUMN iso INTEGER",
        "ALTER TABLE photo ADD COLUMN rating INTEGER",
        "ALTER TABLE photo ADD COLUMN reading INTEGER NOT NULL DEFAULT 0",
        """CREATE TABLE keyword (
            photo_id INTEGER NOT NULL REFERENCES photo (id) ON DELETE CASCADE,
            source TEXT NOT NULL,
            text TEXT NOT NULL,
            score FLOAT,
            PRIMARY KEY (photo_id, source, text))""",
        """CREATE TABLE appearance (
            content_hash BLOB NOT NULL PRIMARY KEY,
            thumbnail BLOB NOT NULL,
            sharpness FLOAT NOT NULL)""",
        """CREATE TABLE background (
            space_id INTEGER NOT NULL PRIMARY KEY REFERENCES space (id) ON DELETE CASCADE,
            material TEXT NOT NULL,
            english BLOB NOT NULL,
            chinese BLOB NOT NULL,
            photos BLOB NOT NULL)""",
        *_WORDS,
    ),
)

LATEST = len(MIGRATIONS)


def version(connection: Connection) -> int:
    """Return the number of the last migration that the catalog has seen."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def migrate(connection: Connection) -> None:
    """Apply the migrations that are missing, in the transaction that is open."""
    for number in range(version(connection), LATEST):
        for statement in MIGRATIONS[number]:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"PRAGMA user_version = {number + 1}")

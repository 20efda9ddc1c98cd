"""The catalog's tables and the numbered migrations that make them. Knows no queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

metadata = MetaData()

space = Table(
    "space",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model", Text, nullable=False),
    Column("weights_digest", Text, nullable=False),
    Column("preprocessing_digest", Text, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("is_current", Boolean, nullable=False),
    Column("created_at", Text, nullable=False),  # ISO 8601, UTC
    Column("ready_at", Text),  # ISO 8601, UTC; without it no query may meet the space yet
    UniqueConstraint("weights_digest", "preprocessing_digest"),
)

photo = Table(
    "photo",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, unique=True),  # absolute
    Column("size", BigInteger, nullable=False),  # bytes
    Column("mtime_ns", BigInteger, nullable=False),
    Column("content_hash", LargeBinary, nullable=False, index=True),  # BLAKE2b, 16 bytes
    Column("width", Integer, nullable=False),  # pixels, upright
    Column("height", Integer, nullable=False),
    Column("format", Text, nullable=False),
    Column("taken_at", Text),  # ISO 8601, with an offset when the camera recorded one
    Column("camera", Text),
    Column("lens", Text),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("indexed_at", Text, nullable=False),  # ISO 8601, UTC
)

caption = Table(
    "caption",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("photo_id", ForeignKey("photo.id", ondelete="CASCADE"), nullable=False),
    Column("text", Text, nullable=False),
    Column("text_hash", LargeBinary, nullable=False, index=True),  # BLAKE2b, 16 bytes
    Column("language", Text),
    Column("source", Text, nullable=False, index=True),  # a file's path, or "embedded"
    UniqueConstraint("photo_id", "source", "text_hash"),
)

# A sidecar's stamp stands with its photo, so that one without captions is not read again.
sidecar = Table(
    "sidecar",
    metadata,
    Column("photo_id", ForeignKey("photo.id", ondelete="CASCADE"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
)

# Ids of embeddings are never reused: a FAISS snapshot is brought up to date by them alone.
image_embedding = Table(
    "image_embedding",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("space_id", ForeignKey("space.id", ondelete="CASCADE"), nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("vector", LargeBinary, nullable=False),  # float16, unit length
    UniqueConstraint("content_hash", "space_id"),
    Index("image_embedding_space", "space_id"),
    sqlite_autoincrement=True,
)

text_embedding = Table(
    "text_embedding",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("space_id", ForeignKey("space.id", ondelete="CASCADE"), nullable=False),
    Column("text_hash", LargeBinary, nullable=False),
    Column("vector", LargeBinary, nullable=False),  # float16, unit length
    UniqueConstraint("text_hash", "space_id"),
    Index("text_embedding_space", "space_id"),
    sqlite_autoincrement=True,
)

skipped = Table(
    "skipped",
    metadata,
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),  # empty for what is no photo: never reported
    Column("decoder", Text, nullable=False),  # what could be decoded then; another one may succeed
)

# Mount points with photos beneath: an unmounted disk must not look like deleted photos.
mount = Table("mount", metadata, Column("path", Text, primary_key=True))

# A FAISS file counts only while it carries the token that is written here.
snapshot = Table(
    "snapshot",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token", Text, nullable=False),
)

# Each migration is final once released; a change of the tables above is one more entry.
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

"""The catalog's tables, as queries name them; migrations.py makes them. Knows no queries."""

from __future__ import annotations

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
    text,
)

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
    Column("title", Text),
    Column("description", Text),
    Column("place", Text),
    Column("focal_length", Float),  # mm
    Column("aperture", Float),  # the f-number
    Column("iso", Integer),
    Column("rating", Integer),  # stars, 0 to 5; -1 where it was rejected
    Column("reading", Integer, nullable=False, server_default=text("0")),  # records.READING then
)

keyword = Table(
    "keyword",
    metadata,
    Column("photo_id", ForeignKey("photo.id", ondelete="CASCADE"), primary_key=True),
    Column("source", Text, primary_key=True),  # records.KeywordSource
    Column("text", Text, primary_key=True),
    Column("score", Float),  # how sure a model was, where it gave the keyword
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

# What queries are compared with to tell matches from chance: the same for all libraries of a space.
background = Table(
    "background",
    metadata,
    Column("space_id", ForeignKey("space.id", ondelete="CASCADE"), primary_key=True),
    Column("material", Text, nullable=False),  # which texts and photos: a digest
    Column("english", LargeBinary, nullable=False),  # float16 rows, of unit length
    Column("chinese", LargeBinary, nullable=False),
    Column("photos", LargeBinary, nullable=False),
)

# By content, as embeddings are: copies look alike, whatever their names.
appearance = Table(
    "appearance",
    metadata,
    Column("content_hash", LargeBinary, primary_key=True),
    Column("thumbnail", LargeBinary, nullable=False),  # records.Appearance
    Column("sharpness", Float, nullable=False),
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

# What has changed since its words were written; the transaction that changed it leaves none.
stale_photo = Table("stale_photo", metadata, Column("id", Integer, nullable=False))
stale_caption = Table("stale_caption", metadata, Column("id", Integer, nullable=False))

# Virtual tables of FTS5, which keeps more tables for each; rowids are ids of photos and captions.
virtual = MetaData()

photo_words = Table(
    "photo_words",
    virtual,
    Column("rowid", Integer, primary_key=True),
    Column("captions", Text),
    Column("title", Text),
    Column("description", Text),
    Column("place", Text),
    Column("keywords", Text),
    Column("name", Text),  # of the file
    Column("folders", Text),
)

caption_words = Table(
    "caption_words",
    virtual,
    Column("rowid", Integer, primary_key=True),
    Column("text", Text),
)

"""What a library was told of its photos in words: captions, titles, descriptions, keywords."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select, update

from indexer.catalog import captions
from indexer.catalog.schema import caption, keyword, photo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import BindParameter, Connection


def forget(connection: Connection, told: Iterable[tuple[bytes, str]]) -> int:
    """Forget these very texts of the photos with these contents; return how many captions left."""
    rows = [
        {"content": content_hash, "told": text, "told_hash": captions.text_hash(text)}
        for content_hash, text in told
    ]
    if not rows:
        return 0
    before = captions.count(connection)
    text: BindParameter[str] = bindparam("told")
    owned = select(photo.c.id).where(photo.c.content_hash == bindparam("content"))
    same_caption = caption.c.text_hash == bindparam("told_hash")
    connection.execute(delete(caption).where(same_caption, caption.c.photo_id.in_(owned)), rows)
    connection.execute(
        delete(keyword).where(keyword.c.text == text, keyword.c.photo_id.in_(owned)), rows
    )
    for column in (photo.c.title, photo.c.description):
        own = (photo.c.content_hash == bindparam("content"), column == text)
        connection.execute(update(photo).where(*own).values({column: None}), rows)
    return before - captions.count(connection)

"""The words of photos and captions in SQLite's FTS5, kept in step, and what matches them.

Triggers mark what changes, and the transaction that changed it ends with `refresh`: whatever
writes a caption, a path or a keyword, its words are committed with it. Words come from
`indexer.words`, so the tokenizer has but to part them at spaces and to stem them (Porter 1980).

A query is quoted words joined by OR and NOT, never text as it was typed: neither SQL nor FTS5's
own syntax can be reached from it.
"""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, insert, select, text

from indexer.catalog.chunks import chunks
from indexer.catalog.schema import (
    caption,
    caption_words,
    keyword,
    photo,
    photo_words,
    stale_caption,
    stale_photo,
)
from indexer.words import path_words, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Column, Connection, Table

    Row = dict[str, object]

PHOTOS, CAPTIONS = photo_words, caption_words

_MOST_WORDS = 64  # of a query
_ENOUGH = 10_000  # rows to rank; a common word says little, and BM25 takes microseconds a row
_MOST_SHARE = 1 / 4  # of a large library: what more have, nothing is found by


class Match(NamedTuple):
    """A photo or caption that has some of the words."""

    id: int
    score: float  # BM25, in nats: how much less often others have these words
    share: float  # of the query's own BM25: 1 for about each of its words, once


def refresh(connection: Connection) -> None:
    """Bring the words of all that was marked up to date, and take off the marks."""
    for stale, index, read in (
        (stale_photo, photo_words, _photo_rows),
        (stale_caption, caption_words, _caption_rows),
    ):
        ids = list(connection.execute(select(stale.c.id).distinct()).scalars())
        for chunk in chunks(ids):
            connection.execute(delete(index).where(index.c.rowid.in_(chunk)))
            rows = list(read(connection, chunk))
            if rows:
                connection.execute(insert(index), rows)
        if ids:
            connection.execute(delete(stale))


def find(
    connection: Connection, index: Table, wanted: Iterable[str], unwanted: Iterable[str] = ()
) -> list[Match]:
    """Find what has words of any of the `wanted` texts, by BM25, best first; ties by id.

    What has all the words of one of the `unwanted` texts is left out.
    """
    asked = _telling(connection, index, wanted)
    if not asked:
        return []
    query = " OR ".join(map(_quoted, asked))
    for against in filter(None, map(words, unwanted)):
        query = f"({query}) NOT ({' AND '.join(map(_quoted, against[:_MOST_WORDS]))})"
    statement = text(
        f"SELECT rowid, -bm25({index.name}) AS score FROM {index.name} "  # noqa: S608  (our names)
        f"WHERE {index.name} MATCH :query ORDER BY score DESC, rowid"
    )
    own = sum(asked.values())
    rows = connection.execute(statement, {"query": query})
    return [Match(rowid, score, score / own) for rowid, score in rows]


def _telling(connection: Connection, index: Table, texts: Iterable[str]) -> dict[str, float]:
    """Return the words to rank by, rarest first, each with its weight in FTS5's BM25.

    Common words are left out where rarer ones find enough: they change little but the time.
    """
    rows = photo if index is photo_words else caption
    total = connection.execute(text(f"SELECT count(*) FROM {rows.name}")).scalar_one()  # noqa: S608  (our names)
    asked = dict.fromkeys(word for each in texts for word in words(each))
    counts = {word: _count(connection, index, word) for word in list(asked)[:_MOST_WORDS]}
    told: dict[str, float] = {}
    room = _ENOUGH
    for count, word in sorted((count, word) for word, count in counts.items() if count):
        room -= count
        if room < 0 and (told or count > total * _MOST_SHARE):
            break
        told[word] = max(log((total - count + 0.5) / (count + 0.5)), 1e-6)
    return told


def _count(connection: Connection, index: Table, word: str) -> int:
    """Count the rows that have a word, as far as the count matters."""
    statement = text(f"SELECT count(*) FROM {index.name} WHERE {index.name} MATCH :query")  # noqa: S608  (our names)
    return int(connection.execute(statement, {"query": _quoted(word)}).scalar_one())


def _quoted(word: str) -> str:
    return f'"{word}"'  # a word is letters, digits or a symbol: no quote is in it


def _photo_rows(connection: Connection, ids: Sequence[int]) -> Iterator[Row]:
    texts = _texts(connection, caption.c.text, caption.c.photo_id, ids)
    keywords = _texts(connection, keyword.c.text, keyword.c.photo_id, ids)
    columns = (photo.c.id, photo.c.path, photo.c.title, photo.c.description, photo.c.place)
    for row in connection.execute(select(*columns).where(photo.c.id.in_(ids))):
        name, folders = path_words(Path(row.path))
        yield {
            "rowid": row.id,
            "captions": _joined(texts.get(row.id, ())),
            "title": _joined([row.title or ""]),
            "description": _joined([row.description or ""]),
            "place": _joined([row.place or ""]),
            "keywords": _joined(keywords.get(row.id, ())),
            "name": " ".join(name),
            "folders": " ".join(folders),
        }


def _caption_rows(connection: Connection, ids: Sequence[int]) -> Iterator[Row]:
    query = select(caption.c.id, caption.c.text).where(caption.c.id.in_(ids))
    for caption_id, told in connection.execute(query):
        yield {"rowid": caption_id, "text": _joined([told])}


def _texts(
    connection: Connection, column: Column[str], owner: Column[int], ids: Sequence[int]
) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    query = select(owner, column).distinct().where(owner.in_(ids)).order_by(owner, column)
    for photo_id, told in connection.execute(query):
        found.setdefault(photo_id, []).append(told)
    return found


def _joined(texts: Iterable[str]) -> str:
    return " ".join(word for each in texts for word in words(each))

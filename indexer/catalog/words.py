"""The words of photos and captions in SQLite's FTS5, kept in step, and what matches them.

Triggers mark what changes, and the transaction that changed it ends with `refresh`: whatever
writes a caption, a path or a keyword, its words are committed with it. Words come from
`indexer.words`, so the tokenizer has but to part them at spaces and to stem them (Porter 1980).

FTS5 is asked for quoted words, never for text as it was typed: neither SQL nor FTS5's own syntax
can be reached from a query.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import delete, func, insert, literal, select, text

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
_ENOUGH = 10_000  # rows that are read for a query: commoner words tell little
_TOO_MANY = 1 / 4  # of a library of more rows: by a word that so many have nothing is found


@dataclass(frozen=True, slots=True)
class Matches:
    """Who has some of a query's words, the most and rarest first; ties by id."""

    nats: float  # what it tells that somebody has all of the words
    shares: tuple[tuple[int, float], ...] = ()  # by id, how much of that is told: 1 for all


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
) -> Matches:
    """Find what has words of any of the `wanted` texts.

    What has all the words of one of the `unwanted` texts is left out. Each word counts once, by
    the weight that BM25 gives it (Robertson and Zaragoza 2009, smoothed as Lucene does). How often
    it comes and how long a text is do not count: that says little of texts so short, and by it a
    photo with captions would lose to one with a name alone.
    """
    asked = dict.fromkeys(word for each in wanted for word in words(each))
    total = _count(connection, photo if index is photo_words else caption)
    rows = _rows_to_count(connection, index, list(asked)[:_MOST_WORDS], total)
    weights = {word: log(1 + (total - len(ids) + 0.5) / (len(ids) + 0.5)) for word, ids in rows}
    ids = np.array([key for _, having in rows for key in having], np.int64)
    if not len(ids):
        return Matches(0.0)
    nats = sum(weights.values())
    each = np.repeat([weights[word] for word, _ in rows], [len(having) for _, having in rows])
    found, place = np.unique(ids, return_inverse=True)
    shares = np.bincount(place, each) / nats
    for against in filter(None, map(words, unwanted)):
        left = ~np.isin(found, _having(connection, index, against[:_MOST_WORDS]))
        found, shares = found[left], shares[left]
    order = np.lexsort((found, -shares))
    return Matches(nats, tuple(zip(found[order].tolist(), shares[order].tolist(), strict=True)))


def _rows_to_count(
    connection: Connection, index: Table, asked: Sequence[str], total: int
) -> list[tuple[str, list[int]]]:
    """Read who has each word, the rarest first, until enough are read for what more would tell."""
    most = _ENOUGH + 1
    counts = {word: _count(connection, index, having=word, up_to=most) for word in asked}
    if min(counts.values(), default=0) == most:  # all are common: which is the least
        counts = {word: _count(connection, index, having=word) for word in asked}
    rows: list[tuple[str, list[int]]] = []
    room = _ENOUGH
    for count, word in sorted((count, word) for word, count in counts.items()):
        room -= count
        if room < 0 and (any(ids for _, ids in rows) or count > total * _TOO_MANY):
            break
        rows.append((word, _having(connection, index, [word])))
    return rows


def _count(
    connection: Connection, table: Table, *, having: str = "", up_to: int | None = None
) -> int:
    query = select(literal(1)).select_from(table).limit(up_to)
    if having:
        query = query.where(text(f"{table.name} MATCH :words")).params(words=_quoted(having))
    return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())


def _having(connection: Connection, index: Table, asked: Sequence[str]) -> list[int]:
    """Return the ids of what has all of the words, ascending."""
    query = select(index.c.rowid).where(text(f"{index.name} MATCH :words")).order_by(index.c.rowid)
    matched = connection.execute(query, {"words": " AND ".join(map(_quoted, asked))})
    return list(matched.scalars())


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

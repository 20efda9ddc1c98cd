"""The keywords of a library's photos, and where each came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import bindparam, delete, func, insert, select

from indexer.catalog.chunks import chunks
from indexer.catalog.schema import keyword
from indexer.records import Keyword

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from indexer.records import KeywordSource

LABELS: KeywordSource = "labels"  # the source of keywords that `classify` gives

Owned: TypeAlias = tuple[int, str]  # a photo's id, and a keyword of it


def replace(
    connection: Connection, photo_id: int, source: KeywordSource, keywords: Iterable[Keyword]
) -> None:
    """Make `keywords` all that a source gives a photo; of equal ones the last counts."""
    own = (keyword.c.photo_id == photo_id, keyword.c.source == source)
    connection.execute(delete(keyword).where(*own))
    scores = {each.text: each.score for each in keywords}
    if scores:
        key = {"photo_id": photo_id, "source": source}
        rows = [{**key, "text": text, "score": score} for text, score in scores.items()]
        connection.execute(insert(keyword), rows)


def of_photos(connection: Connection, photo_ids: Sequence[int]) -> dict[int, tuple[Keyword, ...]]:
    """Return the keywords of photos that have some, by photo: by text, then by source."""
    columns = (keyword.c.photo_id, keyword.c.text, keyword.c.source, keyword.c.score)
    found: dict[int, list[Keyword]] = {}
    for chunk in chunks(photo_ids):
        rows = connection.execute(
            select(*columns)
            .where(keyword.c.photo_id.in_(chunk))
            .order_by(keyword.c.photo_id, keyword.c.text, keyword.c.source)
        )
        for photo_id, *rest in rows:
            found.setdefault(photo_id, []).append(Keyword(*rest))
    return {photo_id: tuple(keywords) for photo_id, keywords in found.items()}


def of_photo(
    connection: Connection, photo_id: int, *, source: KeywordSource
) -> tuple[Keyword, ...]:
    """Return the keywords that one source gives a photo."""
    found = of_photos(connection, [photo_id]).get(photo_id, ())
    return tuple(each for each in found if each.source == source)


def all_of(connection: Connection, source: KeywordSource) -> dict[Owned, float | None]:
    """Return the scores of all the keywords that a source gives."""
    columns = (keyword.c.photo_id, keyword.c.text, keyword.c.score)
    rows = connection.execute(select(*columns).where(keyword.c.source == source))
    return {(photo_id, text): score for photo_id, text, score in rows}


def change(
    connection: Connection,
    source: KeywordSource,
    *,
    remove: Collection[Owned],
    put: Mapping[Owned, float | None],
) -> None:
    """Take keywords of a source from photos, and give them others or the same with new scores."""
    gone = [{"of": photo_id, "word": text} for photo_id, text in {*remove, *put}]
    if gone:
        own = (keyword.c.photo_id == bindparam("of"), keyword.c.text == bindparam("word"))
        connection.execute(delete(keyword).where(keyword.c.source == source, *own), gone)
    if put:
        rows = [
            {"photo_id": photo_id, "source": source, "text": text, "score": score}
            for (photo_id, text), score in put.items()
        ]
        connection.execute(insert(keyword), rows)


def counts(connection: Connection, source: KeywordSource) -> dict[str, int]:
    """Count the photos of each keyword that a source gives, those of most photos first."""
    number = func.count().label("photos")
    rows = connection.execute(
        select(keyword.c.text, number)
        .where(keyword.c.source == source)
        .group_by(keyword.c.text)
        .order_by(number.desc(), keyword.c.text)
    )
    return {row.text: row.photos for row in rows}

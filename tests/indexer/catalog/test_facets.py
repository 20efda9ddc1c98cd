"""Traits of photos, counted in memory, against the same in plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.catalog import facets, keywords, photos
from indexer.catalog.database import Database
from indexer.catalog.schema import photo
from indexer.filters import Condition, Filters, Orientation
from indexer.records import Facts, Keyword, PhotoFile

if TYPE_CHECKING:
    from collections.abc import Iterator

FACTS = st.builds(
    Facts,
    width=st.integers(1, 2),
    height=st.integers(1, 2),
    format=st.sampled_from(["JPEG", "HEIF"]),
    taken_at=st.none() | st.datetimes(*map(datetime.fromisoformat, ("2020-01-01", "2020-03-01"))),
    camera=st.sampled_from([None, "Pixel 7", "Canon"]),
    rating=st.none() | st.integers(-1, 5),
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = Database.open(tmp_path_factory.mktemp("facets") / "catalog.sqlite", writable=True)
    yield opened
    opened.close()


@settings(max_examples=30)
@given(st.lists(st.tuples(FACTS, st.sampled_from(["a", "b/c"])), max_size=10), st.data())
def test_traits_are_counted_as_they_are(
    database: Database, rows: list[tuple[Facts, str]], data: st.DataObject
) -> None:
    known: dict[int, tuple[Facts, str]] = {}
    with database.write() as connection:
        connection.execute(photo.delete())
        for number, (facts, folder) in enumerate(rows):
            # paths in another order than ids: SQLite must not mix columns
            file = PhotoFile(Path(f"/photos/{folder}/{99 - number}.jpg"), 1, 1)
            key = photos.put(connection, file, number.to_bytes(16, "big"), facts)
            known[key] = (facts, f"/photos/{folder}")
        traits = facets.read(connection)
    assert traits.ids.tolist() == sorted(known)
    some = data.draw(st.sets(st.sampled_from(sorted(known)))) if known else set()
    for ids in (None, np.array(sorted(some), np.int64)):
        counted = [known[key] for key in (known if ids is None else some)]
        assert traits.counts("camera", ids) == Counter(each.camera for each, _ in counted)
        assert traits.counts("format", ids) == Counter(each.format for each, _ in counted)
        assert traits.counts("folder", ids) == Counter(folder for _, folder in counted)
        months = Counter(each.taken_at and f"{each.taken_at:%Y-%m}" for each, _ in counted)
        assert traits.counts("month", ids) == months
        shapes = Counter(
            (each.width > each.height) - (each.width < each.height) for each, _ in counted
        )
        shapes_of = {1: "landscape", -1: "portrait", 0: "square"}
        assert traits.counts("shape", ids) == {shapes_of[key]: n for key, n in shapes.items()}
        stars = Counter(None if each.rating is None else str(each.rating) for each, _ in counted)
        assert traits.counts("rating", ids) == stars
        counts = list(traits.counts("rating", ids).values())
        assert counts == sorted(counts, reverse=True)


def test_keywords_are_counted_once_a_photo_the_commonest_first(database: Database) -> None:
    with database.write() as connection:
        connection.execute(photo.delete())
        for number, words in enumerate((["sea", "sky"], ["sea"], ["tree"])):
            file = PhotoFile(Path(f"/photos/{number}.jpg"), 1, 1)
            facts = Facts(3 - number, 2, "JPEG")
            key = photos.put(connection, file, number.to_bytes(16, "big"), facts)
            for source in ("embedded", "sidecar"):
                keywords.replace(connection, key, source, [Keyword(word, source) for word in words])
        everything = facets.keywords(connection, Filters(), limit=9)
        wide = Filters((Condition(Orientation("landscape")),))
        assert list(everything.items()) == [("sea", 2), ("sky", 1), ("tree", 1)]
        assert facets.keywords(connection, wide, limit=9) == {"sea": 1, "sky": 1}
        assert facets.keywords(connection, Filters(), limit=1) == {"sea": 2}

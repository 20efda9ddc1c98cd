"""Photos in the order of time, a page at a time, and those of a moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.catalog import listing, photos
from indexer.catalog.database import Database
from indexer.catalog.schema import photo
from indexer.filters import Camera, Condition, Filters
from indexer.records import Facts, PhotoFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

DAY = datetime(2021, 5, 17, 12, 30)  # noqa: DTZ001 - a camera's clock has no zone
ALL = Filters()
PIXEL = Filters((Condition(Camera("pixel")),))
TIMES = st.none() | st.integers(0, 3).map(lambda hours: DAY + timedelta(hours=hours))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = Database.open(tmp_path_factory.mktemp("listing") / "catalog.sqlite", writable=True)
    yield opened
    opened.close()


def put(
    connection: Connection, number: int, taken_at: datetime | None, camera: str | None = None
) -> int:
    file = PhotoFile(Path(f"/photos/{number}.jpg"), 1, 1)
    facts = Facts(3, 2, "JPEG", taken_at=taken_at, camera=camera)
    return photos.put(connection, file, number.to_bytes(16, "big"), facts)


@settings(max_examples=30)
@given(
    rows=st.lists(st.tuples(TIMES, st.sampled_from([None, "Pixel 7"])), max_size=12),
    limit=st.integers(1, 5),
    filters=st.sampled_from([ALL, PIXEL]),
)
def test_pages_have_each_photo_once_the_newest_first(
    database: Database,
    rows: list[tuple[datetime | None, str | None]],
    limit: int,
    filters: Filters,
) -> None:
    with database.write() as connection:
        connection.execute(photo.delete())
        for number, row in enumerate(rows):
            put(connection, number, *row)
    with database.read() as connection:
        found: list[listing.Place] = []
        while page := listing.newest(
            connection, filters, limit=limit, after=found[-1] if found else None
        ):
            found += page
        assert listing.count(connection, filters) == len(found)
        stored = connection.execute(photo.select()).all()
    kept = [row for row in stored if filters == ALL or row.camera]
    kept.sort(key=lambda row: (row.taken_at or "", row.id), reverse=True)
    assert found == [(row.taken_at, row.id) for row in kept]


def test_contents_of_a_moment_are_those_of_one_camera(database: Database) -> None:
    with database.write() as connection:
        connection.execute(photo.delete())
        for number, seconds in enumerate((-11, -10, 0, 10, 11)):
            put(connection, number, DAY + timedelta(seconds=seconds), "Pixel 7")
        put(connection, 7, DAY, "Canon")
        put(connection, 8, None, "Pixel 7")
        reach = timedelta(seconds=10)
        found = listing.hashes_between(
            connection, DAY - reach, DAY + reach, camera="Pixel 7", limit=9
        )
    assert found == [number.to_bytes(16, "big") for number in (1, 2, 3)]

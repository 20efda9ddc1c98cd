"""Filters in SQL against the same conditions in plain Python, on catalogs of any content."""

from __future__ import annotations

import math
import os
import re
import unicodedata
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from indexer.catalog import captions, embeddings, filters, keywords, photos, spaces
from indexer.catalog.captions import NewCaption
from indexer.catalog.database import Database
from indexer.catalog.functions import in_folder, km_between
from indexer.catalog.schema import caption, metadata
from indexer.filters import (
    After,
    Before,
    Camera,
    Condition,
    Filters,
    Folder,
    Format,
    Has,
    Keyword,
    Lens,
    MinSize,
    Near,
    Orientation,
    Place,
    Rating,
)
from indexer.records import Facts, PhotoFile, Space
from indexer.records import Keyword as Word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from indexer.filters import Test
    from indexer.records import Caption, Photo

EXAMPLES = int(os.environ.get("SIGHTSEEK_FILTER_EXAMPLES", "25"))

# times and names that meet, touch and nest, so that edges are hit often
MOMENTS = ("2020", "2021", "2021-05", "2021-05-17", "2021-05-17T12:30:00", "2021-06", "1999-12-31")
TIMES = (
    "2021-05-17T12:30:00", "2021-05-17T12:29:59", "2021-01-01T00:00:00", "2020-12-31T23:59:59",
    "2021-05-01T00:00:00", "2021-04-30T23:59:59", "1999-12-31T00:00:00",
)  # fmt: skip
NAMES = ("Pixel 7", "PIXEL 7 Pro", "Canon EOS 5D", "canon", "Straße", "STRASSE", "É", "é", "%_")
WORDS = ("cat", "Cat", "CATS", "海", "É", "e\u0301", "pixel 7")
FOLDERS = ("/a", "/a/2021", "/a/2021/May", "/b/2021-05", "/b/x/y", "/B/X", "/a/[1]")
PATTERNS = (
    *("a", "2021", "2021*", "/a", "/a/*", "/a/**", "**/May", "x/y", "2021/may", "?", "[ab]"),
    *("/**", "/", "**", "/b/**/y", "y/x", "[[]1]", "/a/2021/May/x", "*", "**/x/**"),
)
PLACES = (
    (0.0, 179.95), (0.0, -179.95), (89.9, 10.0), (89.9, -170.0), (-90.0, 0.0), (48.85, 2.35),
    (48.86, 2.35), (0.0, 0.0), (10.0, 10.0),
)  # fmt: skip
ZONES = (None, timezone(timedelta(hours=2)), timezone(-timedelta(hours=9, minutes=30)))


def nothing_or(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


FACTS = st.builds(
    lambda time, zone, position, **rest: Facts(
        taken_at=datetime.fromisoformat(time).replace(tzinfo=zone) if time else None,
        latitude=position[0] if position else None,
        longitude=position[1] if position else None,
        **rest,
    ),
    time=nothing_or(st.sampled_from(TIMES)),
    zone=st.sampled_from(ZONES),
    position=nothing_or(st.sampled_from(PLACES)),
    width=st.integers(1, 4),
    height=st.integers(1, 4),
    format=st.sampled_from(["JPEG", "PNG", "HEIF"]),
    camera=nothing_or(st.sampled_from(NAMES)),
    lens=nothing_or(st.sampled_from(NAMES)),
    iso=nothing_or(st.integers(100, 200)),
    rating=nothing_or(st.integers(-1, 5)),
    place=nothing_or(st.sampled_from(("Old harbour, Brest, France", "Paris, France", "PARIS"))),
)
ROWS = st.tuples(
    FACTS,
    st.sampled_from(FOLDERS),
    st.integers(0, 4),  # the content: copies share one
    st.lists(st.sampled_from(WORDS), max_size=3),
    st.lists(st.sampled_from(["red", "green", "blue"]), max_size=2, unique=True),
)
TESTS = st.one_of(
    st.sampled_from(MOMENTS).map(After),
    st.sampled_from(MOMENTS).map(Before),
    st.sampled_from(("pixel 7", "CANON", "strasse", "é", "7", "%", "x" * 40)).map(Camera),
    st.sampled_from(("pixel 7", "ß", "É", "_")).map(Lens),
    st.builds(
        lambda place, km: Near(*place, km),
        st.sampled_from(PLACES),
        st.sampled_from((0.0, 1.2, 12.0, 25.0, 20_000.0, 30_000.0)),
    ),
    st.builds(
        lambda name, country, places: Place(name, country, 20, tuple(Near(*p, 20) for p in places)),
        st.sampled_from(("paris", "Old", "x")),
        st.sampled_from((None, "FRANCE")),
        st.lists(st.sampled_from(PLACES), max_size=2),
    ),
    st.sampled_from(PATTERNS).map(Folder),
    st.sampled_from(("landscape", "portrait", "square")).map(Orientation),
    st.builds(MinSize, st.integers(0, 5), st.integers(0, 5)),
    st.sampled_from(("JPEG", "jpeg", "PNG", "TIFF")).map(Format),
    st.tuples(st.integers(-1, 5), st.integers(-1, 5)).map(lambda ends: Rating(*sorted(ends))),
    st.sampled_from(WORDS).map(Keyword),
    st.sampled_from(("captions", "gps", "exif", "date", "keywords", "rating")).map(Has),
)
FILTERS = st.lists(st.builds(Condition, TESTS, st.booleans()), max_size=3).map(
    lambda conditions: Filters(tuple(conditions))
)

SPACE = Space("colours", "1" * 64, "0" * 64, 4)
OTHER = Space("others", "2" * 64, "0" * 64, 4)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = Database.open(tmp_path_factory.mktemp("filters") / "catalog.sqlite", writable=True)
    yield opened
    opened.close()


def fill(connection: Connection, rows: list[Any]) -> tuple[int, list[tuple[Photo, list[str]]]]:
    """Write a catalog of these photos alone; return its space and what Python is to judge by."""
    for table in reversed(metadata.sorted_tables):
        if table.name in {"photo", "space"}:
            connection.execute(table.delete())
    texts: dict[int, list[str]] = {}
    for number, (facts, folder, content, words, own) in enumerate(rows):
        file = PhotoFile(Path(folder) / f"{number}.jpg", 1, 1)
        photo_id = photos.put(connection, file, bytes([content]), facts)
        given_words = [Word(each, "embedded") for each in words]
        keywords.replace(connection, photo_id, "embedded", given_words)
        new = [NewCaption(photo_id, each) for each in own]
        captions.replace(connection, "file", new, photo_id=photo_id)
        texts[photo_id] = own
    space_id, other_id = (spaces.add(connection, each) for each in (SPACE, OTHER))
    hashes = {bytes([content]) for _, _, content, _, _ in rows}
    keys = {captions.text_hash(text) for own in texts.values() for text in own}
    vector = np.ones(4, np.float32) / 2
    for each in (other_id, space_id):  # the ids of one space are not those of the other
        embeddings.add(connection, embeddings.PHOTOS, each, dict.fromkeys(hashes, vector))
        embeddings.add(connection, embeddings.CAPTIONS, each, dict.fromkeys(keys, vector))
    held = photos.by_id(connection, list(texts))
    return space_id, [(photo, texts[photo.id]) for photo in held.values()]


def holds(photo: Photo, texts: list[str], test: Test) -> bool:  # noqa: C901 - all that filters ask
    facts = photo.facts
    match test:
        case After(moment) | Before(moment):
            if facts.taken_at is None:
                return False
            parts = [int(part) for part in moment.replace("T", "-").replace(":", "-").split("-")]
            start = datetime(*(parts + [1, 1, 0, 0, 0][len(parts) - 1 :])[:6])  # noqa: DTZ001
            clock = facts.taken_at.replace(tzinfo=None)
            return clock >= start if isinstance(test, After) else clock < start
        case Camera(name):
            return facts.camera is not None and name.casefold() in facts.camera.casefold()
        case Lens(name):
            return facts.lens is not None and name.casefold() in facts.lens.casefold()
        case Near(latitude, longitude, km):
            if facts.latitude is None or facts.longitude is None:
                return False
            return distance(facts.latitude, facts.longitude, latitude, longitude) <= km
        case Place(name, country, _, cities):
            said = (facts.place or "").casefold()
            names = [each for each in (name, country) if each]
            is_near = any(holds(photo, texts, city) for city in cities)
            return is_near or all(each.casefold() in said for each in names)
        case Folder(pattern):
            return is_beneath(photo.path, pattern)
        case Orientation(shape):
            shapes = {1: "landscape", 0: "square", -1: "portrait"}
            return shapes[(facts.width > facts.height) - (facts.width < facts.height)] == shape
        case MinSize(width, height):
            return facts.width >= width and facts.height >= height
        case Format(name):
            return facts.format == name.upper()
        case Rating(least, most):
            return facts.rating is not None and facts.rating in range(least, most + 1)
        case Keyword(text):
            return fold(text) in {fold(word.text) for word in photo.keywords}
        case Has(what):
            camera = (facts.taken_at, facts.camera, facts.lens, facts.iso)
            return {
                "captions": bool(texts),
                "gps": facts.latitude is not None,
                "exif": any(each is not None for each in camera),
                "date": facts.taken_at is not None,
                "keywords": bool(photo.keywords),
                "rating": facts.rating is not None,
            }[what]


def fold(word: str) -> str:
    return unicodedata.normalize("NFC", word).casefold()


def distance(latitude: float, longitude: float, other: float, beyond: float) -> float:
    """Measure by the angle between two directions from the Earth's centre."""

    def direction(north: float, east: float) -> tuple[float, float, float]:
        north, east = math.radians(north), math.radians(east)
        return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)

    chord = math.dist(direction(latitude, longitude), direction(other, beyond))
    return 2 * 6371.0088 * math.asin(min(1.0, chord / 2))


def is_beneath(path: Path, pattern: str) -> bool:
    """Match by one regular expression of the whole pattern."""
    any_folders = "(/[^/]+)*"
    expression = "" if pattern.startswith("/") else any_folders
    for part in filter(None, pattern.lower().split("/")):
        name = "".join(
            {"*": "[^/]*", "?": "[^/]"}.get(piece, re.escape(piece))
            if piece[0] != "["
            else f"[{re.escape(piece[1:-1])}]"
            for piece in re.findall(r"\[.[^]]*\]|.", part)
        )
        expression += any_folders if part == "**" else f"/{name}"
    return re.fullmatch(expression + any_folders, str(path.parent).lower()) is not None


@settings(derandomize=EXAMPLES < 100, deadline=None, max_examples=EXAMPLES)
@given(st.lists(ROWS, max_size=12), st.lists(FILTERS, min_size=1, max_size=8))
def test_filters_keep_what_plain_python_keeps(
    database: Database, rows: list[Any], asked: list[Filters]
) -> None:
    with database.write() as connection:
        space_id, held = fill(connection, rows)
        everything = {photo.id for photo, _ in held}
        for each in asked:
            kept = {
                photo.id
                for photo, texts in held
                if all(holds(photo, texts, c.test) != c.negated for c in each.conditions)
            }
            assert filters.photo_ids(connection, each).tolist() == sorted(kept)
            of_kept = photos.embedding_ids(connection, space_id, sorted(kept))
            found = filters.photo_embedding_ids(connection, space_id, each)
            assert found.tolist() == sorted(set(of_kept.values()))
            own = {each.id for each in held_captions(connection) if each.photo.id in kept}
            assert filters.caption_ids(connection, each).tolist() == sorted(own)
            keys = set(captions.embedding_ids(connection, space_id, sorted(own)).values())
            found = filters.caption_embedding_ids(connection, space_id, each)
            assert found.tolist() == sorted(keys)
            for condition in each.conditions:  # a condition and its opposite part all photos
                halves = [
                    set(filters.photo_ids(connection, Filters((Condition(condition.test, no),))))
                    for no in (False, True)
                ]
                assert halves[0] | halves[1] == everything
                assert not halves[0] & halves[1]


def held_captions(connection: Connection) -> list[Caption]:
    ids = list(connection.execute(select(caption.c.id)).scalars())
    return list(captions.by_id(connection, ids).values())


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("Holidays", True), ("holidays", True), ("Holi*", True), ("photos", True),
        ("photos/Holidays", True), ("photos/2021", False), ("Holidays/2021", True), ("oli", False),
        ("/home/ann/photos", True), ("/home/photos", False), ("/photos", False), ("/home/*/photos",
        True), ("/home/**/2021", True), ("/**/2021", True), ("**/ann/**", True), ("a.jpg", False),
        ("2021/a.jpg", False), ("/", True), ("/home/ann/photos/Holidays/2021/a.jpg", False),
    ],
)  # fmt: skip
def test_a_pattern_is_of_a_folder_above_the_photo(pattern: str, *, matches: bool) -> None:
    assert in_folder("/home/ann/photos/Holidays/2021/a.jpg", pattern) is matches


def test_a_pattern_of_many_stars_ends_soon() -> None:
    assert not in_folder("/a" * 60 + "/b.jpg", "**/a/" * 30 + "x")


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((48.8584, 2.2945), (40.6892, -74.0445), 5837),  # from Paris to New York
        ((0, 179.5), (0, -179.5), 111.2),
        ((89.5, 0), (89.5, 180), 111.2),
        ((-90, 0), (-90, 123), 0),
        ((0, 0), (0, 180), 20015),
    ],
)
def test_distances_cross_the_date_line_and_the_poles(
    one: tuple[float, float], other: tuple[float, float], km: float
) -> None:
    assert km_between(*one, *other) == pytest.approx(km, rel=2e-3, abs=0.1)

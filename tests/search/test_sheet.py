from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.records import Caption, Facts, Photo
from search.duplicates.records import EXACT
from search.query import Query
from search.results import Hit, Like, Results
from search.sheet import page
from search.terms import Term
from search.thumbnails import Drawn, Undrawn

VOID = {"meta", "img"}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "small", "h1", "p", "main", "ol",
    "li", "a", "img", "div", "span", "b", "i", "bdi", "footer",
}  # fmt: skip
PICTURE = Drawn(b"\xff\xd8\xff not really", 480, 320)
HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "' onmouseover='alert(1)",
    "</style></title></p></li><h2>mine</h2>",
    "&lt;b&gt; &amp; &#x202e;",
    "<!-- --><![CDATA[x]]>",
    "exe.\u202egpj",
    "\u2066left\u2069 \u200fright",
    "line\nbreak\ttab\0nul\x1b]0;title\x07",
    "javascript:alert(1)",
    "\u0641\u0627\u0631\u0633\u06cc\u200c\u0647\u0627 \u732b \U0001f468\u200d\U0001f469",
]


class Read(HTMLParser):
    """What a browser would make of a page, and that it is well-formed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.declarations: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open
        assert self.declarations == ["DOCTYPE html"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def handle_decl(self, decl: str) -> None:
        self.declarations.append(decl)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_pi = unknown_decl = handle_comment

    def attributes(self, tag: str, name: str) -> list[str | None]:
        return [attrs[name] for each, attrs in self.tags if each == tag and name in attrs]


def hit(path: str = "/photos/cat.jpg", caption: str | None = None, **facts: object) -> Hit:
    photo = Photo(17, Path(path), b"", Facts(4000, 3000, "JPEG", **facts))
    return Hit(1, 0.27311, photo, Caption(1, caption, photo) if caption is not None else None)


def read(*hits: Hit, query: str = "a cat", picture: Drawn | Undrawn = PICTURE) -> Read:
    results = Results(Query((Term("text", query),)), "builtin", hits)
    return Read("".join(page(results, [picture] * len(hits))))


def assert_harmless(found: Read, hits: int) -> None:
    assert {tag for tag, _ in found.tags} <= TAGS
    assert sum(tag == "li" for tag, _ in found.tags) == hits
    for tag, attrs in found.tags:
        assert not [name for name in attrs if name.startswith("on")]
        assert tag == "img" or "src" not in attrs
        assert set(attrs.get("style", "")) <= set("width:.%0123456789")
    for link in found.attributes("a", "href"):
        assert re.fullmatch(r"file:///[A-Za-z0-9/_.~%!$&'()*+,;=:@-]*", link or "")
    assert all(
        (src or "").startswith("data:image/jpeg;base64,") for src in found.attributes("img", "src")
    )


def test_a_card_shows_picture_place_caption_path_and_facts() -> None:
    found = read(hit(caption="A cat.", camera="Pixel 7", taken_at=datetime(2021, 5, 3, 9, 1)))  # noqa: DTZ001
    text = " ".join(found.texts)
    for part in ("a cat", "builtin", "0.2731", "A cat.", "cat.jpg", "/photos", "Pixel 7", "id 17"):
        assert part in text
    assert "2021-05-03 09:01" in text
    assert "4000 \u00d7 3000" in text
    assert set(found.attributes("a", "href")) == {"file:///photos/cat.jpg"}
    assert found.attributes("img", "alt") == ["A cat."]
    assert found.attributes("img", "width") == ["480"]


def test_a_picture_without_a_caption_is_named_by_its_file() -> None:
    assert read(hit()).attributes("img", "alt") == ["Photo cat.jpg"]


def test_nothing_is_asked_of_a_network() -> None:
    found = read(hit())
    (policy,) = [
        attrs["content"] or ""
        for tag, attrs in found.tags
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    assert set(rules) == {"default-src", "img-src", "style-src", "base-uri", "form-action"}
    text = "".join(page(Results(Query((Term("text", "a"),)), "m", (hit(),)), [PICTURE]))
    assert not re.search(r"https?:|@import|url\(|<script|<link", text)


@pytest.mark.parametrize("words", HOSTILE)
def test_what_files_and_people_say_is_text(words: str) -> None:
    name = words.replace("/", "_").replace("\0", "")
    found = read(hit(f"/p/{name}", caption=words, camera=words), query=words)
    assert_harmless(found, 1)
    assert not set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\x1b\0") & set(
        "".join([*found.texts, *filter(None, found.attributes("img", "alt"))])
    )


def test_marks_that_spell_are_kept_and_marks_that_turn_are_shown() -> None:
    text = "".join(read(hit(caption=HOSTILE[-1])).texts)
    assert HOSTILE[-1] in text
    assert r"exe.\u202egpj" in "".join(read(hit(caption=HOSTILE[6])).texts)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1),
    words=st.text(st.sampled_from("<>\"'&;/= \u202e!-[]a\n\0"), min_size=1),
)
def test_any_text_is_harmless(name: str, words: str) -> None:
    found = read(hit(f"/p/{name}", caption=words, lens=words, camera=words), query=words)
    assert_harmless(found, 1)


def test_a_photo_that_cannot_be_read_leaves_a_place_with_the_reason() -> None:
    found = read(hit(), hit("/p/b.jpg"), picture=Undrawn("the file is <gone>"))
    assert_harmless(found, 2)
    assert not found.attributes("img", "src")
    assert found.texts.count("the file is <gone>") == 2


def test_a_hit_tells_how_many_more_show_the_same() -> None:
    copies = (Like(hit("/p/<copy>.jpg"), EXACT), Like(hit("/p/b.jpg"), EXACT))
    found = read(replace(hit(), like=copies))
    assert "+2 like it" in found.texts
    assert "<copy>.jpg, b.jpg" in found.attributes("span", "title")


def test_photos_that_were_searched_by_are_shown_above(tmp_path: Path) -> None:
    terms = (Term("photo", "/p/<a>.jpg"), Term("text", "b"), Term("photo", "/p/c.jpg", -1))
    results = Results(Query(terms), "m", (hit(),))
    found = Read("".join(page(results, [PICTURE], asked=[PICTURE, PICTURE])))
    assert found.attributes("img", "alt") == [
        "Searched for: <a>.jpg", "Searched against: c.jpg", "Photo cat.jpg"
    ]  # fmt: skip
    assert "<a>.jpg + b - c.jpg" in found.texts


def test_a_search_that_finds_nothing_has_a_page_that_says_so() -> None:
    assert "No good match" in read().texts


def test_a_page_without_a_good_match_shows_the_closest() -> None:
    rest = tuple(
        replace(hit(f"/p/{number}.jpg"), rank=number, confidence=number / 100)
        for number in range(1, 9)
    )
    results = Results(Query((Term("text", "a"),)), "m", (), rest)
    found = Read("".join(page(results, [PICTURE] * 4)))
    assert "No good match. The closest:" in found.texts
    alts = found.attributes("img", "alt")
    assert alts == [f"Photo {number}.jpg" for number in (8, 7, 6, 5)]
    assert {"8%", "5%"} <= set(found.texts)
    assert found.attributes("i", "style")[0] == "width:8%"
    assert "--all shows what comes closest." in found.texts

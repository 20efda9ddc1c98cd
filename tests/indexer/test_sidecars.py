"""What XMP files beside a photo say counts as the photo's own word, as long as they lie there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from indexer import Library, index_photos
from indexer.catalog import photos as photo_rows
from indexer.catalog.schema import caption
from indexer.sidecars import claimed_by, sidecar_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.records import IndexReport, Photo

    Paint = Callable[..., Path]
    Touch = Callable[[Path], None]
    Index = Callable[..., IndexReport]

PACKET = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmp:Rating="{rating}"><dc:subject><rdf:Bag><rdf:li>{keyword}</rdf:li></rdf:Bag></dc:subject>'
    "<dc:description>{text}</dc:description></rdf:Description></rdf:RDF>"
)


def write(path: Path, rating: int, keyword: str = "sea", text: str = "A pier") -> Path:
    path.write_text(PACKET.format(rating=rating, keyword=keyword, text=text), "utf-8")
    return path


@pytest.fixture
def index(library: Library, photos: Path, encoder: ColourEncoder) -> Index:
    def run(*paths: Path, **options: object) -> IndexReport:
        return index_photos(paths or [photos], library, encoder, **options)

    return run


def held(library: Library) -> dict[str, Photo]:
    with library.reading() as connection:
        found = photo_rows.by_id(connection, list(photo_rows.paths(connection)))
    return {photo.path.name: photo for photo in found.values()}


def said(library: Library, name: str) -> tuple[int | None, list[tuple[str, str]], list[str]]:
    """Rating, keywords with their sources, and captions of a photo."""
    photo = held(library)[name]
    with library.reading() as connection:
        texts = select(caption.c.text).where(caption.c.photo_id == photo.id)
        captions = list(connection.execute(texts).scalars())
    return photo.facts.rating, [(each.text, each.source) for each in photo.keywords], captions


ALL = (4, [("sea", "sidecar")], ["A pier"])
NOTHING = (None, [], [])


@pytest.mark.parametrize("name", ["a.png.xmp", "a.xmp"])
def test_a_sidecar_is_read_with_its_photo(
    library: Library, photos: Path, paint: Paint, index: Index, name: str
) -> None:
    write(paint(photos / "a.png", "red").with_name(name), 4)
    assert index().added == 1
    assert said(library, "a.png") == ALL
    assert index().reread == 0


def test_a_sidecar_that_comes_changes_or_goes_is_followed_without_encoding(
    library: Library, photos: Path, paint: Paint, index: Index, touch: Touch, encoder: ColourEncoder
) -> None:
    paint(photos / "a.png", "red")
    index()
    side = write(photos / "a.xmp", 4)
    report = index()
    assert (report.unchanged, report.reread, report.updated) == (1, 1, 0)
    assert said(library, "a.png") == ALL
    touch(write(side, -1, "boat", "A boat"))
    index()
    assert said(library, "a.png") == (-1, [("boat", "sidecar")], ["A boat"])
    side.unlink()
    assert index().reread == 1
    assert said(library, "a.png") == NOTHING
    assert index().reread == 0
    assert encoder.images_encoded == 1


def test_the_sidecar_with_the_whole_name_knows_better(
    library: Library, photos: Path, paint: Paint, index: Index
) -> None:
    paint(photos / "a.png", "red")
    write(photos / "a.xmp", 1, "stem", "One")
    write(photos / "a.png.xmp", 5, "whole", "Two")
    index()
    rating, keywords, captions = said(library, "a.png")
    assert (rating, keywords) == (5, [("stem", "sidecar"), ("whole", "sidecar")])
    assert sorted(captions) == ["One", "Two"]


def test_copies_do_not_share_what_a_sidecar_says(
    library: Library, photos: Path, paint: Paint, index: Index, encoder: ColourEncoder
) -> None:
    content = paint(photos / "a.png", "red").read_bytes()
    write(photos / "a.xmp", 4)
    (photos / "b.png").write_bytes(content)
    index()
    (photos / "c.png").write_bytes(content)
    write(photos / "d.xmp", 2, "other", "Other")
    (photos / "d.png").write_bytes(content)
    assert index().added == 2
    assert [said(library, f"{name}.png") for name in "abc"] == [ALL, NOTHING, NOTHING]
    assert said(library, "d.png") == (2, [("other", "sidecar")], ["Other"])
    assert encoder.images_encoded == 1


@pytest.mark.parametrize("along", [True, False])
def test_a_photo_moves_with_its_sidecar_or_without(
    library: Library, photos: Path, paint: Paint, index: Index, *, along: bool
) -> None:
    paint(photos / "a.png", "red")
    write(photos / "a.xmp", 4)
    index()
    (photos / "a.png").rename(photos / "b.png")
    if along:
        (photos / "a.xmp").rename(photos / "b.xmp")
    assert index().moved == 1
    assert said(library, "b.png") == (ALL if along else NOTHING)
    assert index().reread == 0


def test_a_sidecar_that_is_none_harms_nothing_and_is_told_of_once(
    library: Library, photos: Path, paint: Paint, index: Index
) -> None:
    paint(photos / "a.png", "red")
    (photos / "a.xmp").write_text("no xmp")
    report = index()
    assert [skip.path.name for skip in report.skipped] == ["a.xmp"]
    assert "is no XMP" in report.skipped[0].reason
    assert said(library, "a.png") == NOTHING
    again = index()
    assert (again.skipped, again.reread) == ((), 0)


def test_an_edited_photo_keeps_what_its_sidecar_says(
    library: Library, photos: Path, paint: Paint, index: Index, touch: Touch
) -> None:
    path = paint(photos / "a.png", "red")
    write(photos / "a.xmp", 4)
    index()
    touch(paint(path, "blue"))
    assert index().updated == 1
    assert said(library, "a.png") == ALL


def test_a_switch_elsewhere_keeps_what_sidecars_say(
    library: Library, photos: Path, paint: Paint, index: Index, turned: ColourEncoder
) -> None:
    write(paint(photos / "a.png", "red").with_name("a.xmp"), 4)
    index()
    index_photos((), library, turned, switch=True)
    assert said(library, "a.png") == ALL
    assert index_photos(photos, library, turned).reread == 0


def test_sidecars_are_named_by_the_whole_name_or_by_the_stem() -> None:
    assert sidecar_names("a.jpg") == ("a.jpg.txt", "a.txt", "a.jpg.xmp", "a.xmp")
    assert sidecar_names("a") == ("a.txt", "a.xmp")
    assert sidecar_names("a.xmp") == sidecar_names("a.jpg.txt") == ()
    assert "a.xmp" in claimed_by(["a.jpg", "a.xmp", "b.xmp"])
    assert "b.xmp" not in claimed_by(["a.jpg", "a.xmp", "b.xmp"])

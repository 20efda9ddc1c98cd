from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import ExifTags, Image
from sqlalchemy import update

from indexer import index_photos
from indexer.catalog.schema import photo
from indexer.rendering import status_json, status_lines
from indexer.status import Known, read_status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer import Library

    Paint = Callable[..., Path]


def test_an_empty_library_has_nothing(library: Library) -> None:
    status = read_status(library)
    assert (status.space, status.photos, status.captions, status.skipped) == (None, 0, 0, ())
    assert status.bytes > 0
    assert "none yet" in "\n".join(status_lines(status))
    assert status_json(status)["model"] is None


def test_what_a_library_holds_is_counted(
    library: Library, photos: Path, paint: Paint, encoder: ColourEncoder
) -> None:
    paint(photos / "a.png", "red")
    paint(photos / "b.png", "blue")
    (photos / "a.txt").write_text("red\nvery red")
    (photos / "broken.jpg").write_text("a text")
    (photos / "notes.md").write_text("no photo, and nothing to tell of")
    index_photos([photos], library, encoder)
    status = read_status(library)
    assert (status.photos, status.captions) == (2, 2)
    assert [skip.path.name for skip in status.skipped] == ["broken.jpg"]
    assert status.space == encoder.space
    found = status_json(status)
    assert (found["photos"], found["captions"], found["dim"]) == (2, 2, 8)
    assert found["library"] == str(library.path)
    assert found["spaces"] == [
        {
            "model": "colours",
            "space": str(encoder.space),
            "dim": 8,
            "state": "current",
            "photos": 2,
            "captions": 2,
        }
    ]
    assert (
        f"Space     {encoder.space} (current): 8 dimensions, 2 of 2 photos, 2 of 2 captions"
        in status_lines(status)
    )


def test_photos_that_something_is_known_of_are_counted(
    library: Library, photos: Path, paint: Paint, encoder: ColourEncoder
) -> None:
    tags = Image.Exif()
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2021:06:05 12:00:00"
    paint(photos / "a.jpg", "red", exif=tags)
    paint(photos / "b.jpg", "blue")
    index_photos([photos], library, encoder)
    with library.writing() as connection:
        connection.execute(update(photo).where(photo.c.taken_at.is_(None)).values(reading=0))
    status = read_status(library)
    assert status.known == Known(dates=1, gps=0, ratings=0, keywords=0, outdated=1)
    assert status_json(status)["known"]["dates"] == 1
    lines = list(status_lines(status))
    assert "Facts     dates of 1" in lines
    assert any("facts of 1 photo:" in line for line in lines)


def test_the_librarys_own_files_alone_are_weighed(library: Library) -> None:
    before = read_status(library).bytes
    (library.path / "holiday.jpg").write_bytes(b"x" * 100_000)
    assert read_status(library).bytes < before + 100_000

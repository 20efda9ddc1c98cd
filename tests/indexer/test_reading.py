"""Photos that were indexed before some fact was kept of them are read again, and not encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import ExifTags, Image
from sqlalchemy import update

from indexer import Library, index_photos, pipeline
from indexer.catalog import appearances
from indexer.catalog import photos as photo_rows
from indexer.catalog.schema import photo
from indexer.errors import LibraryVersionError
from indexer.records import READING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.records import Appearance

    Paint = Callable[..., Path]
    Age = Callable[..., None]
    VectorsOf = Callable[[Library], dict[str, list[float]]]


def exif(description: str, *, lens: str = "50mm F1.8") -> Image.Exif:
    tags = Image.Exif()
    tags[ExifTags.Base.ImageDescription] = description
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.LensModel] = lens
    return tags


@pytest.fixture
def old(tmp_path: Path, photos: Path, paint: Paint, encoder: ColourEncoder, age: Age) -> Path:
    """A library of format 2, of three photos, two of them copies."""
    paint(photos / "red.jpg", "red", exif=exif("a red wall"))
    paint(photos / "blue.jpg", "blue", exif=exif("a blue wall"))
    (photos / "copy.jpg").write_bytes((photos / "red.jpg").read_bytes())
    with Library.open(tmp_path / "library", writable=True) as library:
        index_photos(photos, library, encoder)
        with library.writing() as connection:
            connection.execute(update(photo).values(lens=None))  # as if it was not kept
    age(tmp_path / "library", version=2)
    encoder.images_encoded = encoder.texts_encoded = 0
    return tmp_path / "library"


def looks(library: Library) -> dict[bytes, Appearance]:
    with library.reading() as connection:
        return appearances.by_hash(connection, list(photo_rows.hashes(connection)))


def lenses(library: Library) -> list[str | None]:
    with library.reading() as connection:
        ids = list(photo_rows.paths(connection))
        return [found.facts.lens for found in photo_rows.by_id(connection, ids).values()]


def test_an_older_library_is_read_again_and_not_encoded(
    old: Path, photos: Path, encoder: ColourEncoder, vectors_of: VectorsOf
) -> None:
    with Library.open(old, writable=True) as library:
        before = vectors_of(library)
        assert lenses(library) == [None] * 3
        report = index_photos(photos, library, encoder)
        assert (report.unchanged, report.reread, report.updated, report.added) == (3, 3, 0, 0)
        assert (report.encoded, report.captions_added, report.captions_removed) == (0, 0, 0)
        assert (encoder.images_encoded, encoder.texts_encoded) == (0, 0)
        assert lenses(library) == ["50mm F1.8"] * 3
        assert vectors_of(library) == before
        again = index_photos(photos, library, encoder)
        assert (again.unchanged, again.reread) == (3, 0)


def test_what_photos_look_like_is_learned_later_and_goes_with_the_last_copy(
    old: Path, photos: Path, encoder: ColourEncoder
) -> None:
    with Library.open(old, writable=True) as library:
        assert looks(library) == {}
        index_photos(photos, library, encoder)
        before = looks(library)
        assert len(before) == 2
        (photos / "copy.jpg").unlink()
        index_photos(photos, library, encoder)
        assert looks(library) == before
        library.forget([photos / "red.jpg"])
        assert len(looks(library)) == 1
        with library.reading() as connection:
            assert len(appearances.by_hash(connection, list(before))) == 1


def test_an_older_library_says_what_brings_it_up_to_date(old: Path) -> None:
    with pytest.raises(LibraryVersionError, match="sightseek index"):
        Library.open(old)


def test_worker_processes_read_again_too(
    old: Path, photos: Path, encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexer.encoders.openclip import Squares
    from indexer.encoders.preprocess import Preprocessing

    squares = Squares(Preprocessing(size=16, mean=(0.5,) * 3, std=(0.5,) * 3))
    monkeypatch.setattr(encoder, "preparation", squares)
    monkeypatch.setattr(pipeline, "_WORTH_PROCESSES", 1)
    with Library.open(old, writable=True) as library:
        report = index_photos(photos, library, encoder)
        assert (report.unchanged, report.reread, encoder.images_encoded) == (3, 3, 0)
        assert lenses(library) == ["50mm F1.8"] * 3


def test_a_photo_that_moved_or_was_copied_meanwhile_is_read_again(
    old: Path, photos: Path, encoder: ColourEncoder
) -> None:
    (photos / "blue.jpg").rename(photos / "moved.jpg")
    (photos / "red again.jpg").write_bytes((photos / "red.jpg").read_bytes())
    with Library.open(old, writable=True) as library:
        report = index_photos(photos, library, encoder)
        assert (report.added, report.moved, report.unchanged, report.reread) == (1, 1, 2, 2)
        assert encoder.images_encoded == 0
        assert lenses(library) == ["50mm F1.8"] * 4


def test_only_what_a_run_lists_is_read_again(
    old: Path, photos: Path, encoder: ColourEncoder
) -> None:
    with Library.open(old, writable=True) as library:
        assert index_photos(photos / "red.jpg", library, encoder).reread == 1
        assert lenses(library) == [None, None, "50mm F1.8"]
        assert index_photos(photos, library, encoder).reread == 2


def test_a_photo_that_cannot_be_read_again_stays_and_is_told_of(
    old: Path, photos: Path, encoder: ColourEncoder
) -> None:
    with Library.open(old, writable=True) as library:
        report = index_photos(photos, library, encoder, max_pixels=10)
        assert len(report.skipped) == 3
        assert report.removed == 0
        assert len(lenses(library)) == 3
        assert index_photos(photos, library, encoder).reread == 3


def test_a_switch_reads_again_what_it_embeds(
    old: Path, photos: Path, encoder: ColourEncoder, turned: ColourEncoder
) -> None:
    with Library.open(old, writable=True) as library:
        report = index_photos(photos, library, turned, switch=True)
        assert (report.reread, report.encoded) == (3, 2)
        assert lenses(library) == ["50mm F1.8"] * 3


def test_what_is_indexed_now_is_read_in_full(
    library: Library, photos: Path, paint: Paint, encoder: ColourEncoder
) -> None:
    paint(photos / "red.jpg", "red")
    index_photos(photos, library, encoder)
    with library.reading() as connection:
        assert connection.execute(photo.select()).one().reading == READING
        assert photo_rows.outdated(connection) == {}

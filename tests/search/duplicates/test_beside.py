"""The photos beside one: the same as `duplicates` groups, asked of each."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from PIL import ExifTags, Image

from indexer import Library, index_photos
from search.duplicates.beside import same_as
from search.duplicates.find import find_duplicates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    Picture = Callable[..., Image.Image]


@pytest.fixture
def folder(photos: Path, picture: Picture) -> Path:
    """Photos as they were taken, and what became of them."""
    picture(1).save(photos / "original.png")
    shutil.copy(photos / "original.png", photos / "copy.png")
    picture(1).resize((180, 120)).save(photos / "small.jpg")
    picture(2).save(photos / "other.png")
    for second in (1, 3, 30):
        tags = Image.Exif()
        tags[ExifTags.Base.Model] = "Pinhole"
        tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = (
            f"2021:05:01 10:00:{second:02}"
        )
        picture(3).save(photos / f"burst-{second:02}.jpg", exif=tags)
    return photos


def test_what_shows_the_same_as_a_photo_is_found_from_any_of_them(
    library: Library, encoder: ColourEncoder, folder: Path
) -> None:
    index_photos([folder], library, encoder)
    groups = find_duplicates(library).groups
    assert {len(group.others) for group in groups} == {1, 2}
    for group in groups:
        names = {member.photo.path.name for member in (group.keeper, *group.others)}
        for member in (group.keeper, *group.others):
            found = same_as(library, member.photo.id)
            assert found is not None
            assert {photo.path.name for photo, _ in found} == names - {member.photo.path.name}
    [copies] = [group for group in groups if len(group.others) == 2]
    found = same_as(library, copies.keeper.photo.id)
    assert found is not None
    assert [why.kind for _, why in found] == ["exact", "copy"]  # the surest first


def test_a_photo_alone_has_nothing_beside_it_and_one_that_is_not_there_none(
    library: Library, encoder: ColourEncoder, folder: Path
) -> None:
    index_photos([folder / "other.png"], library, encoder)
    assert same_as(library, 1) == ()
    assert same_as(library, 2) is None

"""Duplicates of a real library: what is grouped, what is kept, and how it is told."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from PIL import ExifTags, Image
from sqlalchemy import delete, update

from indexer import Library, index_photos
from indexer.catalog.schema import appearance, image_embedding
from indexer.errors import LibraryError, PathNotFoundError
from search.cli import main
from search.duplicates.find import find_duplicates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.records import Progress
    from search.duplicates.records import Duplicates, Kind

    Picture = Callable[..., Image.Image]


DIM = 8


def taken(second: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ExifTags.Base.Model] = "Pinhole"
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = (
        f"2021:05:01 10:00:{second:02}"
    )
    return tags


@pytest.fixture
def folder(photos: Path, picture: Picture) -> Path:
    """One photo as it was taken, and what became of it; two moments of another."""
    original = picture(1)
    original.save(photos / "original.png")
    original.resize((180, 120)).save(photos / "small.jpg")
    original.crop((18, 12, 342, 228)).save(photos / "crop.png")
    original.rotate(90, expand=True).save(photos / "turned.jpg", quality=90)
    (photos / "again.png").write_bytes((photos / "original.png").read_bytes())
    os.utime(photos / "original.png", ns=(0, 0))
    wide = picture(2, (480, 240))
    wide.crop((0, 0, 360, 240)).save(photos / "frame1.jpg", exif=taken(1), quality=95)
    wide.crop((20, 0, 380, 240)).save(photos / "frame2.jpg", exif=taken(3), quality=95)
    for seed in range(3, 8):
        picture(seed).save(photos / f"other{seed}.jpg")
    return photos


@pytest.fixture
def found(library: Library, folder: Path, encoder: ColourEncoder) -> Duplicates:
    index_photos(folder, library, encoder)
    return find_duplicates(library)


def shown(found: Duplicates) -> list[tuple[str, str, dict[str, str]]]:
    return [
        (
            group.kind,
            group.keeper.photo.path.name,
            {each.photo.path.name: each.evidence.kind for each in group.others if each.evidence},
        )
        for group in found.groups
    ]


def test_photos_that_show_the_same_are_grouped_around_the_best(found: Duplicates) -> None:
    copies = {"again.png": "exact", "small.jpg": "copy", "turned.jpg": "copy", "crop.png": "crop"}
    groups = shown(found)
    assert sorted(groups)[::-1] == [
        ("crop", "original.png", copies),
        ("burst", groups[-1][1], {({"frame1.jpg", "frame2.jpg"} - {groups[-1][1]}).pop(): "burst"}),
    ]
    assert (found.photos, found.unseen) == (12, 0)


def test_bytes_are_those_of_all_but_the_keepers(found: Duplicates, folder: Path) -> None:
    others = [each for group in found.groups for each in group.others]
    assert found.bytes == sum(each.photo.path.stat().st_size for each in others)
    assert found.bytes == sum(group.bytes for group in found.groups)


@pytest.mark.parametrize(
    ("kinds", "grouped"),
    [
        (["exact"], {"again.png"}),
        (["copy"], {"small.jpg", "turned.jpg"}),
        (["exact", "copy"], {"again.png", "small.jpg", "turned.jpg"}),
    ],
)
def test_kinds_limit_what_is_grouped(
    library: Library, found: Duplicates, kinds: list[Kind], grouped: set[str]
) -> None:
    [(_, keeper, others)] = shown(find_duplicates(library, kinds=kinds))
    assert keeper == "original.png"
    assert set(others) == grouped


def test_only_photos_beneath_paths_are_compared(
    library: Library, found: Duplicates, folder: Path
) -> None:
    part = find_duplicates(library, [folder / "small.jpg", folder / "original.png"])
    assert shown(part) == [("copy", "original.png", {"small.jpg": "copy"})]
    assert part.photos == 2
    with pytest.raises(PathNotFoundError, match="nothing here"):
        find_duplicates(library, [folder, folder / "nothing here"])


def test_photos_nobody_looked_at_are_grouped_by_their_bytes_alone(
    library: Library, found: Duplicates
) -> None:
    with library.writing() as connection:
        connection.execute(delete(appearance))
    blind = find_duplicates(library, kinds=["exact", "copy", "crop"])
    assert shown(blind) == [("exact", "original.png", {"again.png": "exact"})]
    assert blind.unseen == blind.photos == 12


def test_a_damaged_vector_is_near_to_nothing(library: Library, found: Duplicates) -> None:
    with library.writing() as connection:
        connection.execute(update(image_embedding).values(vector=bytes(2 * DIM)))
    (library.path / "photos.faiss").unlink()
    with Library.open(library.path) as reader:
        groups = shown(find_duplicates(reader))
    kinds = {kind for _, _, others in groups for kind in others.values()}
    assert kinds == {"exact", "copy", "burst"}  # by thumbnails and time alone


def test_comparing_tells_how_far_it_is(library: Library, found: Duplicates) -> None:
    told: list[Progress] = []
    find_duplicates(library, on_progress=told.append)
    assert told[-1].done == told[-1].total > 0


def test_a_library_without_photos_says_so(library: Library) -> None:
    with pytest.raises(LibraryError, match="sightseek index"):
        find_duplicates(library)


def run(library: Library, *words: str) -> str:
    result = CliRunner().invoke(main, ["duplicates", "--library", str(library.path), *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_person_reads_what_to_keep_and_why(library: Library, found: Duplicates) -> None:
    text = run(library)
    assert "5 photos, crops" in text
    assert text.count("  keep  ") == 2
    for why in ("exact: equal bytes", "turned by 90 degrees", "2 s apart", "Nothing was deleted"):
        assert why in text


def test_scripts_get_all_but_the_keepers(library: Library, found: Duplicates, folder: Path) -> None:
    others = {str(each.photo.path) for group in found.groups for each in group.others}
    assert run(library, "--paths").splitlines() == run(library, "-0").split("\0")[:-1]
    assert set(run(library, "--paths").splitlines()) == others
    exact = json.loads(run(library, "--json", "--kind", "exact"))
    assert exact["bytes"] == (folder / "again.png").stat().st_size
    [group] = exact["groups"]
    assert group["keeper"]["path"] == str(folder / "original.png")
    assert group["others"][0]["evidence"]["kind"] == "exact"


def test_no_duplicates_are_no_error(library: Library, folder: Path, encoder: ColourEncoder) -> None:
    index_photos(folder / "other3.jpg", library, encoder)
    assert run(library) == "No duplicates among 1 photos.\n"
    assert run(library, "--paths") == ""
    assert json.loads(run(library, "--json"))["groups"] == []

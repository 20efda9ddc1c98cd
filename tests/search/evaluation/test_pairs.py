from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexer.errors import CaptionsError, PathNotFoundError
from indexer.pipeline import index_photos
from search.evaluation.pairs import Pair, groups, read_pairs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.library import Library


def test_pairs_know_their_source_and_language(
    coloured: Library, photos: Path, write: Callable[..., Path]
) -> None:
    rows = ("red.png,a,ours,en", "red.png,b,,zh", "blue.png,a,theirs,en", "red.png,a,theirs,")
    path = write(photos, *rows, columns="image,caption,source,lang")
    pairs = read_pairs(path, coloured)
    assert [(pair.source, pair.language) for pair in pairs] == [
        ("ours", "en"),
        (None, "zh"),
        ("theirs", "en"),
        ("theirs", None),
    ]
    # the last is the first again, from another source
    assert groups(pairs) == {
        ("source", "ours"): [0],
        ("source", "theirs"): [0, 2],
        ("language", "en"): [0, 2],
        ("language", "zh"): [1],
    }


def test_pairs_without_source_and_language_have_no_groups() -> None:
    assert groups([Pair("a", b"1"), Pair("b", b"2")]) == {}


def test_images_that_are_not_in_the_library_are_named(
    coloured: Library, photos: Path, write: Callable[..., Path]
) -> None:
    path = write(photos, "red.png,a", "beach.png,b", "boat.png,c", "beach.png,d")
    with pytest.raises(CaptionsError) as caught:
        read_pairs(path, coloured)
    message = str(caught.value)
    assert message.startswith(f"{path} names images")
    assert "beach.png (no photo), boat.png (no photo). Index them first" in message
    assert "\n" not in message


def test_images_of_one_name_are_told_apart_or_named(
    coloured: Library,
    encoder: ColourEncoder,
    photos: Path,
    tmp_path: Path,
    paint: Callable[..., Path],
    write: Callable[..., Path],
) -> None:
    paint(photos / "a" / "same.png", "red", shade=1)
    paint(photos / "b" / "same.png", "blue", shade=1)
    index_photos([photos], coloured, encoder)
    with pytest.raises(CaptionsError, match=r"same\.png \(several photos\)"):
        read_pairs(write(tmp_path, "same.png,a"), coloured)
    (pair,) = read_pairs(write(tmp_path, "b/same.png,a"), coloured)
    (other,) = read_pairs(write(tmp_path, f"{photos}/a/same.png,a"), coloured)
    assert pair.content_hash != other.content_hash


def test_a_long_list_of_missing_images_is_cut(
    coloured: Library, photos: Path, write: Callable[..., Path]
) -> None:
    path = write(photos, *(f"none{number}.png,a" for number in range(1000)))
    with pytest.raises(CaptionsError, match=r"none4\.png \(no photo\) and 995 more\. ") as caught:
        read_pairs(path, coloured)
    assert len(str(caught.value)) < 600


def test_a_file_of_queries_that_is_none_is_refused(coloured: Library, photos: Path) -> None:
    with pytest.raises(PathNotFoundError):
        read_pairs(photos / "none.csv", coloured)
    for content in (
        "",
        "image,caption\n",
        "image,caption\nred.png,\n",
        "colour,shape\nred,round\n",
    ):
        path = photos / "bad.csv"
        path.write_text(content)
        with pytest.raises(CaptionsError):
            read_pairs(path, coloured)

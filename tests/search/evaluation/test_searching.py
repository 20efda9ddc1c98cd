from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.catalog import captions
from indexer.pipeline import index_photos
from search.evaluation.pairs import read_pairs
from search.evaluation.report import report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.library import Library

ROWS = ["red.png,a red thing", "green.png,a green thing", "white.png,yellow", "blue.png,purple red"]


def test_a_search_of_looks_alone_finds_what_cosines_find(
    coloured: Library, encoder: ColourEncoder, photos: Path, write: Callable[..., Path]
) -> None:
    pairs = read_pairs(write(photos, *ROWS), coloured)
    cosines = report(coloured, encoder, pairs, detailed=True)
    found = report(coloured, encoder, pairs, channels=["image"], detailed=True)
    assert found.evaluation == cosines.evaluation
    assert [each.top for each in found.details] == [each.top for each in cosines.details]
    assert found.held_out == 0


def test_two_spaces_are_compared_by_searches_too(
    coloured: Library,
    encoder: ColourEncoder,
    turned: ColourEncoder,
    photos: Path,
    write: Callable[..., Path],
) -> None:
    index_photos([photos], coloured, turned, switch=True)
    pairs = read_pairs(write(photos, *ROWS), coloured)
    cosines = report(coloured, turned, pairs, other=encoder)
    found = report(coloured, turned, pairs, other=encoder, channels=["image"])
    assert found.other == cosines.other
    assert found.comparison == cosines.comparison


def test_captions_that_are_queries_are_held_out_and_others_help(
    coloured: Library, encoder: ColourEncoder, photos: Path, write: Callable[..., Path]
) -> None:
    path = write(photos, *ROWS)
    pairs = read_pairs(path, coloured)
    alone = report(coloured, encoder, pairs).evaluation
    index_photos([photos], coloured, encoder, captions=[path])
    found = report(coloured, encoder, pairs, channels=["image", "caption"])
    assert found.held_out == len(ROWS)
    assert found.evaluation == alone
    with coloured.reading() as connection:
        assert captions.count(connection) == len(ROWS)  # the library itself lost nothing
    (photos / "white.txt").write_text("yellow things\n")
    index_photos([photos], coloured, encoder)
    helped = report(coloured, encoder, pairs, channels=["caption"]).evaluation
    assert helped.text_to_image["mrr"] != alone.text_to_image["mrr"]
    assert helped.image_to_text == alone.image_to_text


def test_words_do_not_find_the_very_caption_that_is_asked(
    coloured: Library, encoder: ColourEncoder, photos: Path, write: Callable[..., Path]
) -> None:
    path = write(photos, "white.png,seven sheep", "blue.png,two goats", "blue.png,some sheep")
    index_photos([photos], coloured, encoder, captions=[path])
    (photos / "blue.txt").write_text("goats in a row\n")
    index_photos([photos], coloured, encoder)
    pairs = read_pairs(path, coloured)
    found = report(coloured, encoder, pairs, channels=["words"], detailed=True)
    ranks = {each.query: each.rank for each in found.details if each.query in path.read_text()}
    assert ranks == {"seven sheep": 5, "two goats": 1, "some sheep": 5}


def test_a_photo_that_no_channel_finds_stands_last(
    coloured: Library, encoder: ColourEncoder, photos: Path, write: Callable[..., Path]
) -> None:
    pairs = read_pairs(write(photos, "red.png,red"), coloured)
    found = report(coloured, encoder, pairs, channels=["caption"], detailed=True)
    assert found.evaluation.text_to_image["median_rank"] == 5
    assert found.details[0].rank == 5

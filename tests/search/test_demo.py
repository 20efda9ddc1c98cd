from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexer import Library, index_photos, load_encoder
from indexer.sample import sample_folder
from search import Hit, Query, Results, SearchEngine, Term
from search.demo import run_demo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder


def test_the_demo_indexes_and_searches_the_samples(
    library: Library, encoder: ColourEncoder
) -> None:
    demo = run_demo(library, encoder)
    photos = list(sample_folder().glob("*.jpg"))
    assert demo.report.added == len(photos)
    assert not demo.report.skipped
    assert not demo.report.captions_unmatched
    assert demo.report.captions_added >= len(photos)
    for results in (demo.by_text, demo.by_photo, demo.captions):
        assert [hit.rank for hit in results.hits] == [1, 2, 3]
    assert all(hit.photo.path.name != "cat.jpg" for hit in demo.by_photo.hits)
    assert all(hit.caption for hit in demo.captions.hits)
    assert not any(hit.caption for hit in demo.by_text.hits)


def test_a_second_demo_finds_the_same_without_encoding(
    library: Library, encoder: ColourEncoder
) -> None:
    first = run_demo(library, encoder)
    encoded = encoder.images_encoded
    second = run_demo(library, encoder)
    assert encoder.images_encoded == encoded
    assert second.report.unchanged == first.report.added
    assert second.by_photo.hits == first.by_photo.hits
    assert second.captions.hits == first.captions.hits


def test_the_python_api_of_readme_works(
    tmp_path: Path, encoder: ColourEncoder, photos: Path, paint: Callable[..., Path]
) -> None:
    paint(photos / "red.png", "red")
    paint(photos / "blue.png", "blue")
    with Library.open(tmp_path / "my-library", writable=True) as library:
        index_photos([photos], library, encoder)
        results = SearchEngine(library, encoder).search(Query.parse("something red", top_k=1))
    (hit,) = results.hits
    assert isinstance(results, Results)
    assert isinstance(hit, Hit)
    assert hit.photo.path == photos / "red.png"
    assert results.query.terms == (Term("text", "something red"),)
    assert callable(load_encoder)


def test_the_packages_offer_what_they_name() -> None:
    import indexer
    import search

    for package in (indexer, search):
        assert all(getattr(package, name) is not None for name in package.__all__)
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            package.nothing  # noqa: B018

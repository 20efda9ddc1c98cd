from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import delete

from indexer.catalog.schema import background
from indexer.pipeline import index_photos
from indexer.records import Background
from search.calibration import chance, tells, weights_for
from search.confidence import (
    PHOTOS_TO_CAPTIONS,
    PHOTOS_TO_PHOTOS,
    SAID_TOO,
    WORDS_TO_PHOTOS,
)
from search.engine import SearchEngine
from search.query import CUT_OFF, Query
from search.terms import Term

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.library import Library

DIM = 16


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def made(*, english: bool = True, chinese: bool = True) -> Background:
    """A space that knows what English, or Chinese, has to do with photos, or does not."""
    rng = np.random.default_rng(5)
    photos = unit(rng.standard_normal((14, DIM)))
    texts = [unit(rng.standard_normal((40, DIM))) for _ in range(2)]
    for rows, knows in zip(texts, (english, chinese), strict=True):
        if knows:
            rows[:14] = photos
    return Background(*texts, photos)


@pytest.mark.parametrize("weights", [(1,), (-1,), (1, -1), (1, 2, -0.5)])
def test_random_queries_have_the_form_of_the_query(weights: tuple[float, ...]) -> None:
    found = chance(made(), Query(tuple(Term("text", "a dog", weight) for weight in weights)))
    assert len(found) == pytest.approx(40, abs=3)  # what cancels out is dropped
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_words_are_compared_with_words_of_their_language_and_photos_with_photos() -> None:
    space = made()
    np.testing.assert_allclose(
        chance(space, Query((Term("text", "dog"),))), space.english, atol=1e-6
    )
    np.testing.assert_allclose(
        chance(space, Query((Term("text", "日落"),))), space.chinese, atol=1e-6
    )
    found = chance(space, Query((Term("photo", "a.jpg"),)))
    np.testing.assert_allclose(found[:14], space.photos, atol=1e-6)


def test_photos_of_the_feedback_are_random_ones_too() -> None:
    space = made()
    liked = chance(space, Query((), like=(1, 2)))
    np.testing.assert_allclose(np.linalg.norm(liked, axis=1), 1, atol=1e-5)
    away = chance(space, Query((Term("text", "dog"),), unlike=(3,)))
    assert not np.allclose(away, space.english[: len(away)], atol=0.1)


def test_a_model_may_know_one_language_and_not_the_other() -> None:
    space = made(chinese=False)
    assert tells(space, Query((Term("text", "a dog"),)))
    assert not tells(space, Query((Term("text", "一只狗"),)))
    assert tells(space, Query((Term("photo", "a.jpg"),)))
    assert tells(space, Query((Term("photo", "a.jpg"),), target="captions"))
    neither = made(english=False, chinese=False)
    assert not tells(neither, Query((Term("photo", "a.jpg"),), target="captions"))
    assert tells(neither, Query((Term("text", "一只狗"),), target="captions"))


def test_each_kind_of_query_has_weights_of_its_own() -> None:
    text, photo = Term("text", "a"), Term("photo", "a.jpg")
    assert weights_for(Query((text,)), "photos") == WORDS_TO_PHOTOS
    assert weights_for(Query((text, photo)), "photos") == PHOTOS_TO_PHOTOS
    assert weights_for(Query((photo,)), "captions") == PHOTOS_TO_CAPTIONS


@pytest.fixture
def painted(
    library: Library, encoder: ColourEncoder, photos: Path, paint: Callable[..., Path]
) -> Library:
    for colour in ("red", "green", "blue", "yellow"):
        paint(photos / f"{colour}.png", colour)
    index_photos(photos, library, encoder)
    return library


def test_every_hit_says_how_sure_it_is(painted: Library, encoder: ColourEncoder) -> None:
    results = SearchEngine(painted, encoder).search(Query.parse("red"))
    assert len(results.hits) == 4
    assert all(0 <= hit.confidence <= 1 for hit in results.hits)


def test_hits_that_are_too_unsure_are_set_apart(painted: Library, encoder: ColourEncoder) -> None:
    engine = SearchEngine(painted, encoder)
    everything = engine.search(Query.parse("red")).hits
    middle = sorted(hit.confidence for hit in everything)[2]
    results = engine.search(Query.parse("red", min_confidence=middle))
    assert {hit.photo.id for hit in results.hits} == {
        hit.photo.id for hit in everything if hit.confidence >= middle
    }
    assert len(results.hits) + len(results.rest) == len(everything)


def test_a_library_of_an_older_release_has_no_confidence_until_it_is_indexed_again(
    painted: Library, encoder: ColourEncoder, photos: Path
) -> None:
    with painted.writing() as connection:
        connection.execute(delete(background))
    results = SearchEngine(painted, encoder).search(Query.parse("red", min_confidence=0.9))
    assert results.doubt == "uncalibrated"
    assert [hit.confidence for hit in results.hits] == [None] * 4  # none is left out
    index_photos(photos, painted, encoder)
    results = SearchEngine(painted, encoder).search(Query.parse("red"))
    assert results.doubt != "uncalibrated"
    assert all(hit.confidence is not None for hit in results.hits)


def test_searching_for_captions_and_by_photos_gives_confidence_too(
    painted: Library, encoder: ColourEncoder, photos: Path
) -> None:
    (photos / "red.txt").write_text("a red square", "utf-8")
    index_photos(photos, painted, encoder)
    engine = SearchEngine(painted, encoder)
    for query in (
        Query.parse("red", target="captions"),
        Query.parse(str(photos / "red.png"), target="captions"),
        Query.parse(str(photos / "red.png")),
        Query.parse(["red", "-", "blue"]),
        Query.parse([str(photos / "red.png"), "+", "blue"]),
    ):
        hits = engine.search(query).hits
        assert hits
        assert all(0 <= hit.confidence <= 1 for hit in hits)


def test_what_has_all_the_words_is_shown_whatever_it_looks_like(
    painted: Library, encoder: ColourEncoder, photos: Path, paint: Callable[..., Path]
) -> None:
    paint(photos / "submarine.png", "blue", shade=3)
    index_photos(photos, painted, encoder)
    asked = Query.parse("submarine", min_confidence=CUT_OFF)
    results = SearchEngine(painted, encoder).search(asked)
    assert [hit.photo.path.stem for hit in results.hits] == ["submarine"]
    assert results.hits[0].confidence == SAID_TOO

"""Which channels find what, through the engine: photos by looks, captions and words together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexer.errors import UsageError
from indexer.filters import Filters
from indexer.pipeline import index_photos
from indexer.vectors import FaissIndex
from search.channels import Scope
from search.encoding import QueryVectors
from search.engine import SearchEngine
from search.query import Query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.library import Library
    from search.results import Results

COLOURS = ("red", "green", "blue", "white", "yellow", "purple")


@pytest.fixture
def engine(
    library: Library, encoder: ColourEncoder, photos: Path, paint: Callable[..., Path]
) -> SearchEngine:
    """Photos of which two have captions that say what no encoder of colours knows."""
    for at, colour in enumerate(COLOURS):
        paint(photos / "Lisbon" / f"IMG_{at}.png", colour)
    told = photos / "captions.csv"
    told.write_text(
        "image,caption\nIMG_1.png,a tram on rails\nIMG_1.png,red and green\n"
        "IMG_2.png,一只小狗\nIMG_3.png,a dog on a tram\n"
    )
    index_photos([photos], library, encoder, captions=[told])
    return SearchEngine(library, encoder)


def search(engine: SearchEngine, *words: str, **options: object) -> Results:
    return engine.search(Query.parse(list(words), **options))


def names(results: Results) -> list[str]:
    return [hit.photo.path.stem for hit in results.hits]


def test_words_alone_find_those_that_have_them(engine: SearchEngine) -> None:
    only = {"channels": ("words",)}
    assert names(search(engine, "a dog on a tram", **only)) == ["IMG_3", "IMG_1"]
    assert names(search(engine, "小狗", **only)) == ["IMG_2"]
    assert names(search(engine, "狗", **only)) == ["IMG_2"]
    assert names(search(engine, "img_4", **only))[0] == "IMG_4"
    assert len(names(search(engine, "lisbon", **only))) == len(COLOURS)
    assert names(search(engine, "submarine", **only)) == []


def test_a_hit_says_which_channels_found_it_and_where(engine: SearchEngine) -> None:
    found = {hit.photo.path.stem: hit for hit in search(engine, "rails").hits}
    by = {each.channel: each for each in found["IMG_1"].found_by}
    assert set(by) == {"image", "caption", "words"}
    assert by["caption"].caption is not None
    assert by["caption"].caption.photo == found["IMG_1"].photo
    assert (by["words"].rank, by["words"].score) == (1, 1.0)
    assert [each.channel for each in found["IMG_0"].found_by] == ["image"]
    assert by["image"].score == found["IMG_1"].score


def test_the_score_is_the_cosine_of_query_and_photo_whoever_found_it(engine: SearchEngine) -> None:
    cosines = {hit.photo.id: hit.score for hit in search(engine, "red", channels=("image",)).hits}
    for channels in (("caption",), ("words",), ("caption", "words"), ("image", "caption", "words")):
        hits = search(engine, "red", channels=channels).hits
        assert hits
        for hit in hits:
            assert hit.score == pytest.approx(cosines[hit.photo.id], abs=1e-6)


def test_the_best_caption_of_a_photo_counts(engine: SearchEngine) -> None:
    hits = search(engine, "red green", channels=("caption",)).hits
    assert hits[0].photo.path.stem == "IMG_1"
    assert hits[0].found_by[0].caption is not None
    assert hits[0].found_by[0].caption.text == "red and green"
    assert len(hits) == 3  # photos, each once


def test_words_asked_against_do_not_find(engine: SearchEngine) -> None:
    only = {"channels": ("words",)}
    assert names(search(engine, "tram", "-", "0.5:dog", **only)) == ["IMG_1"]
    assert names(search(engine, "tram", "-", "0.2:a dog", **only)) == ["IMG_1"]
    assert set(names(search(engine, "tram", "-", "0.5:dog in space", **only))) == {"IMG_1", "IMG_3"}


def test_a_photo_is_searched_by_its_looks_alone(engine: SearchEngine) -> None:
    red = str(search(engine, "red", top_k=1).hits[0].photo.path)
    hits = search(engine, red).hits
    assert {found.channel for hit in hits for found in hit.found_by} == {"image"}
    mixed = search(engine, red, "+", "tram").hits
    assert {found.channel for hit in mixed for found in hit.found_by} == {"image"}
    assert search(engine, red, "+", "red", "-", "red").hits  # texts that cancel out ask for nothing


def test_captions_are_found_by_words_too(engine: SearchEngine) -> None:
    hits = search(engine, "a tram", target="captions").hits
    assert len(hits) == 4
    assert hits[0].caption is not None
    assert hits[0].caption.text == "a tram on rails"
    assert [each.channel for each in hits[0].found_by] == ["caption", "words"]
    only = search(engine, "dog", target="captions", channels=("words",)).hits
    assert [hit.caption.text for hit in only if hit.caption] == ["a dog on a tram"]


@pytest.mark.parametrize("query", ["a tram", "red", "lisbon", "小狗", "IMG_4 blue"])
def test_the_first_hits_are_the_same_however_many_are_asked_for(
    engine: SearchEngine, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for depth in (1000, 2):
        monkeypatch.setattr("search.engine.DEPTH", depth)
        monkeypatch.setattr("search.evidence.DEPTH", depth)
        every = names(search(engine, query))
        assert sorted(every) == [f"IMG_{at}" for at in range(len(COLOURS))]
        for top_k in range(1, 8):
            assert names(search(engine, query, top_k=top_k)) == every[:top_k]


def test_channels_that_cannot_rank_are_told(engine: SearchEngine, photos: Path) -> None:
    with pytest.raises(UsageError, match="'smell' is no channel"):
        search(engine, "red", channels=("smell",))
    with pytest.raises(UsageError, match="rank no captions"):
        search(engine, "red", target="captions", channels=("image",))
    with pytest.raises(UsageError, match="need words"):
        search(engine, str(photos / "Lisbon" / "IMG_0.png"), channels=("words", "caption"))
    with pytest.raises(UsageError, match="need words"):
        search(engine, "-", "red", channels=("words",))
    with pytest.raises(UsageError, match="rank no photos"):
        search(engine, "red", channels=())


def test_filters_hold_for_every_channel(engine: SearchEngine) -> None:
    for channels in (("image",), ("caption",), ("words",), ("image", "caption", "words")):
        assert set(names(search(engine, "tram has:captions -folder:Porto", channels=channels))) <= {
            "IMG_1",
            "IMG_2",
            "IMG_3",
        }
    assert names(search(engine, "tram -has:captions", channels=("words",))) == []


def test_captions_that_have_nothing_to_do_with_a_query_do_not_stand_out() -> None:
    rng = np.random.default_rng(0)
    own = rng.standard_normal((400, 16)).astype(np.float32)
    own[:, 0] = 0  # no caption knows the first axis
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    index = FaissIndex.empty(16)
    index.add(np.arange(1, 401), own)
    scope = Scope(None, 1, "photos", {"captions": index}, Filters())
    foreign = np.eye(16, dtype=np.float32)[0] + 0.05 * own[0]
    foreign /= np.linalg.norm(foreign)
    for vector, most in ((own[0], 8.0), (foreign, 1.0)):
        spread = scope.spread("caption", QueryVectors(vector, vector))
        best = spread.standardized(np.array([own[0] @ vector]))[0]
        assert 0 < best < most
    assert spread.deviation > 4 * float((own @ foreign).std())

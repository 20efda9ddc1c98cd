"""Rankings that are paged through: every photo once, whatever is asked for and happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from indexer.background import write_background
from indexer.catalog import embeddings
from indexer.catalog import photos as photo_rows
from indexer.catalog.schema import photo
from indexer.errors import QueryError
from indexer.library import Library
from search.engine import SearchEngine
from search.query import CUT_OFF, Query
from search.terms import Term
from search.web.rankings import Ranking, Rankings, Steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import ColourEncoder

COUNT = 700


@pytest.fixture(scope="module")
def crowd(
    tmp_path_factory: pytest.TempPathFactory, colour_encoder: ColourEncoder
) -> Iterator[Library]:
    """A library of 700 photos as rows, their vectors at random; some look alike.

    Those that are red are called so: to a model that knows but colours, words alone are sure.
    """
    folder = tmp_path_factory.mktemp("crowd")
    with Library.open(folder / "library", writable=True) as library:
        space = library.use_space(colour_encoder.space)
        add_rows(library, colour_encoder, space, range(COUNT))
        write_background(library, colour_encoder, space)
        yield library


def add_rows(library: Library, encoder: ColourEncoder, space: int, numbers: range) -> None:
    random = np.random.default_rng(numbers.start)
    vectors = random.normal(size=(len(numbers), 8)).astype(np.float32)
    vectors[::9] = vectors[0] + random.normal(size=vectors[::9].shape).astype(np.float32) / 50
    reds = encoder.encode_texts(["red"] * len(vectors[5::50]))
    vectors[5::50] = reds + random.normal(size=reds.shape).astype(np.float32) / 20
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    hashes = [number.to_bytes(16, "big") for number in numbers]
    rows = [
        {
            "path": f"/photos/{'red ' if number % 50 == 5 else ''}{number}.jpg",
            "size": 1, "mtime_ns": 1, "content_hash": key,
            "width": 3, "height": 2, "format": "JPEG", "indexed_at": "2026-01-01",
        }
        for number, key in zip(numbers, hashes, strict=True)
    ]  # fmt: skip
    with library.writing() as connection:
        connection.execute(insert(photo), rows)
        known = dict(zip(hashes, vectors, strict=True))
        embeddings.add(connection, embeddings.PHOTOS, space, known)


def ids_of(ranking: Ranking, start: int, limit: int) -> tuple[list[int], list[int]]:
    """The ids of a page's hits, and those in its stacks."""
    hits = ranking.page(start, limit).hits
    beneath = [other.id for hit in hits for other, _ in hit.stack]
    return [hit.hit.photo.id for hit in hits], beneath


STEPS = st.builds(
    Steps,
    depth=st.integers(300, 400),
    growth=st.integers(2, 3),
    window=st.integers(1, 400),
    tail=st.integers(1, 60),
    most_window=st.integers(1, 500),
    block=st.integers(1, 120),
)
TERMS = st.sampled_from([(Term("text", "red"),), (Term("text", "red"), Term("text", "blue", -2))])


@settings(max_examples=8)
@given(
    steps=STEPS,
    terms=TERMS,
    limits=st.lists(st.integers(20, 200), min_size=1, max_size=5),
    collapse=st.booleans(),
    diverse=st.sampled_from([None, 0.5]),
)
def test_pages_have_every_photo_once(
    crowd: Library, colour_encoder: ColourEncoder, steps: Steps, terms: tuple[Term, ...],
    limits: list[int], collapse: bool, diverse: float | None,
) -> None:  # fmt: skip
    query = Query(terms, collapse=collapse, diverse=diverse)
    ranking = Ranking(SearchEngine(crowd, colour_encoder), query, steps=steps)
    shown, beneath, good = list[int](), list[int](), list[bool]()
    for number in range(1000):
        limit = limits[number % len(limits)]
        page = ranking.page(len(shown), limit)
        assert [hit.rank for hit in page.hits] == [
            len(shown) + place for place in range(1, len(page.hits) + 1)
        ]
        good += [hit.is_good for hit in page.hits]
        beneath += [other.id for hit in page.hits for other, _ in hit.stack]
        shown += [hit.hit.photo.id for hit in page.hits]
        if not page.has_more:
            break
        assert len(page.hits) == limit
    assert sorted(shown + beneath) == list(range(1, COUNT + 1))
    assert good == sorted(good, reverse=True)  # one line parts the good ones from the others
    assert collapse or not beneath
    again = ranking.page(3, 50)  # what was given stays
    assert [hit.hit.photo.id for hit in again.hits] == shown[3:53]
    assert [hit.is_good for hit in again.hits] == good[3:53]


def test_a_ranking_stays_while_its_library_grows_and_shrinks(
    tmp_path_factory: pytest.TempPathFactory, colour_encoder: ColourEncoder
) -> None:
    folder = tmp_path_factory.mktemp("growing")
    with Library.open(folder / "library", writable=True) as library:
        space = library.use_space(colour_encoder.space)
        add_rows(library, colour_encoder, space, range(400))
        query = Query((Term("text", "red"),))
        steps = Steps(depth=300, growth=2)
        ranking = Ranking(SearchEngine(library, colour_encoder), query, steps=steps)
        first, _ = ids_of(ranking, 0, 100)
        add_rows(library, colour_encoder, space, range(400, 500))
        gone = first[40]
        with library.writing() as connection:
            photo_rows.remove(connection, [gone])
            embeddings.remove_orphans(connection)
        again, _ = ids_of(ranking, 0, 100)
        assert [each for each in again if each != gone] == [each for each in first if each != gone]
        rest = [each for start in range(100, 500, 100) for each in ids_of(ranking, start, 100)[0]]
        assert sorted(first + rest) == list(range(1, 501))


def test_good_ones_come_first_each_in_the_order_of_the_ranking(
    crowd: Library, colour_encoder: ColourEncoder
) -> None:
    query = Query((Term("text", "red"),))
    engine = SearchEngine(crowd, colour_encoder)
    ranked = engine.rank(query, 1000)
    confidences, _ = engine.confidences(ranked, ranked.ids[:200])
    sure = [
        key
        for key, each in zip(ranked.ids, confidences, strict=False)
        if each is not None and each >= CUT_OFF
    ]
    assert 0 < len(sure) < 200
    ranking = Ranking(engine, query)
    assert ids_of(ranking, 0, len(sure))[0] == sure
    assert ranking.cut_off == CUT_OFF
    assert [hit.is_good for hit in ranking.page(len(sure) - 1, 2).hits] == [True, False]


def test_the_first_page_is_what_a_search_finds(
    crowd: Library, colour_encoder: ColourEncoder
) -> None:
    engine = SearchEngine(crowd, colour_encoder)
    query = Query((), like=(5,), top_k=50)
    found = [(hit.photo.id, hit.score, hit.confidence) for hit in engine.search(query).hits]
    page = Ranking(engine, query).page(0, 50)
    shown = [(each.hit.photo.id, each.hit.score, each.confidence) for each in page.hits]
    assert [each[:2] for each in shown] == [each[:2] for each in found]
    assert [each[2] for each in shown] == pytest.approx([each[2] for each in found])


def test_less_sure_hits_than_asked_for_are_left_out(
    crowd: Library, colour_encoder: ColourEncoder
) -> None:
    engine = SearchEngine(crowd, colour_encoder)
    ranking = Ranking(engine, Query((Term("text", "red"),), min_confidence=0.5))
    page = ranking.page(0, 200)
    assert page.hits
    assert not page.has_more
    assert all(hit.confidence >= 0.5 for hit in page.hits)


def test_few_rankings_are_kept_and_the_same_one_is_for_all(
    crowd: Library, colour_encoder: ColourEncoder
) -> None:
    engine = SearchEngine(crowd, colour_encoder)
    rankings = Rankings()
    made = [Ranking(engine, Query((Term("text", str(number)),))) for number in range(70)]
    assert rankings.keep("a", made[0]) is made[0]
    assert rankings.keep("a", made[1]) is made[0]
    for number, ranking in enumerate(made):
        rankings.keep(number, ranking)
    assert rankings.find("a") is None
    assert rankings.find(0) is None
    assert rankings.find(69) is made[69]
    rankings.drop(69)
    assert rankings.find(69) is None


def test_a_ranking_that_cannot_be_had_says_so_each_time(
    crowd: Library, colour_encoder: ColourEncoder
) -> None:
    engine = SearchEngine(crowd, colour_encoder)
    ranking = Ranking(engine, Query((), like=(9999,)))
    for _ in range(2):
        with pytest.raises(QueryError):
            ranking.page(0, 10)

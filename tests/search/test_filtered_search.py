"""The best photos within filters are the best of those photos alone, whatever else there is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.catalog import captions, embeddings
from indexer.catalog import keywords as keyword_rows
from indexer.catalog import photos as photo_rows
from indexer.catalog.captions import NewCaption, text_hash
from indexer.filters import Condition, Filters, Folder, Has, Keyword, Rating
from indexer.library import Library
from indexer.pipeline import index_photos
from indexer.records import Facts, PhotoFile
from indexer.records import Keyword as Word
from search.engine import SearchEngine
from search.query import Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import ColourEncoder

    from search.query import Channel, Target

    Paint = Callable[..., Path]

EXAMPLES = int(os.environ.get("SIGHTSEEK_FILTER_EXAMPLES", "12"))
DIM = 8  # of the colour encoder


def only(*conditions: object) -> Filters:
    return Filters(tuple(map(Condition, conditions)))  # type: ignore[arg-type]


def names(engine: SearchEngine, *words: str, **options: object) -> list[str]:
    hits = engine.search(Query.parse(words, **options)).hits
    return ["/".join(hit.photo.path.parts[-2:]) for hit in hits]


@pytest.fixture
def engine(library: Library, photos: Path, paint: Paint, encoder: ColourEncoder) -> SearchEngine:
    paint(photos / "a" / "red.png", "red")
    paint(photos / "a" / "green.png", "green")
    paint(photos / "b" / "blue.png", "blue")
    paint(photos / "b" / "orange.png", "orange")
    (photos / "b" / "red.png").write_bytes((photos / "a" / "red.png").read_bytes())
    (photos / "b" / "blue.txt").write_text("red sea")
    (photos / "a" / "green.txt").write_text("red sea")
    index_photos(photos, library, encoder)
    return SearchEngine(library, encoder)


def test_of_copies_only_those_within_the_filter_are_found(engine: SearchEngine) -> None:
    assert names(engine, "red folder:b", channels=("image",)) == [
        "b/red.png",
        "b/orange.png",
        "b/blue.png",
    ]
    assert names(engine, "red -folder:b", top_k=1, channels=("image",)) == ["a/red.png"]


def test_of_equal_captions_only_those_within_the_filter_are_found(engine: SearchEngine) -> None:
    for target in ("photos", "captions"):
        found = names(engine, "red folder:b", target=target, channels=("caption",))
        assert found == ["b/blue.png"]


def test_a_filter_that_keeps_nothing_finds_nothing(engine: SearchEngine) -> None:
    assert names(engine, "red folder:nowhere") == []
    assert names(engine, "red folder:nowhere", target="captions") == []


def test_a_photo_that_is_searched_by_may_lie_outside_the_filter(
    engine: SearchEngine, photos: Path
) -> None:
    path = str(photos / "a" / "red.png")
    assert names(engine, path, filters=only(Folder("b")), top_k=2) == ["b/red.png", "b/orange.png"]
    assert names(engine, path, filters=only(Folder("a"))) == ["a/green.png"]


def test_filters_hold_in_every_channel(engine: SearchEngine) -> None:
    assert set(names(engine, "red sea -has:captions")) == {"a/red.png", "b/red.png", "b/orange.png"}
    assert set(names(engine, "red sea", filters=only(Has("captions")))) == {
        "a/green.png",
        "b/blue.png",
    }


RATINGS = (None, -1, 0, 3, 5)
FILTERS = st.lists(
    st.builds(
        Condition,
        st.sampled_from(
            [Rating(3, 5), Rating(-1, 0), Folder("a"), Keyword("x"), Has("captions"), Folder("*")]
        ),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
).map(lambda conditions: Filters(tuple(conditions)))


@settings(
    derandomize=EXAMPLES < 100,
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 40),
    contents=st.integers(1, 30),
    asked=st.lists(FILTERS, min_size=1, max_size=6),
    top_k=st.integers(1, 50),
)
def test_the_best_within_filters_equal_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    encoder: ColourEncoder,
    seed: int,
    count: int,
    contents: int,
    asked: list[Filters],
    top_k: int,
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((contents, DIM)).astype(np.float16).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    folder = tmp_path_factory.mktemp("filtered")
    with Library.open(folder / "library", writable=True) as library:
        truth = fill(library, library.use_space(encoder.space), rows, count, rng)
        engine = SearchEngine(library, encoder)
        [query] = encoder.encode_texts(["red"])
        for filters in asked:
            kept = [each for each in truth if passes(each, filters)]
            check(
                engine, filters, "photos", "image", top_k, [rows[each[0]] @ query for each in kept]
            )
            own = [rows[each[4]] @ query for each in kept if each[4] is not None]
            check(engine, filters, "captions", "caption", top_k, own)


def fill(
    library: Library, space_id: int, rows: np.ndarray, count: int, rng: np.random.Generator
) -> list[tuple[int, int | None, str, bool, int | None]]:
    """Write photos of random facts, that share contents and captions; return what they have."""
    truth = []
    with library.writing() as connection:
        for number in range(count):
            content = int(rng.integers(len(rows)))
            rating = RATINGS[rng.integers(len(RATINGS))]
            folder = "ab"[rng.integers(2)]
            has_word = bool(rng.integers(2))
            text = int(rng.integers(len(rows))) if rng.integers(2) else None
            file = PhotoFile(Path(f"/{folder}/{number}.jpg"), 1, 1)
            facts = Facts(1, 1, "JPEG", rating=rating)
            photo_id = photo_rows.put(connection, file, bytes([content]), facts)
            words = [Word("x", "labels")] if has_word else []
            keyword_rows.replace(connection, photo_id, "labels", words)
            new = [] if text is None else [NewCaption(photo_id, f"text {text}")]
            captions.replace(connection, "file", new, photo_id=photo_id)
            truth.append((content, rating, folder, has_word, text))
        images = {bytes([i]): row for i, row in enumerate(rows) if i in {t[0] for t in truth}}
        texts = {text_hash(f"text {t[4]}"): rows[t[4]] for t in truth if t[4] is not None}
        embeddings.add(connection, embeddings.PHOTOS, space_id, images)
        embeddings.add(connection, embeddings.CAPTIONS, space_id, texts)
    return truth


def passes(photo: tuple[int, int | None, str, bool, int | None], filters: Filters) -> bool:
    _, rating, folder, has_word, text = photo
    for condition in filters.conditions:
        match condition.test:
            case Rating(least, most):
                holds = rating is not None and least <= rating <= most
            case Folder(pattern):
                holds = pattern in {"*", folder}
            case Keyword():
                holds = has_word
            case _:
                holds = text is not None
        if holds == condition.negated:
            return False
    return True


def check(
    engine: SearchEngine,
    filters: Filters,
    target: Target,
    channel: Channel,
    top_k: int,
    scores: list[float],
) -> None:
    query = Query.parse("red", target=target, channels=(channel,), filters=filters, top_k=top_k)
    hits = engine.search(query).hits
    best = sorted((float(score) for score in scores), reverse=True)[:top_k]
    assert [hit.score for hit in hits] == pytest.approx(best, abs=1e-3)
    found = [hit.caption.id if hit.caption else hit.photo.id for hit in hits]
    assert len(set(found)) == len(found)

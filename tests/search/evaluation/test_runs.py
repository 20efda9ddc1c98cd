from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.catalog import embeddings
from indexer.catalog import photos as photo_rows
from indexer.errors import CaptionsError, LibraryError, SpaceMismatchError
from indexer.library import Library
from indexer.pipeline import index_photos
from indexer.records import Facts, PhotoFile, Space
from search.evaluation.pairs import Pair, read_pairs
from search.evaluation.runs import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from conftest import ColourEncoder

    from indexer.records import Vectors
    from search.evaluation.measures import Measures

NAMED = [f"{colour}.png,a {colour} thing" for colour in ("red", "green", "blue", "white", "yellow")]


def rank_by_hand(scores: Sequence[float], right: set[int]) -> int:
    """Go down the list as a strict reader does: of equal scores the wrong ones come first."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i in right))
    return next(place for place, i in enumerate(order, start=1) if i in right)


def same(measures: Measures, ranks: Sequence[int]) -> bool:
    """Whether recall, MRR and median are those of the ranks."""
    found = {each.name: each.value for each in measures.figures}
    gain = found.pop("ndcg@10")
    expected = {f"recall@{k}": sum(rank <= k for rank in ranks) / len(ranks) for k in (1, 5, 10)}
    expected["mrr"] = statistics.mean(1 / rank for rank in ranks)
    expected["median_rank"] = statistics.median(ranks)
    return measures.queries == len(ranks) and 0 <= gain <= 1 and found == pytest.approx(expected)


class TableEncoder:
    """Texts have the vectors that the test gives them."""

    image_size = 8

    def __init__(self, texts: dict[str, np.ndarray], dim: int) -> None:
        self.texts, self.dim = texts, dim
        self.space = Space("table", "2" * 64, "0" * 64, dim)

    def preprocess(self, image: object) -> np.ndarray:
        raise AssertionError("photos are in the library already")

    encode_images = preprocess

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self.texts[text] for text in texts])


def keep(library: Library, encoder: TableEncoder, vectors: dict[bytes, np.ndarray]) -> None:
    space_id = library.use_space(encoder.space)
    with library.writing() as connection:
        embeddings.add(connection, embeddings.PHOTOS, space_id, vectors)
        for key in vectors:
            file = PhotoFile(Path(f"/nowhere/{key.hex()}.jpg"), 1, 1)
            photo_rows.put(connection, file, key, Facts(1, 1, "JPEG"))


def some_units(rng: np.random.Generator, count: int, dim: int) -> Vectors:
    """Unit vectors of one or four equal parts: their cosines are exact, and often equal."""
    rows = np.zeros((count, dim), np.float32)
    for row in rows:
        parts = int(rng.choice([1, 4]))
        row[rng.choice(dim, parts, replace=False)] = rng.choice([-1, 1], parts) / np.sqrt(parts)
    return rows


@settings(derandomize=True, deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_an_evaluation_equals_one_by_hand(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    photos, texts, dim = int(rng.integers(1, 30)), int(rng.integers(1, 20)), 6
    images = some_units(rng, photos, dim)
    vectors = some_units(rng, texts, dim)
    encoder = TableEncoder({f"text {i}": vector for i, vector in enumerate(vectors)}, dim)
    chosen = {(int(rng.integers(texts)), int(rng.integers(photos))) for _ in range(25)}
    chosen |= {(text, int(rng.integers(photos))) for text in range(texts)}
    pairs = [Pair(f"text {text}", bytes([photo])) for text, photo in sorted(chosen)]
    with Library.open(tmp_path_factory.mktemp("table") / "library", writable=True) as library:
        keep(library, encoder, {bytes([i]): vector for i, vector in enumerate(images)})
        found = evaluate(library, encoder, [*pairs, *pairs[:3]])  # said twice, counted once
    assert found.text_to_image.candidates == photos
    assert found.image_to_text.candidates == texts
    by_text = [rank_by_hand((images @ vectors[t]).tolist(), {p}) for t, p in sorted(chosen)]
    by_image = [
        rank_by_hand((vectors @ images[photo]).tolist(), {t for t, p in chosen if p == photo})
        for photo in sorted({photo for _, photo in chosen})
    ]
    assert same(found.text_to_image, by_text)
    assert same(found.image_to_text, by_image)


def test_more_queries_than_a_block_are_all_ranked(library: Library) -> None:
    count = 600
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((count, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    encoder = TableEncoder({f"{i}": vector for i, vector in enumerate(vectors)}, 32)
    keys = [f"{i}".encode() for i in range(count)]
    keep(library, encoder, dict(zip(keys, vectors, strict=True)))
    pairs = [Pair(key.decode(), key) for key in keys]
    found = evaluate(library, encoder, pairs)
    assert same(found.text_to_image, [1] * count)
    assert same(found.image_to_text, [1] * count)


def test_captions_that_name_their_colour_are_all_found(
    coloured: Library, encoder: ColourEncoder, photos: Path, write: Callable[..., Path]
) -> None:
    path = write(photos, *NAMED)
    found = evaluate(coloured, encoder, read_pairs(path, coloured))
    assert found.text_to_image.candidates == 5
    assert same(found.text_to_image, [1] * 5)
    assert same(found.image_to_text, [1] * 5)
    assert found.text_to_image["ndcg@10"] == 1


def test_the_best_of_a_photos_captions_counts(
    coloured: Library, encoder: ColourEncoder, photos: Path, write: Callable[..., Path]
) -> None:
    path = write(photos, "red.png,green", "red.png,a red thing", "green.png,green thing")
    found = evaluate(coloured, encoder, read_pairs(path, coloured))
    assert found.text_to_image.queries == 3
    assert found.text_to_image["recall@1"] == pytest.approx(2 / 3)
    assert found.image_to_text.queries == 2
    assert found.image_to_text["mrr"] == pytest.approx((1 + 1 / 2) / 2)  # "green" comes no later


def test_captions_of_the_library_are_no_part_of_it(
    coloured: Library, encoder: ColourEncoder, photos: Path, write: Callable[..., Path]
) -> None:
    path = write(photos, *NAMED)
    before = evaluate(coloured, encoder, read_pairs(path, coloured))
    more = photos / "more.csv"
    more.write_text("image,caption\n" + "".join(f"{row.split(',')[0]},red\n" for row in NAMED))
    index_photos([photos], coloured, encoder, captions=[path, more])
    assert evaluate(coloured, encoder, read_pairs(path, coloured)) == before


def test_copies_of_a_photo_and_equal_captions_count_once(
    coloured: Library, encoder: ColourEncoder, photos: Path, write: Callable[..., Path]
) -> None:
    rows = NAMED
    before = evaluate(coloured, encoder, read_pairs(write(photos, *rows), coloured))
    (photos / "copy.png").write_bytes((photos / "red.png").read_bytes())
    index_photos([photos], coloured, encoder)
    path = write(photos, *rows, "copy.png,a red thing", "red.png,a red thing")
    assert evaluate(coloured, encoder, read_pairs(path, coloured)) == before


def test_another_space_or_an_empty_library_is_refused(
    coloured: Library,
    other_encoder: ColourEncoder,
    photos: Path,
    tmp_path: Path,
    write: Callable[..., Path],
) -> None:
    pairs = read_pairs(write(photos, "red.png,red"), coloured)
    with pytest.raises(SpaceMismatchError):
        evaluate(coloured, other_encoder, pairs)
    with Library.open(tmp_path / "empty", writable=True) as empty:
        with pytest.raises(CaptionsError):
            read_pairs(photos / "queries.csv", empty)
        with pytest.raises(LibraryError):
            evaluate(empty, other_encoder, pairs)


def test_a_photo_that_left_before_it_was_ranked_is_an_error_in_words(
    coloured: Library, encoder: ColourEncoder, photos: Path, write: Callable[..., Path]
) -> None:
    pairs = read_pairs(write(photos, "red.png,red", "blue.png,blue"), coloured)
    coloured.forget([photos / "red.png"])
    with pytest.raises(LibraryError, match="again"):
        evaluate(coloured, encoder, pairs)
    coloured.forget([photos])
    with pytest.raises(LibraryError, match="again"):
        evaluate(coloured, encoder, pairs)


def test_what_only_waits_to_be_cleared_away_is_not_ranked(
    coloured: Library, encoder: ColourEncoder, photos: Path, write: Callable[..., Path]
) -> None:
    with coloured.writing() as connection:  # as after a run that was cut off
        keys = {path.name: key for key, path in photo_rows.paths(connection).items()}
        photo_rows.remove(connection, [keys["green.png"]])
        new = PhotoFile(photos / "new.png", 1, 1)
        photo_rows.put(connection, new, b"not encoded yet", Facts(1, 1, "PNG"))
    found = evaluate(coloured, encoder, read_pairs(write(photos, "red.png,red"), coloured))
    assert found.text_to_image.candidates == 4

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexer.embed import embed
from indexer.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    Paint = Callable[..., Path]


def test_rows_stand_in_the_order_of_what_was_embedded(
    photos: Path, paint: Paint, encoder: ColourEncoder
) -> None:
    colours = ["red", "green", "blue", "white", "yellow"] * 14  # more than two batches
    images = [paint(photos / f"{i}.png", colour) for i, colour in enumerate(colours)]
    found = embed(encoder, texts=["red", "blue"], images=images, max_pixels=10_000)
    assert found.images.shape == (70, 8)
    assert found.texts.shape == (2, 8)
    np.testing.assert_array_equal(found.images, np.tile(found.images[:5], (14, 1)))
    assert np.argmax(found.images[:5] @ found.texts.T, axis=0).tolist() == [0, 2]
    np.testing.assert_allclose(np.linalg.norm(found.images, axis=1), 1, atol=1e-6)


def test_the_same_photo_twice_gives_two_rows(
    photos: Path, paint: Paint, encoder: ColourEncoder
) -> None:
    path = paint(photos / "a.png", "red")
    found = embed(encoder, texts=[], images=[path, path], max_pixels=10_000)
    np.testing.assert_array_equal(found.images[0], found.images[1])


@pytest.mark.parametrize(("texts", "count"), [(["red"], 1), ([], 0)])
def test_nothing_of_a_kind_gives_no_rows_of_it(
    encoder: ColourEncoder, texts: list[str], count: int
) -> None:
    found = embed(encoder, texts=texts, images=[], max_pixels=10_000)
    assert found.images.shape == (0, 8)
    assert found.texts.shape == (count, 8)


def test_the_file_holds_both_and_the_space(
    photos: Path, tmp_path: Path, paint: Paint, encoder: ColourEncoder
) -> None:
    images = [paint(photos / "a.png", "red")]
    embed(encoder, texts=["red"], images=images, max_pixels=10_000).save(tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as arrays:  # without pickles
        assert set(arrays) == {"image_embeddings", "text_embeddings", "space"}
        assert arrays["image_embeddings"].dtype == np.float32
        assert str(arrays["space"]) == str(encoder.space)


@pytest.mark.parametrize("name", ["text.jpg", "notes.txt", "missing.jpg"])
def test_a_photo_that_cannot_be_read_is_named_in_one_line(
    photos: Path, paint: Paint, encoder: ColourEncoder, name: str
) -> None:
    good = paint(photos / "a.png", "red")
    if name != "missing.jpg":
        (photos / name).write_text("a text")
    with pytest.raises(DecodeError, match=name) as caught:
        embed(encoder, texts=[], images=[good, photos / name, good], max_pixels=10_000)
    assert "\n" not in str(caught.value)

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from indexer.training.views import PLAIN, VIEWS


def image(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("size", [(40, 30), (30, 40), (1, 50), (50, 1), (1, 1)])
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_every_view_of_every_shape_has_pixels(view: object, size: tuple[int, int]) -> None:
    seen = view(image(*size), b"content")  # type: ignore[operator]
    assert min(seen.size) >= 1
    assert seen.width <= size[0]
    assert seen.height <= size[1]


def test_the_plain_view_is_the_photo() -> None:
    photo = image(40, 30)
    assert PLAIN(photo, b"content") is photo


def test_a_random_view_depends_on_the_content_alone() -> None:
    view = VIEWS[-1]
    assert view(image(40, 30), b"one").tobytes() == view(image(40, 30), b"one").tobytes()
    seen = {view(image(40, 30), bytes([number])).tobytes() for number in range(8)}
    assert len(seen) > 4


def test_views_have_names_of_their_own() -> None:
    assert len({view.name for view in VIEWS}) == len(VIEWS)

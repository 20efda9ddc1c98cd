from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from indexer.decode.thumbnail import Thumbnail
from search.thumbnails import Drawn, Undrawn, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def test_pictures_come_in_order_with_reasons_in_the_place_of_those_that_cannot(
    tmp_path: Path, paint: Callable[..., Path]
) -> None:
    paths = [
        paint(tmp_path / "red.png", "red"),
        tmp_path / "gone.png",
        paint(tmp_path / "blue.png", "blue"),
    ]
    first, second, third = draw(paths, (12, 12), Thumbnail.jpeg, max_pixels=10**6)
    assert isinstance(first, Drawn)
    assert (first.width, first.height) == (12, 8)
    assert first.data.startswith(b"\xff\xd8\xff")
    assert second == Undrawn("the file cannot be read: no such file or directory")
    assert isinstance(third, Drawn)
    assert third.data != first.data


def test_few_pictures_are_made_before_they_are_asked_for(
    tmp_path: Path, paint: Callable[..., Path]
) -> None:
    path, asked = paint(tmp_path / "red.png", "red"), 0

    def paths() -> Iterator[Path]:
        nonlocal asked
        for _ in range(1000):
            asked += 1
            yield path

    pictures = draw(paths(), (8, 8), Thumbnail.jpeg, max_pixels=10**6)
    for _ in range(3):
        next(pictures)
    assert asked < 20
    pictures.close()
    assert not [each for each in threading.enumerate() if each.name.startswith("draw")]


def test_pictures_are_made_beside_each_other(tmp_path: Path, paint: Callable[..., Path]) -> None:
    path, both = paint(tmp_path / "red.png", "red"), threading.Barrier(2, timeout=30)

    def together(small: Thumbnail) -> bytes:
        both.wait()  # breaks where one thread makes them all
        return small.png()

    assert len(list(draw([path, path], (8, 8), together, max_pixels=10**6))) == 2

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexer.pipeline import index_photos

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.library import Library

COLOURS = ("red", "green", "blue", "white", "yellow")


@pytest.fixture
def coloured(
    library: Library, encoder: ColourEncoder, photos: Path, paint: Callable[..., Path]
) -> Library:
    for colour in COLOURS:
        paint(photos / f"{colour}.png", colour)
    index_photos([photos], library, encoder)
    return library


@pytest.fixture
def write() -> Callable[..., Path]:
    """Write a file of queries."""

    def save(folder: Path, *rows: str, columns: str = "image,caption") -> Path:
        path = folder / "queries.csv"
        path.write_text(f"{columns}\n" + "".join(f"{row}\n" for row in rows))
        return path

    return save

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from indexer.catalog import captions, told
from indexer.catalog.schema import caption, photo
from indexer.pipeline import index_photos

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.library import Library


def test_only_these_texts_of_these_photos_are_forgotten(
    library: Library, encoder: ColourEncoder, photos: Path, paint: Callable[..., Path]
) -> None:
    for colour in ("red", "blue"):
        paint(photos / f"{colour}.png", colour)
    (photos / "copy.png").write_bytes((photos / "red.png").read_bytes())
    for name in ("red", "blue", "copy"):
        (photos / f"{name}.txt").write_text("a thing\nanother\n")
    index_photos([photos], library, encoder)
    with library.writing() as connection:
        connection.execute(update(photo).values(title="a thing", description="another"))
        red = connection.execute(
            select(photo.c.content_hash).where(photo.c.path.like("%red.png"))
        ).scalar_one()
        assert told.forget(connection, [(red, "a thing"), (red, "a thin")]) == 2  # and the copy's
        assert captions.count(connection) == 4
        left = connection.execute(select(caption.c.text, photo.c.path).join(photo)).all()
        assert [path.rsplit("/")[-1] for text, path in left if text == "a thing"] == ["blue.png"]
        rows = connection.execute(select(photo.c.title, photo.c.description).order_by(photo.c.path))
        assert rows.all() == [("a thing", "another"), (None, "another"), (None, "another")]
        assert told.forget(connection, []) == 0

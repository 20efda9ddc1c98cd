from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.background import Material, known_background, write_background
from indexer.catalog import background as rows
from indexer.pipeline import index_photos
from indexer.places import cache_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder

    from indexer.library import Library


def test_the_material_is_as_many_texts_in_two_languages_and_photos_that_are_there() -> None:
    material = Material.read()
    assert len(set(material.english)) == len(set(material.chinese)) == len(material.english) > 100
    assert len(material.photos) > 10
    assert all(path.is_file() for path in material.photos)


def test_indexing_leaves_a_background_once(
    library: Library, encoder: ColourEncoder, photos: Path, paint: Callable[..., Path]
) -> None:
    space_id = library.use_space(encoder.space)
    index_photos(photos, library, encoder)
    with library.reading() as connection:
        assert rows.read(connection, space_id, dim=encoder.dim) is None  # nothing to search
    paint(photos / "red.png", "red")
    index_photos(photos, library, encoder)
    with library.reading() as connection:
        found = rows.read(connection, space_id, dim=encoder.dim)
        assert rows.material(connection, space_id) == Material.read().digest
    assert found is not None
    expected = encoder.encode_texts(Material.read().english)
    np.testing.assert_allclose(found.english, expected, atol=1e-3)
    assert len(found.photos) == len(Material.read().photos)
    np.testing.assert_allclose(np.linalg.norm(found.photos, axis=1), 1, atol=1e-6)


def test_a_background_of_another_release_is_replaced(
    library: Library, encoder: ColourEncoder, photos: Path, paint: Callable[..., Path]
) -> None:
    paint(photos / "red.png", "red")
    index_photos(photos, library, encoder)
    space_id = library.use_space(encoder.space)
    with library.writing() as connection:
        old = rows.read(connection, space_id, dim=encoder.dim)
        assert old is not None
        rows.put(connection, space_id, "of another release", old)
    write_background(library, encoder, space_id)
    with library.reading() as connection:
        assert rows.material(connection, space_id) == Material.read().digest


def test_a_space_is_encoded_once_on_a_machine_and_anew_where_what_was_kept_is_damaged(
    encoder: ColourEncoder,
) -> None:
    material = Material.read()
    first = known_background(encoder, material)
    assert (encoder.texts_encoded, encoder.images_encoded) == (0, 0)
    for kept in (cache_path() / "backgrounds").iterdir():
        kept.write_bytes(b"damaged")
    again = known_background(encoder, material)
    assert encoder.texts_encoded == 2 * len(material.english)
    np.testing.assert_array_equal(again.english, first.english)

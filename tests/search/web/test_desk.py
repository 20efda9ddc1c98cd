"""A library held open: it may come, change and go, and what is known is not made again."""

from __future__ import annotations

import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from indexer.errors import LibraryError, LibraryNotFoundError, PathNotFoundError
from indexer.library import Library
from indexer.pipeline import index_photos
from search.query import Query
from search.web.desk import Desk, Remembering
from search.web.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder


@pytest.fixture
def fill(
    tmp_path: Path, encoder: ColourEncoder, paint: Callable[..., Path]
) -> Callable[[str], Path]:
    def index(colour: str) -> Path:
        paint(tmp_path / colour / f"{colour}.png", colour)
        with Library.open(tmp_path / "library", writable=True) as library:
            index_photos([tmp_path / colour], library, encoder)
        return tmp_path / "library"

    return index


def names(desk: Desk) -> list[str]:
    results = desk.engine().search(Query.parse("red"))
    return sorted(hit.photo.path.name for hit in results.hits)


def test_a_library_may_come_change_and_be_made_anew(
    tmp_path: Path, encoder: ColourEncoder, fill: Callable[[str], Path]
) -> None:
    desk = Desk(tmp_path / "library", lambda _: encoder)
    with pytest.raises(LibraryNotFoundError):
        desk.library()
    fill("red")
    assert names(desk) == ["red.png"]
    state = desk.state()
    fill("blue")
    assert desk.state() != state
    assert names(desk) == ["blue.png", "red.png"]
    assert len(desk.traits().ids) == 2
    desk.close()
    assert names(desk) == ["blue.png", "red.png"]
    shutil.rmtree(tmp_path / "library")
    with pytest.raises(LibraryNotFoundError):
        desk.engine()
    fill("green")
    assert names(desk) == ["green.png"]


def test_an_empty_library_has_no_engine(tmp_path: Path, encoder: ColourEncoder) -> None:
    Library.open(tmp_path / "library", writable=True).close()
    with pytest.raises(LibraryError, match="is empty"):
        Desk(tmp_path / "library", lambda _: encoder).engine()


def test_a_model_is_loaded_once_for_all_who_ask(
    encoder: ColourEncoder, fill: Callable[[str], Path]
) -> None:
    loaded = []
    desk = Desk(fill("red"), lambda name: loaded.append(name) or encoder)
    threads = [threading.Thread(target=desk.engine) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loaded == ["colours"]


def test_texts_are_encoded_once(encoder: ColourEncoder) -> None:
    remembering = Remembering(encoder)
    first = remembering.encode_texts(["red", "blue", "red"])
    assert first.tolist() == encoder.encode_texts(["red", "blue", "red"]).tolist()
    encoder.texts_encoded = 0
    assert remembering.encode_texts(["blue", "green"])[0].tolist() == first[1].tolist()
    assert encoder.texts_encoded == 1


def test_what_was_used_last_is_kept() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)


def test_a_photo_that_was_not_handed_over_is_asked_for_again(
    encoder: ColourEncoder, fill: Callable[[str], Path]
) -> None:
    desk = Desk(fill("red"), lambda _: encoder)
    data = (fill("red").parent / "red" / "red.png").read_bytes()
    key = desk.handed.take(data, name="red.png", engine=desk.engine())
    encoder.images_encoded = 0
    assert desk.handed.take(data, name="again.png", engine=desk.engine()) == key
    assert encoder.images_encoded == 0
    with pytest.raises(PathNotFoundError, match="Hand it over again"):
        desk.handed.get("0" * 32)

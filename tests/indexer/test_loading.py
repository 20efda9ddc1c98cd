from __future__ import annotations

import threading
from hashlib import blake2b
from typing import TYPE_CHECKING

import pytest

from indexer.loading import Failed, Loaded, Loader, NoPhoto, hash_content
from indexer.records import PhotoFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import ColourEncoder
    from PIL import Image

    from indexer.records import Pixels

    Paint = Callable[..., Path]


@pytest.fixture
def loader(encoder: ColourEncoder) -> Loader:
    return Loader(encoder, 1_000_000)


def listed(path: Path) -> PhotoFile:
    return PhotoFile(path, 0, 0)


def test_the_hash_is_of_the_bytes_alone(photos: Path, paint: Paint, loader: Loader) -> None:
    path = paint(photos / "a.png", "red")
    item = loader.load(listed(path))
    assert isinstance(item, Loaded)
    assert item.content_hash == hash_content(path.read_bytes())
    assert item.content_hash == blake2b(path.read_bytes(), digest_size=16).digest()


def test_a_photo_comes_with_facts_and_pixels(photos: Path, paint: Paint, loader: Loader) -> None:
    item = loader.load(listed(paint(photos / "a.png", "red")))
    assert isinstance(item, Loaded)
    assert item.content is not None
    facts = item.content.facts
    assert (facts.width, facts.height, facts.format) == (24, 16, "PNG")
    assert item.content.pixels.shape == (3, 4, 4)


def test_known_content_is_hashed_and_not_decoded(
    photos: Path, paint: Paint, loader: Loader
) -> None:
    path = paint(photos / "a.png", "red")
    item = loader.load(listed(path), {hash_content(path.read_bytes())})
    assert isinstance(item, Loaded)
    assert item.content is None


@pytest.mark.parametrize(
    ("name", "content", "lasting"),
    [("a.jpg", b"a text", True), ("a.jpg", b"", True), ("a.jpg", None, False)],
)
def test_a_photo_that_cannot_be_read_fails_with_its_reason(
    photos: Path, loader: Loader, name: str, content: bytes | None, *, lasting: bool
) -> None:
    if content is not None:
        (photos / name).write_bytes(content)
    item = loader.load(listed(photos / name))
    assert isinstance(item, Failed)
    assert item.lasting == lasting
    assert item.reason
    assert "\n" not in item.reason


def test_a_photo_over_the_cap_fails(photos: Path, paint: Paint, encoder: ColourEncoder) -> None:
    item = Loader(encoder, 100).load(listed(paint(photos / "a.png", "red")))
    assert isinstance(item, Failed)
    assert item.lasting


def test_a_text_is_no_photo_and_no_failure(photos: Path, loader: Loader) -> None:
    (photos / "notes.txt").write_text("some notes")
    assert isinstance(loader.load(listed(photos / "notes.txt")), NoPhoto)


def test_files_come_in_order_however_long_each_takes(
    photos: Path, paint: Paint, encoder: ColourEncoder
) -> None:
    files = [listed(paint(photos / f"{number}.png", "red", shade=number)) for number in range(30)]
    items = list(Loader(encoder, 10_000).load_all(files, (), ahead=8))
    assert [item.file for item in items] == files


def test_no_more_files_are_read_ahead_than_asked_for(
    photos: Path, paint: Paint, loader: Loader
) -> None:
    taken = 0

    def counted() -> Iterator[PhotoFile]:
        nonlocal taken
        for number in range(50):
            taken += 1
            yield listed(paint(photos / f"{number}.png", "red"))

    stream = loader.load_all(counted(), (), ahead=5)
    for done in range(1, 10):
        next(stream)
        assert taken <= done + 5
    stream.close()
    assert taken < 20


def test_closing_the_stream_ends_its_threads(photos: Path, paint: Paint, loader: Loader) -> None:
    files = [listed(paint(photos / f"{number}.png", "red")) for number in range(20)]
    stream = loader.load_all(files, (), ahead=10)
    next(stream)
    stream.close()
    assert not [each for each in threading.enumerate() if each.name.startswith("decode")]


def test_an_unexpected_error_stops_the_stream(
    photos: Path, paint: Paint, encoder: ColourEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(image: Image.Image) -> Pixels:
        raise ZeroDivisionError

    monkeypatch.setattr(encoder, "preprocess", broken)
    files = [listed(paint(photos / "a.png", "red"))]
    with pytest.raises(ZeroDivisionError):
        list(Loader(encoder, 10_000).load_all(files, (), ahead=10))

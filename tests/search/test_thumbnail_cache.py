"""Thumbnails on disk: by content, within bounds, made once."""

from __future__ import annotations

import os
import threading
import time
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from indexer.decode.thumbnail import thumbnail
from indexer.errors import DecodeError
from search.thumbnail_cache import ThumbnailCache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ONE, OTHER = b"\x01" * 16, b"\x01" * 15 + b"\x02"  # of one shard


def picture(length: int = 100, fill: bytes = b"x") -> bytes:
    return b"RIFF" + (length - 8).to_bytes(4, "little") + fill * (length - 8)


def never() -> bytes:
    raise AssertionError("it was made again")


def test_a_thumbnail_is_made_once_and_found_by_content_and_size(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path / "thumbnails")
    assert cache.find(ONE, 320) is None
    assert cache.get(ONE, 320, picture) == picture()
    assert cache.get(ONE, 320, never) == picture()
    assert ThumbnailCache(tmp_path / "thumbnails").find(ONE, 320) == picture()
    assert cache.find(ONE, 160) is None
    assert cache.find(OTHER, 320) is None


def test_who_asks_while_a_thumbnail_is_made_waits_for_it(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path)
    begun, go_on = threading.Event(), threading.Event()
    made, got = [], []

    def make() -> bytes:
        made.append(1)
        begun.set()
        assert go_on.wait(10)
        return picture()

    threads = [threading.Thread(target=lambda: got.append(cache.get(ONE, 320, make)))]
    threads[0].start()
    assert begun.wait(10)
    threads += [threading.Thread(target=lambda: got.append(cache.get(ONE, 320, make)))]
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join()
    assert (len(made), got) == (1, [picture(), picture()])


def test_what_cannot_be_made_is_told_and_tried_again(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path)

    def fail() -> bytes:
        raise DecodeError("the file is damaged")

    with pytest.raises(DecodeError):
        cache.get(ONE, 320, fail)
    assert cache.get(ONE, 320, picture) == picture()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_cache_stays_within_its_bytes_and_drops_what_nobody_looked_at(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path, most_bytes=64 * 1000)
    keys = [b"\x40" + bytes([n]) * 15 for n in range(20)]
    for age, key in enumerate(keys[:10]):
        cache.get(key, 320, picture)
        then = time.time() - 100_000 + age
        os.utime(next(tmp_path.rglob(f"{key.hex()}*")), (then, then))
    assert cache.find(keys[0], 320)  # looked at: now the last to go
    for key in keys[10:15]:
        cache.get(key, 320, picture)
    assert sum(path.stat().st_size for path in files(tmp_path)) == 1000
    left = {key for key in keys if cache.find(key, 320)}
    assert left == {keys[0], *keys[6:15]}


def test_a_thumbnail_larger_than_the_cache_is_given_and_not_kept(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path, most_bytes=64 * 50)
    assert cache.get(ONE, 320, picture) == picture()
    assert not files(tmp_path)


def test_a_thumbnail_that_a_crash_cut_is_made_again(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path)
    cache.get(ONE, 320, picture)
    (path,) = files(tmp_path)
    for cut in (picture()[:-1], b"", b"\0" * 100):
        path.write_bytes(cut)
        assert cache.find(ONE, 320) is None
        assert cache.get(ONE, 320, picture) == picture()


def test_what_a_crash_was_writing_is_removed_later_and_not_at_once(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path)
    cache.get(ONE, 320, picture)
    shard = files(tmp_path)[0].parent
    old, new = shard / ".old.tmp", shard / ".new.tmp"
    old.write_bytes(b"RIFF")
    new.write_bytes(b"RIFF")
    os.utime(old, (0, 0))
    cache.get(OTHER, 320, picture)
    assert (old.exists(), new.exists()) == (False, True)


def test_processes_that_share_a_cache_do_not_harm_each_other(tmp_path: Path) -> None:
    caches = [ThumbnailCache(tmp_path, most_bytes=64 * 500) for _ in range(4)]
    failed = []

    def use(cache: ThumbnailCache) -> None:
        for n in range(60):
            key = b"\x40" + bytes([n % 12]) * 15
            if cache.get(key, 320, picture) != picture():
                failed.append(n)

    threads = [threading.Thread(target=use, args=(cache,)) for cache in caches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 500
    assert all(path.suffix == ".webp" for path in files(tmp_path))


def test_a_cache_that_cannot_be_written_still_gives_thumbnails(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    assert ThumbnailCache(blocked / "thumbnails").get(ONE, 320, picture) == picture()


@pytest.mark.skipif(os.name == "nt", reason="permissions are another thing on Windows")
def test_thumbnails_are_their_owners_alone(tmp_path: Path) -> None:
    ThumbnailCache(tmp_path / "thumbnails").get(ONE, 320, picture)
    made = tmp_path / "thumbnails"
    for path in (made, *made.rglob("*")):
        assert not path.stat().st_mode & 0o077, path


def test_a_webp_holds_nothing_that_its_photo_said_of_itself(
    tmp_path: Path, paint: Callable[..., Path]
) -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 29.6), 3: "E", 4: (2.0, 17.0, 40.2)}
    exif[0x010F] = "a camera"
    path = paint(tmp_path / "red.jpg", "red", exif=exif.tobytes(), comment=b"a secret")
    assert b"a camera" in path.read_bytes()
    data = thumbnail(path, (16, 16)).webp()
    with Image.open(BytesIO(data)) as small:
        assert (small.format, small.size) == ("WEBP", (16, 11))
        assert not set(small.info) & {"exif", "xmp", "icc_profile", "comment"}
    assert b"EXIF" not in data
    assert b"a camera" not in data
    assert b"secret" not in data

"""Small pictures of photos on disk, by what the photos contain: made once, within bounds.

Processes share one folder and know nothing of each other; what falls out is what was not looked at
for the longest time. Knows no library: whoever asks brings the photo.
"""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from indexer.places import cache_path

if TYPE_CHECKING:
    from collections.abc import Callable

Size: TypeAlias = Literal[160, 320, 640, 1280, 2048]  # pixels of the longer side

SIZES: tuple[int, ...] = get_args(Size)
MOST_BYTES = 2 << 30

_SHARDS = 64  # each is bounded for itself: what is in it is listed whenever it grows
_LOOKED_AT = 60 * 60  # seconds by which the time of the last look may be wrong
_ABANDONED = 60 * 60  # seconds after which a file that is still being written is a crash's


def default_folder() -> Path:
    """Return the folder that thumbnails of all libraries are kept in."""
    return cache_path() / "thumbnails"


class ThumbnailCache:
    """WebP pictures by content and size, in a folder of at most about `most_bytes`."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most = most_bytes // _SHARDS
        self._making: dict[Path, Future[bytes]] = {}
        self._lock = Lock()

    def find(self, content_hash: bytes, size: int) -> bytes | None:
        """Return a picture that is there; None for one that has to be made."""
        path = self._path(content_hash, size)
        try:
            with path.open("rb") as file:
                data = file.read()
                looked_at = os.fstat(file.fileno()).st_mtime
        except OSError:
            return None
        if not _is_whole(data):
            return None
        if time.time() - looked_at > _LOOKED_AT:
            with suppress(OSError):
                os.utime(path)
        return data

    def get(self, content_hash: bytes, size: int, make: Callable[[], bytes]) -> bytes:
        """Return a picture, made if it is not there; who asks meanwhile waits for the same one.

        Raises what `make` raises.
        """
        path = self._path(content_hash, size)
        with self._lock:
            making = self._making.get(path)
            if making is None:
                mine = self._making[path] = Future[bytes]()
        if making is not None:
            return making.result()
        try:
            data = self.find(content_hash, size)
            if data is None:
                data = make()
                self._put(path, data)
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(data)
            return data
        finally:
            with self._lock:
                del self._making[path]

    def _path(self, content_hash: bytes, size: int) -> Path:
        shard = content_hash[0] % _SHARDS
        return self._folder / f"{shard:02x}" / f"{content_hash.hex()}-{size}.webp"

    def _put(self, path: Path, data: bytes) -> None:
        """Keep a picture, if the disk lets it: it can be made again."""
        if len(data) > self._most:
            return
        with suppress(OSError):
            # photos are private, and so are their pictures
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _write(path, data)
            self._make_room(path)

    def _make_room(self, kept: Path) -> None:
        """Remove what was not looked at for the longest time, until the rest is within bounds."""
        with os.scandir(kept.parent) as entries:
            found = [(entry.path, entry.stat()) for entry in entries]
        now = time.time()
        files = []
        for name, status in found:
            if name.endswith(".webp"):
                files.append((status.st_mtime, status.st_size, name))
            elif now - status.st_mtime > _ABANDONED:
                Path(name).unlink(missing_ok=True)
        total = sum(size for _, size, _ in files)
        for _, size, name in sorted(files):
            if total <= self._most:
                return
            if name != str(kept):
                Path(name).unlink(missing_ok=True)  # another process may have been as quick
                total -= size


def _write(path: Path, data: bytes) -> None:
    # several processes may write the same picture at once: each beside it under its own name
    number, beside = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with open(number, "wb") as file:  # noqa: PTH123 - it is open already
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    finally:
        Path(beside).unlink(missing_ok=True)


def _is_whole(data: bytes) -> bool:
    """Tell whether a RIFF file is as long as it says."""
    return data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 == len(data)

"""Pictures of many photos, made by threads in order and a few ahead. Knows no pages or terminals.

What cannot be read now is data: its place holds the reason.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from indexer.decode.thumbnail import thumbnail
from indexer.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future
    from pathlib import Path

    from indexer.decode.thumbnail import Thumbnail

    Picture: TypeAlias = "Drawn | Undrawn"

T = TypeVar("T")

_MOST_WORKERS = 4  # a photo at the pixel cap takes gigabytes while it is decoded


@dataclass(frozen=True, slots=True)
class Drawn:
    """A photo's picture, in the form that was asked for."""

    data: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Undrawn:
    """A photo that cannot be read now, and why."""

    reason: str


def draw(
    paths: Iterable[Path],
    box: tuple[int, int],
    write: Callable[[Thumbnail], bytes],
    *,
    max_pixels: int,
) -> Generator[Picture, None, None]:
    """Make a picture of each photo within `box`, in order; `write` gives it its form."""
    one = partial(_draw, box=box, write=write, max_pixels=max_pixels)
    workers = min(_MOST_WORKERS, os.cpu_count() or 1)
    return _mapped(one, paths, workers=workers)


def _draw(
    path: Path, *, box: tuple[int, int], write: Callable[[Thumbnail], bytes], max_pixels: int
) -> Picture:
    try:
        small = thumbnail(path, box, max_pixels=max_pixels)
    except DecodeError as error:
        return Undrawn(str(error))
    return Drawn(write(small), *small.size)


def _mapped(
    one: Callable[[Path], T], paths: Iterable[Path], *, workers: int
) -> Generator[T, None, None]:
    """Apply `one` to each path, as many ahead of what was asked for as there are workers."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="draw")
    queue: deque[Future[T]] = deque()
    try:
        for path in paths:
            queue.append(pool.submit(one, path))
            if len(queue) > workers:
                yield queue.popleft().result()
        while queue:
            yield queue.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

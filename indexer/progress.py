"""How far a run of the indexer is, for other processes to see: a small file in the library.

It lies there while the run lasts. What a crash leaves behind says nothing: no writer holds the
library's lock then.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from indexer.lock import is_locked
from indexer.records import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    OnProgress: TypeAlias = Callable[[Progress], None]

PROGRESS = "progress.json"  # in a library's folder
BESIDE = f".{PROGRESS}.tmp"
_EVERY = 0.5  # seconds


@contextmanager
def published(folder: Path) -> Iterator[OnProgress]:
    """Give a function that shows others how far a run is: written down twice a second at most."""
    stage, due = "", 0.0

    def publish(progress: Progress) -> None:
        nonlocal stage, due
        now = time.monotonic()
        if progress.stage != stage or now >= due or progress.done == progress.total:
            _write(folder, progress)
            stage, due = progress.stage, now + _EVERY

    try:
        yield publish
    finally:
        with suppress(OSError):
            (folder / PROGRESS).unlink(missing_ok=True)


class Watch:
    """Reads how far the run is that writes to a library now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stale: tuple[int, int] | None = None

    def read(self) -> Progress | None:
        """Return how far it is; None when no run has anything to say."""
        path = self._folder / PROGRESS
        try:
            with path.open("rb") as file:
                status = path.stat()
                told = json.load(file)
            found = Progress(str(told["stage"]), int(told["done"]), int(told["total"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        written = status.st_ino, status.st_mtime_ns
        if written == self._stale:
            return None
        if time.time() - status.st_mtime > _DOUBTFUL and not is_locked(self._folder):
            self._stale = written  # asked once: who asks holds the lock for a moment
            return None
        return found


_DOUBTFUL = 5.0  # seconds without news, as a large batch may take, too


def _write(folder: Path, progress: Progress) -> None:
    told = {"stage": progress.stage, "done": progress.done, "total": progress.total}
    beside = folder / BESIDE
    with suppress(OSError):  # a run does not fail for want of it
        # not synced: after a crash it says nothing, whatever is in it
        beside.write_text(json.dumps(told), "utf-8")
        beside.replace(folder / PROGRESS)

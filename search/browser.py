"""Pages in files and in a browser. Knows nothing of what is on them."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import PathNotFoundError
from indexer.files import replacing
from indexer.places import cache_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KEPT = 24 * 60 * 60  # seconds: a page holds private photos, and is made again in a moment


def write_page(pieces: Iterable[str], path: Path | None = None) -> Path:
    """Write a page to a file, or to a new one that only its user reads and that goes in a day.

    Raises PathNotFoundError where there is no folder to write to.
    """
    if path is None:
        return _write_for_a_day(pieces, cache_path() / "sheets")
    path = path.absolute()
    if not path.parent.is_dir():
        raise PathNotFoundError(f"There is no folder {path.parent} to write to. Make it first.")
    with replacing(path) as beside, beside.open("w", encoding="utf-8") as file:
        file.writelines(pieces)
    return path


def show_page(path: Path) -> bool:
    """Open a file in the browser; False where there is none to open it."""
    return show_address(path.as_uri())


def show_address(url: str) -> bool:
    """Open an address in the browser; False where there is none to open it."""
    windowed = sys.platform in {"win32", "darwin"}
    if not (windowed or any(map(os.environ.get, ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")))):
        return False  # what is left are browsers that take over the terminal
    import webbrowser

    with _results_spared():
        return webbrowser.open(url)


def _write_for_a_day(pieces: Iterable[str], folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.glob("search-*.html"):
        with suppress(OSError):  # another search removes it, too
            if old.stat().st_mtime < time.time() - _KEPT:
                old.unlink()
    number, name = tempfile.mkstemp(prefix="search-", suffix=".html", dir=folder)  # 0600
    with open(number, "w", encoding="utf-8") as file:  # noqa: PTH123 - it is open already
        file.writelines(pieces)
    return Path(name)


@contextmanager
def _results_spared() -> Iterator[None]:
    """Let what is started meanwhile write to stderr only: browsers greet on stdout."""
    if sys.stdout is None:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)

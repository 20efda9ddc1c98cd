"""Paths as a library keeps them, and files that are whole or not there. Knows no contents."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator


def absolute(path: str | os.PathLike[str]) -> Path:
    """Resolve `~` and `..` and leave links: photos keep the paths that their owner knows."""
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100


def is_within(path: str, folders: Container[str]) -> bool:
    """Tell whether a path is one of the folders or lies beneath one, however many they are."""
    while path not in folders:
        above = os.path.dirname(path)  # noqa: PTH120 - a Path for every step is slow
        if above == path:
            return False
        path = above
    return True


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; synced and renamed over `path` if all went well."""
    # the name is fixed: what a crash left behind is overwritten by the next try
    beside = path.with_name(f".{path.name}.tmp")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Give a file's SHA-256 in hex; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""A bundle's files, which are what its manifest says. Knows digests and nothing of contents."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from mmap import mmap
from typing import TYPE_CHECKING, TypeAlias

from indexer.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

    _Stamp: TypeAlias = tuple[int, int, int]

# Hashed at once: between two chunks other threads run, for 5 ms each time.
_CHUNK = 16 << 20


def read_verified(path: Path, digest: str) -> bytes:
    """Read a file whose SHA-256 in hex is `digest`; BundleError where it is another file."""
    with _translated(path):
        content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise _another(path)
    return content


@contextmanager
def verified(path: Path, digest: str) -> Iterator[None]:
    """Let a file be read by its path: before, it is verified, and afterwards still the same.

    Raises BundleError where it is another file than the one whose SHA-256 in hex is `digest`.
    """
    with _translated(path), path.open("rb", buffering=0) as file:
        before = _stamp(os.fstat(file.fileno()))
        found = _sha256(file)
    if found != digest:
        raise _another(path)
    yield
    with _translated(path):
        after = _stamp(path.stat())
    if after != before:  # written anew while it was read
        raise _another(path)


def _sha256(file: FileIO) -> str:
    digest = hashlib.sha256()
    # not from the heap, which would keep room of that size for good
    with mmap(-1, _CHUNK) as chunk, memoryview(chunk) as view:
        while length := file.readinto(view):
            digest.update(view[:length])
    return digest.hexdigest()


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BundleError(
            f"{path} cannot be read: {error.strerror}. Make the bundle again."
        ) from error


def _another(path: Path) -> BundleError:
    return BundleError(
        f"{path} is not the file that its manifest names (another SHA-256). "
        "Make the bundle again or fetch another copy."
    )

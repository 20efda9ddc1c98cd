"""Photos' own files, of those in the library alone, and only while they are what was indexed.

A path may lead elsewhere by now: over a link that was moved, to a file that was exchanged. So what
counts is the content of the very file that is open, which is compared with the catalog's.
"""

from __future__ import annotations

import os
import stat
import time
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from indexer.loading import hash_content
from search.web.problems import ChangedError, NoSuchError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from indexer.catalog.photos import Original

    State: TypeAlias = tuple[int, int, int, int, int]

_MOST_KNOWN = 50_000
_PIECE = 1 << 20
_SETTLED = 2.0  # seconds after which another change would show in a file's times
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe would wait for someone to write
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True, slots=True)
class OpenOriginal:
    """A file that was opened, and is what the library knows. Whoever has it closes it."""

    number: int  # the file descriptor
    size: int
    mtime: float  # seconds

    def read(self, start: int, length: int) -> bytes:
        """Read from a place, as many bytes as are there."""
        if hasattr(os, "pread"):
            return os.pread(self.number, length, start)
        os.lseek(self.number, start, os.SEEK_SET)
        return os.read(self.number, length)

    def close(self) -> None:
        """Close the file."""
        os.close(self.number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Originals:
    """Opens photos' files. What was read through once is known again by inode, size and times."""

    def __init__(self) -> None:
        self._known: OrderedDict[State, bytes] = OrderedDict()
        self._lock = Lock()

    def open(self, wanted: Original) -> OpenOriginal:
        """Open a photo's file.

        Raises NoSuchError when it is not there or cannot be read, ChangedError when it is not what
        was indexed.
        """
        opened = _open(wanted)
        try:
            if self._hash(opened.number) != wanted.content_hash:
                raise _changed(wanted)
        except BaseException:
            opened.close()
            raise
        return opened

    def _hash(self, number: int) -> bytes:
        status = os.fstat(number)
        state = (
            *(status.st_dev, status.st_ino, status.st_size),
            *(status.st_mtime_ns, status.st_ctime_ns),
        )
        with self._lock:
            known = self._known.get(state)
            if known is not None:
                self._known.move_to_end(state)
                return known
        found = blake2b(digest_size=16)  # as `hash_content`, by pieces
        with os.fdopen(os.dup(number), "rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                found.update(piece)
        if time.time() - status.st_ctime > _SETTLED:
            with self._lock:
                self._known[state] = found.digest()
                if len(self._known) > _MOST_KNOWN:
                    self._known.popitem(last=False)
        return found.digest()


def read_original(wanted: Original) -> bytes:
    """Read a photo's file whole. Raises what opening it raises."""
    with _open(wanted) as opened, os.fdopen(os.dup(opened.number), "rb") as file:
        data = file.read(wanted.size + 1)
    if hash_content(data) != wanted.content_hash:
        raise _changed(wanted)
    return data


def _open(wanted: Original) -> OpenOriginal:
    try:
        number = os.open(wanted.path, _FLAGS)
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise NoSuchError(
            f"{wanted.path.name} cannot be read where it was: {reason}. {_REMEDY}"
        ) from error
    status = os.fstat(number)
    if not stat.S_ISREG(status.st_mode) or status.st_size != wanted.size:
        os.close(number)
        raise _changed(wanted)
    return OpenOriginal(number, status.st_size, status.st_mtime)


def _changed(wanted: Original) -> ChangedError:
    return ChangedError(f"{wanted.path.name} is not what was indexed. {_REMEDY}")


_REMEDY = "Bring the library up to date with: sightseek index FOLDER"

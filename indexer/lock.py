"""One writer at a time: the lock of a library's folder. Knows nothing of what lies in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.errors import LibraryBusyError, LibraryError

if TYPE_CHECKING:
    from pathlib import Path

    from filelock import FileLock


_PATIENCE = 0.1  # seconds: `is_locked` of another process takes microseconds


def lock_folder(folder: Path) -> FileLock:
    """Lock a library's folder for writing, and make it where there is none.

    Raises LibraryBusyError when another process holds it, LibraryError when the folder
    cannot be written.
    """
    from filelock import FileLock, Timeout  # readers never need it

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", thread_local=False)  # any thread may close
        lock.acquire(timeout=_PATIENCE, poll_interval=_PATIENCE / 5)
    except Timeout:
        raise LibraryBusyError(
            f"Another sightseek is writing to the library at {folder}. Wait until it has "
            "finished; searching works meanwhile."
        ) from None
    except OSError as error:
        raise LibraryError(
            f"The library at {folder} cannot be written: {error.strerror or error}. "
            "Name another folder with --library."
        ) from error
    return lock


def is_locked(folder: Path) -> bool:
    """Tell whether some process writes to a library now, by holding its lock for a moment."""
    from filelock import FileLock, Timeout

    path = folder / "lock"
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0, thread_local=False):
            return False
    except Timeout:
        return True
    except OSError:  # only others may write to it, and none is known to
        return False

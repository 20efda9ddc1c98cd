"""One writer at a time: the lock of a library's folder. Knows nothing of what lies in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.errors import LibraryBusyError, LibraryError

if TYPE_CHECKING:
    from pathlib import Path

    from filelock import FileLock


def lock_folder(folder: Path) -> FileLock:
    """Lock a library's folder for writing, and make it where there is none.

    Raises LibraryBusyError at once when another process holds it, LibraryError when the folder
    cannot be written.
    """
    from filelock import FileLock, Timeout  # readers never need it

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0, thread_local=False)  # any thread may close
        lock.acquire()
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

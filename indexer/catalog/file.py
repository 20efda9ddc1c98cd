"""How SQLite opens the catalog's file. Knows of tables only where the model's name stands.

Knows no SQLAlchemy, the largest import of a search: the model can load meanwhile.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

CATALOG = "catalog.sqlite"  # in a library's folder

_BUSY_SECONDS = 30  # a commit of another process takes milliseconds

Mode: TypeAlias = Literal["rwc", "ro", "ro&immutable=1"]


def mode_for(path: Path, *, writable: bool) -> Mode:
    """Choose how to open a catalog; one that nobody can write to is read without any lock."""
    if writable:
        return "rwc"
    return "ro&immutable=1" if _is_sealed(path) else "ro"


def connect(path: Path, *, mode: Mode) -> sqlite3.Connection:
    """Open the file; transactions begin where they are said to."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        check_same_thread=False,
        isolation_level=None,
    )


def likely_model(path: Path) -> str | None:
    """Ask for the model of a catalog's current space; None where it does not answer at once.

    The catalog is not checked: whoever opens it as a library says what is wrong with it.
    """
    try:
        if not path.is_file():
            return None
        with closing(connect(path, mode=mode_for(path, writable=False))) as connection:
            connection.execute("PRAGMA busy_timeout = 0")
            found = connection.execute("SELECT model FROM space WHERE is_current").fetchone()
    except (sqlite3.Error, OSError):
        return None
    return found[0] if found and isinstance(found[0], str) else None


def _is_sealed(path: Path) -> bool:
    # nobody writes to it, and the folder lets nobody: SQLite would want to make files beside it
    journal, shared = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    is_quiet = not shared.exists() and not (journal.exists() and journal.stat().st_size)
    return is_quiet and not os.access(path.parent, os.W_OK)

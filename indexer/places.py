"""Where sightseek keeps what is not the user's. Knows the platform's habits and no files."""

from __future__ import annotations

import os
from pathlib import Path


def library_path(named: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of the library that is named, or of the one to use when none is."""
    return Path(named).expanduser().absolute() if named else default_path()


def default_path() -> Path:
    """Return the library to use when none is named."""
    named = os.environ.get("SIGHTSEEK_LIBRARY")
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("sightseek", appauthor=False)


def cache_path() -> Path:
    """Return the folder for what can be made again."""
    from platformdirs import user_cache_path

    return user_cache_path("sightseek", appauthor=False)

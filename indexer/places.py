"""Where sightseek keeps what is not the user's. Knows the platform's habits and no files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def cache_path() -> Path:
    """Return the folder for what can be made again."""
    from platformdirs import user_cache_path

    return user_cache_path("sightseek", appauthor=False)

"""What SQLite is taught, to compare as people do: letters, distances, folders."""

from __future__ import annotations

import os
import unicodedata
from fnmatch import fnmatchcase
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

EARTH_KM = 6371.0088  # mean radius (IUGG)


def teach(connection: sqlite3.Connection) -> None:
    """Give a connection the functions."""
    connection.create_function("folded", 1, folded, deterministic=True)
    connection.create_function("km_between", 4, km_between, deterministic=True)
    connection.create_function("in_folder", 2, in_folder, deterministic=True)


@lru_cache(maxsize=4096)  # many photos are of one camera
def folded(text: str | None) -> str | None:
    """Give a text in which case and composition of letters do not matter (NFC, full folding)."""
    return None if text is None else unicodedata.normalize("NFC", text.casefold())


def km_between(
    latitude: float | None, longitude: float | None, other_latitude: float, other_longitude: float
) -> float | None:
    """Measure a great circle between two positions in degrees (haversine, on a sphere)."""
    if latitude is None or longitude is None:
        return None
    north, other_north = radians(latitude), radians(other_latitude)
    rise = sin((other_north - north) / 2) ** 2
    turn = sin(radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(min(1.0, rise + cos(north) * cos(other_north) * turn)))


def in_folder(path: str, pattern: str) -> bool:
    """Tell whether a file lies in a folder that matches a pattern, or beneath one."""
    return _matches(os.path.dirname(path), pattern)  # noqa: PTH120 - a Path for each is slow


@lru_cache(maxsize=4096)  # many photos lie in one folder
def _matches(folder: str, pattern: str) -> bool:
    parts = tuple(filter(None, map(folded, PurePath(folder).parts)))
    wanted = tuple(filter(None, map(folded, PurePath(pattern).parts)))
    starts = (0,) if PurePath(pattern).is_absolute() else range(len(parts))
    return any(_leads(parts, start, wanted) for start in starts)


def _leads(parts: tuple[str, ...], at: int, wanted: tuple[str, ...]) -> bool:
    """Tell whether a pattern's parts match a path's from one on; what lies beneath is in it."""
    reached = {at}  # where the path may go on: a set, lest many ** take for ever
    for part in wanted:
        if part == "**":
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {
                spot + 1 for spot in reached if spot < len(parts) and fnmatchcase(parts[spot], part)
            }
        if not reached:
            return False
    return True

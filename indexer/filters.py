"""What may be asked of photos' facts, as values. Knows neither SQL nor how it is typed.

Letters' case never matters. What is not known of a photo fulfils no condition; the negation of a
condition keeps exactly the photos that it leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Shape: TypeAlias = Literal["landscape", "portrait", "square"]
CITY_KM = 20.0  # around its middle, most of a large city

Kept: TypeAlias = Literal["captions", "gps", "exif", "date", "keywords", "rating"]


@dataclass(frozen=True, slots=True)
class After:
    """Taken in or after a year, month, day or second, by the camera's clock."""

    moment: str  # ISO 8601, as much of it as is meant: `2021`, `2021-05`, `2021-05-17T12:30:00`


@dataclass(frozen=True, slots=True)
class Before:
    """Taken before the start of a year, month, day or second, by the camera's clock."""

    moment: str


@dataclass(frozen=True, slots=True)
class Camera:
    """Taken with a camera whose name contains a text."""

    name: str


@dataclass(frozen=True, slots=True)
class Lens:
    """Taken with a lens whose name contains a text."""

    name: str


@dataclass(frozen=True, slots=True)
class Near:
    """Taken within so many km of a position, along a great circle; degrees, north and east."""

    latitude: float
    longitude: float
    km: float = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """In a place as the photo itself names it, or near a city of that name."""

    name: str
    country: str | None = None
    km: float = CITY_KM
    cities: tuple[Near, ...] = ()


@dataclass(frozen=True, slots=True)
class Folder:
    """In a folder that matches a pattern, or in one beneath it.

    `*`, `?` and `[...]` stand for parts of a folder's name, `**` for any folders. An absolute
    pattern is of the whole path, any other of the last folders in it.
    """

    pattern: str


@dataclass(frozen=True, slots=True)
class Orientation:
    """Wider than high, higher than wide, or neither."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class MinSize:
    """At least so many pixels wide and high, upright."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Format:
    """Of a file format, by the name that Facts have for it."""

    name: str


@dataclass(frozen=True, slots=True)
class Rating:
    """Rated from `least` to `most` stars; -1 is a rejected photo."""

    least: int = -1
    most: int = 5


@dataclass(frozen=True, slots=True)
class Keyword:
    """With a keyword, whoever gave it."""

    text: str


@dataclass(frozen=True, slots=True)
class Has:
    """With captions, a position, how it was taken, when, keywords, or a rating."""

    what: Kept


Test: TypeAlias = (
    After | Before | Camera | Lens | Near | Place | Folder | Orientation | MinSize | Format | Rating
    | Keyword | Has
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """A test that photos must pass, or must not."""

    test: Test
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that all hold for the photos that are meant; without any, for all photos."""

    conditions: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def __add__(self, other: Filters) -> Filters:
        return Filters((*self.conditions, *other.conditions))

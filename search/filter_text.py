"""Filters as they are typed, `camera:"pixel 7"`, and written again. Knows no shells or SQL."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, time
from typing import TYPE_CHECKING, Any, get_args

from indexer.decode.formats import FORMATS
from indexer.errors import UsageError
from indexer.files import absolute
from indexer.filters import (
    CITY_KM,
    After,
    Before,
    Camera,
    Condition,
    Filters,
    Folder,
    Format,
    Has,
    Kept,
    Keyword,
    Lens,
    MinSize,
    Near,
    Orientation,
    Place,
    Rating,
    Shape,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from indexer.filters import Test

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?)?)?", re.ASCII)
_NEAR = re.compile(r"([^,]+),([^,]+)(?:,([^,]+?)(?:\s*km)?)?", re.IGNORECASE)
_PLACE = re.compile(r"([^,\d][^,]*)(?:,\s*([^,\d][^,]*))?(?:,\s*(\d+(?:\.\d+)?)(?:\s*km)?)?")
_SIZE = re.compile(r"(\d{1,6})\s*x\s*(\d{1,6})", re.ASCII | re.IGNORECASE)
_RATING = re.compile(r"(-1|[0-5])?(\.\.)?(-1|[0-5])?", re.ASCII)
_FORMATS = {"JPG": "JPEG", "TIF": "TIFF", "HEIC": "HEIF"}
_PLAIN = re.compile(r"[^\s\"\\][^\s\\]*")


def read_filter(key: str, value: str, *, negated: bool = False) -> Condition:
    """Read one filter; raises UsageError for a key or a value that there is not."""
    kind = KINDS.get(key.lower())
    if kind is None:
        raise UsageError(f"{key!r} is no filter. Known ones: {', '.join(KINDS)}.")
    value = value.strip()
    if not value:
        raise UsageError(f"The filter {key} is empty. Put what it is to be behind the colon.")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise UsageError(f"{value!a} is not text in UTF-8. Type it anew.")
    return Condition(kind.read(key, value), negated)


def read_options(given: Mapping[str, Iterable[str]]) -> Filters:
    """Read the values of options that go by the filters' keys."""
    return Filters(
        tuple(read_filter(key, value) for key, values in given.items() for value in values)
    )


def write_filters(filters: Filters) -> tuple[str, ...]:
    """Write each condition as the one word that is read as it."""
    return tuple(map(_written, filters.conditions))


def key_and_value(condition: Condition) -> tuple[str, str]:
    """Tell what stands before and behind a condition's colon, without quotes."""
    test = condition.test
    key, kind = next((key, kind) for key, kind in KINDS.items() if kind.test is type(test))
    return key, kind.write(test)


def _written(condition: Condition) -> str:
    key, value = key_and_value(condition)
    if not _PLAIN.fullmatch(value):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        value = f'"{escaped}"'
    return f"{'-' if condition.negated else ''}{key}:{value}"


def _moment(key: str, value: str) -> str:
    match = _DATE.fullmatch(value)
    try:
        if match is None:
            raise ValueError(value)
        year, month, day, hour, minute, second = match.groups()
        date(int(year), int(month or 1), int(day or 1))
        time(int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        raise UsageError(
            f"{value!r} is no time for {key}. Write a year, month, day or time of the camera's "
            "clock: 2021, 2021-05, 2021-05-17 or 2021-05-17T12:30."
        ) from None
    return value.replace(" ", "T")


def _near(key: str, value: str) -> Near:
    match = _NEAR.fullmatch(value)
    try:
        numbers = [float(each) for each in match.groups() if each] if match else []
        latitude, longitude, *rest = numbers
    except ValueError:
        raise _no_position(key, value) from None
    found = Near(latitude, longitude, *rest)
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and 0 <= found.km < math.inf):
        raise _no_position(key, value)
    return found


def _no_position(key: str, value: str) -> UsageError:
    return UsageError(
        f"{value!r} is no position for {key}. Write LATITUDE,LONGITUDE in degrees, and the "
        "distance in km if it is not to be 10: 48.8584,2.2945,5."
    )


def _place(key: str, value: str) -> Place:
    from indexer.gazetteer import find_cities  # a second of reading, for those who ask

    match = _PLACE.fullmatch(value)
    if match is None:
        raise UsageError(
            f"{value!r} is no place for {key}. Write NAME, NAME,COUNTRY or NAME,COUNTRY,KM: Paris, "
            "'San José,CR', Paris,FR,50."
        )
    name, country, km = (part and part.strip() for part in match.groups())
    around = float(km) if km else CITY_KM
    found = find_cities(name, country)
    cities = tuple(Near(city.latitude, city.longitude, around) for city in found)
    return Place(name, country, around, cities)


def _written_place(test: Place) -> str:
    return ",".join(filter(None, (test.name, test.country, repr(test.km))))


def _folder(_key: str, value: str) -> Folder:
    if not value.startswith(("~", "/", "./", "../")) and value not in {".", ".."}:
        return Folder(value)
    try:
        return Folder(str(absolute(value)))
    except (RuntimeError, ValueError):  # a home that there is not, a name that can be none
        raise UsageError(f"{value!a} names no folder. Check its spelling.") from None


def _choice(key: str, value: str, known: tuple[str, ...]) -> str:
    if value.lower() not in known:
        raise UsageError(f"{value!r} is nothing for {key}. Choose from: {', '.join(known)}.")
    return value.lower()


def _orientation(key: str, value: str) -> Orientation:
    return Orientation(_choice(key, value, get_args(Shape)))  # type: ignore[arg-type]  # just checked


def _has(key: str, value: str) -> Has:
    return Has(_choice(key, value, get_args(Kept)))  # type: ignore[arg-type]  # just checked


def _min_size(key: str, value: str) -> MinSize:
    match = _SIZE.fullmatch(value)
    if match is None:
        raise UsageError(f"{value!r} is no size for {key}. Write WIDTHxHEIGHT: 1920x1080.")
    return MinSize(int(match[1]), int(match[2]))


def _format(_key: str, value: str) -> Format:
    name = value.upper().removeprefix(".")
    name = _FORMATS.get(name, name)
    if name not in FORMATS:
        raise UsageError(f"{value!r} is no format. Choose from: {', '.join(sorted(FORMATS))}.")
    return Format(name)


def _rating(_key: str, value: str) -> Rating:
    match = _RATING.fullmatch(value)
    least, dots, most = match.groups() if match else (None, None, None)
    if (least is None and most is None) or (most and not dots):
        raise UsageError(
            f"{value!r} is no rating. Write stars from 0 to 5, or -1 for rejected photos: 3, "
            "3.. for at least, ..3 for at most, 2..4."
        )
    low = -1 if least is None else int(least)
    high = int(most) if most is not None else (5 if dots else low)
    if low > high:
        raise UsageError(
            f"{value!r} is no rating: nothing is in between. Write the lower one first."
        )
    return Rating(low, high)


def _written_rating(test: Rating) -> str:
    return str(test.least) if test.least == test.most else f"{test.least}..{test.most}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of filter: how its values are read, and written."""

    test: type[Test]
    read: Callable[[str, str], Test]
    write: Callable[[Any], str]


KINDS: Mapping[str, Kind] = {
    "after": Kind(After, lambda key, value: After(_moment(key, value)), lambda test: test.moment),
    "before": Kind(
        Before, lambda key, value: Before(_moment(key, value)), lambda test: test.moment
    ),
    "camera": Kind(Camera, lambda _, value: Camera(value), lambda test: test.name),
    "lens": Kind(Lens, lambda _, value: Lens(value), lambda test: test.name),
    "near": Kind(Near, _near, lambda test: f"{test.latitude!r},{test.longitude!r},{test.km!r}"),
    "place": Kind(Place, _place, _written_place),
    "folder": Kind(Folder, _folder, lambda test: test.pattern),
    "orientation": Kind(Orientation, _orientation, lambda test: test.shape),
    "min-size": Kind(MinSize, _min_size, lambda test: f"{test.width}x{test.height}"),
    "format": Kind(Format, _format, lambda test: test.name),
    "rating": Kind(Rating, _rating, _written_rating),
    "keyword": Kind(Keyword, lambda _, value: Keyword(value), lambda test: test.text),
    "has": Kind(Has, _has, lambda test: test.what),
}

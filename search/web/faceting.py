"""The facets of a query: what its photos are like, and the query with each value put in or out.

A facet by which the query filters counts as if it did not: so another value can be chosen. Knows
no HTTP.
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from indexer.catalog import facets
from indexer.catalog import filters as filter_rows
from indexer.catalog.functions import folded
from indexer.filters import (
    After,
    Before,
    Camera,
    Condition,
    Filters,
    Folder,
    Format,
    Keyword,
    Orientation,
    Rating,
    Shape,
)
from search.line import Line
from search.web import models

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from indexer.catalog.facets import Trait, Traits
    from indexer.filters import Test
    from indexer.records import Ids

_MOST_CAMERAS, _MOST_FOLDERS, _MOST_KEYWORDS = 50, 200, 50
_DATES = ("after", "before")
_LONGEST_GAP = 120  # months: a camera whose clock was never set is no reason for a century of zeros


@dataclass(frozen=True, slots=True)
class _Counting:
    """Counts the photos of one query."""

    connection: Connection
    traits: Traits
    line: Line
    known: dict[Filters, Ids] = field(default_factory=dict)

    def total(self) -> int:
        """Count the photos of the query's filters."""
        ids = self._ids(self.line.filters)
        return len(self.traits.ids if ids is None else ids)

    def counts(self, trait: Trait, keys: Collection[str]) -> dict[str | None, int]:
        """Count the values of a trait, without the filters of its own keys."""
        return self.traits.counts(trait, self._ids(self.line.without_keys(keys).filters))

    def _ids(self, filters: Filters) -> Ids | None:
        if not filters:
            return None
        if filters not in self.known:  # most facets count the same photos
            self.known[filters] = filter_rows.photo_ids(self.connection, filters)
        return self.known[filters]

    def values(
        self, trait: Trait, key: str, test: Callable[[str], Test], *, most: int | None = None
    ) -> tuple[models.FacetValue, ...]:
        """Return the values of a trait, of which one is asked for at a time."""
        return self.choices(self.counts(trait, {key}), key, test, most=most)

    def choices(
        self,
        counts: Mapping[str | None, int],
        key: str,
        test: Callable[[str], Test],
        *,
        most: int | None = None,
        label: Callable[[str], str] = str,
    ) -> tuple[models.FacetValue, ...]:
        """Return counted values; those that are asked for are among them, however few they are."""
        known = {name: count for name, count in counts.items() if name}
        others = self.line.without_keys({key})
        found: list[models.FacetValue] = []
        for name, count in known.items():
            own = test(name)
            is_selected = any(
                not each.negated and _is_same(each.test, own)
                for each in self.line.filters.conditions
            )
            if is_selected or most is None or len(found) < most:
                put = others + Line(filters=Filters((Condition(own),)))
                found.append(
                    models.FacetValue(
                        value=name,
                        label=label(name),
                        count=count,
                        is_selected=is_selected,
                        text=str(others if is_selected else put),
                    )
                )
        return tuple(found)


def facets_of(connection: Connection, traits: Traits, line: Line) -> models.Facets:
    """Count what the photos of a query's filters are like."""
    counting = _Counting(connection, traits, line)
    months = counting.counts("month", _DATES)
    folders, above = _beneath(counting.counts("folder", {"folder"}))
    ratings = counting.values("rating", "rating", lambda name: Rating(int(name), int(name)))
    return models.Facets(
        total=counting.total(),
        months=tuple(_months(line, months)),
        undated=months.get(None, 0),
        cameras=counting.values("camera", "camera", Camera, most=_MOST_CAMERAS),
        folders=tuple(
            sorted(
                counting.choices(
                    folders,
                    "folder",
                    lambda name: Folder(glob.escape(name)),
                    most=_MOST_FOLDERS,
                    label=lambda name: os.path.relpath(name, above),
                ),
                key=lambda value: Path(value.value).parts,
            )
        ),
        orientations=counting.values("shape", "orientation", _orientation),
        formats=counting.values("format", "format", Format),
        keywords=tuple(_keywords(connection, line)),
        ratings=tuple(sorted(ratings, key=lambda value: -int(value.value))),
    )


def _orientation(name: str) -> Orientation:
    return next(Orientation(shape) for shape in get_args(Shape) if shape == name)


def _is_same(test: Test, other: Test) -> bool:
    if isinstance(test, Camera) and isinstance(other, Camera):
        return folded(test.name) == folded(other.name)
    if isinstance(test, Keyword) and isinstance(other, Keyword):
        return folded(test.text) == folded(other.text)
    return test == other


def _months(line: Line, counts: Mapping[str | None, int]) -> Iterator[models.FacetValue]:
    tests = [each.test for each in line.filters.conditions if not each.negated]
    starts = [test.moment for test in tests if isinstance(test, After)]
    ends = [test.moment for test in tests if isinstance(test, Before)]
    others = line.without_keys(_DATES)
    for month in _without_gaps(name for name in counts if name is not None):
        after, before = After(month), Before(_following(month))
        put = others + Line(filters=Filters((Condition(after), Condition(before))))
        is_alone = starts == [after.moment] and ends == [before.moment]
        yield models.FacetValue(
            value=month,
            label=month,
            count=counts.get(month, 0),
            # as the filters compare: what begins in it may be later than its name
            is_selected=bool(starts or ends)
            and all(start[:7] <= month for start in starts)
            and all(month < end for end in ends),
            text=str(others if is_alone else put),
        )


def _without_gaps(months: Iterable[str]) -> Iterator[str]:
    """Give months in order, with those in between, but for a gap of many years."""
    last = None
    for month in sorted(months):
        while last is not None and (following := _following(last)) < month:
            if _number(month) - _number(last) > _LONGEST_GAP:
                break
            yield following
            last = following
        yield month
        last = month


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:7]) - 1


def _following(month: str) -> str:
    year, before = divmod(_number(month) + 1, 12)
    return f"{year:04}-{before + 1:02}"


def _beneath(counts: Mapping[str | None, int]) -> tuple[dict[str | None, int], str]:
    """Count what lies in folders and beneath them, and tell the one that all of them are in."""
    own = {name: count for name, count in counts.items() if name}
    if not own:
        return {}, os.sep
    above = os.path.commonpath(own)
    found: Counter[str | None] = Counter()
    for name, count in own.items():
        while True:
            found[name] += count
            if name == above:
                break
            name = os.path.dirname(name)  # noqa: PTH120, PLW2901 - a Path for each is slow
    if len(found) > 1 and above not in own:
        del found[above]  # all photos are in it
    if len(found) == 1:
        above = str(Path(above).parent)
    return dict(found.most_common()), above


def _keywords(connection: Connection, line: Line) -> Iterator[models.FacetValue]:
    """Give the commonest keywords; those that are asked for are asked for together."""
    counts = facets.keywords(connection, line.filters, limit=_MOST_KEYWORDS)
    asked = {
        folded(each.test.text): at
        for at, each in enumerate(line.filters.conditions)
        if isinstance(each.test, Keyword) and not each.negated
    }
    for text, count in counts.items():
        at = asked.get(folded(text))
        put = line + Line(filters=Filters((Condition(Keyword(text)),)))
        yield models.FacetValue(
            value=text,
            label=text,
            count=count,
            is_selected=at is not None,
            text=str(put if at is None else line.without_filter(at)),
        )

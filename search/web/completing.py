"""Ways to go on with a query that is being typed: keys of filters, and values that occur.

Knows no HTTP. Places in a text are counted as browsers count them, in units of UTF-16.
"""

from __future__ import annotations

import glob
import re
from collections import Counter
from typing import TYPE_CHECKING, get_args

from indexer.catalog.functions import folded
from indexer.errors import UsageError
from indexer.filters import Kept
from search.filter_text import KINDS, read_filter
from search.line import write_condition
from search.web import models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from indexer.catalog.facets import Trait, Traits

_MOST = 10
_KEY = re.compile(r"(?:^|(?<=\s))(?P<sign>-?)(?P<key>[A-Za-z][A-Za-z-]*)?$")
_VALUE = re.compile(
    r'(?:^|(?<=\s))(?P<sign>-?)(?P<key>[A-Za-z][A-Za-z-]*[A-Za-z]):(?P<value>"(?:[^"\\]|\\.)*|[^\s"]*)$',
    re.DOTALL,
)
_REST = re.compile(r'\S*"?(?=\s|$)')
_EXAMPLES = {
    "after": "2021-05", "before": "2022", "camera": '"pixel 7"', "lens": "35mm",
    "near": "48.85,2.29,5", "place": "Paris", "folder": "2021/*", "orientation": "portrait",
    "min-size": "1920x1080", "format": "jpeg", "rating": "4..", "keyword": "beach", "has": "gps",
}  # fmt: skip
_TRAITS: Mapping[str, Trait] = {
    "after": "month", "before": "month", "camera": "camera", "lens": "lens", "place": "place",
    "folder": "folder", "orientation": "shape", "format": "format", "rating": "rating",
}  # fmt: skip


def complete(
    text: str,
    caret: int | None,
    traits: Callable[[], Traits],
    keywords: Callable[[], Mapping[str, int]],
) -> models.Completions:
    """Tell how a text may go on at the caret, or at its end.

    What the library has is read when a value of it is typed.
    """
    at = len(text) if caret is None else _from_units(text, caret)
    before, after = text[:at], text[at:]
    if found := _VALUE.search(before):
        key = found["key"].lower()
        counts = _counts(key, found["value"], traits, keywords)
        typed = found["value"].removeprefix('"')
        ways: Iterator[tuple[str, str, str | None]] = _values(
            key, found["sign"], _matching(counts, typed)
        )
    elif (found := _KEY.search(before)) and (found["key"] or not text.strip()):
        ways = _keys(found["sign"], found["key"] or "")
    else:
        return models.Completions(completions=())
    head, rest = before[: found.start()], after
    if found["key"] and (match := _REST.match(after)):
        rest = after[match.end() :]
    return models.Completions(completions=tuple(_written(ways, head, rest)))


def _written(
    ways: Iterable[tuple[str, str, str | None]], head: str, rest: str
) -> Iterator[models.Completion]:
    for label, word, detail in ways:
        is_key = word.endswith(":")
        text = head + word + ("" if is_key else " ") + (rest if is_key else rest.lstrip())
        caret = len((head + word).encode("utf-16-le")) // 2 + (0 if is_key else 1)
        yield models.Completion(label=label, detail=detail, text=text, caret=caret)


def _keys(sign: str, typed: str) -> Iterator[tuple[str, str, str | None]]:
    for key in KINDS:
        if key.startswith(typed.lower()):
            yield f"{key}:", f"{sign}{key}:", _EXAMPLES[key]


def _values(
    key: str, sign: str, counts: Iterable[tuple[str, int]]
) -> Iterator[tuple[str, str, str | None]]:
    for value, count in counts:
        typed = glob.escape(value) if key == "folder" else value
        try:
            condition = read_filter(key, typed, negated=bool(sign))
        except UsageError:  # a value that no filter can have
            continue
        yield value, write_condition(condition), f"{count:,}" if count else None


def _matching(counts: Mapping[str, int], typed: str) -> list[tuple[str, int]]:
    """Return the values that contain what is typed; those that begin with it first."""
    wanted = folded(typed) or ""
    found = [(value, count) for value, count in counts.items() if wanted in (folded(value) or "")]
    return sorted(found, key=lambda each: not (folded(each[0]) or "").startswith(wanted))[:_MOST]


def _counts(
    key: str,
    typed: str,
    traits: Callable[[], Traits],
    keywords: Callable[[], Mapping[str, int]],
) -> Mapping[str, int]:
    """Count the values that a key could have, those of most photos first."""
    if key == "keyword":
        return keywords()
    if key == "has":
        return dict.fromkeys(get_args(Kept), 0)
    if key not in _TRAITS:
        return {}
    known = {name: count for name, count in traits().counts(_TRAITS[key]).items() if name}
    if key in {"after", "before"}:
        return _times(known, typed)
    return _parts(known) if key == "place" else known


def _times(months: Mapping[str, int], typed: str) -> dict[str, int]:
    """Count years, or months once a year is typed; the latest first."""
    size = 7 if len(typed) > 3 else 4
    found: Counter[str] = Counter()
    for month, count in months.items():
        found[month[:size]] += count
    return dict(sorted(found.items(), reverse=True))


def _parts(places: Mapping[str, int]) -> dict[str, int]:
    """Count the names in places: `Montmartre, Paris, France` has three."""
    found: Counter[str] = Counter()
    for place, count in places.items():
        for part in {each.strip() for each in place.split(",")} - {""}:
            found[part] += count
    return dict(found.most_common())


def _from_units(text: str, units: int) -> int:
    return len(text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore"))

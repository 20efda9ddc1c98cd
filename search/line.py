r"""A query as one line of text, as people type it into a box: to terms and filters, and back.

The line is what terms.py reads from the words of a command line, parted as a shell would part it:

    horse + stripes - 0.5:"old fence" after:2021 camera:"pixel 7" -cat

No word of it is a path or an address: whoever sends a line from elsewhere makes nothing be read or
fetched. Knows no models or libraries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from indexer.errors import UsageError
from indexer.filters import Condition, Filters
from search.filter_text import KINDS, write_filters
from search.syntax import split_line
from search.terms import Term, check_weights, read_terms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_MOST = 32  # terms, each of which is encoded; and as many filters
_NONE = Filters()


@dataclass(frozen=True, slots=True)
class Line:
    """What a line asks for. As text it is the canonical line, which is read as the same."""

    terms: tuple[Term, ...] = ()  # of texts alone
    filters: Filters = _NONE

    def __str__(self) -> str:
        words = [word for at, term in enumerate(self.terms) for word in _signed(term, at=at)]
        return " ".join((*words, *write_filters(self.filters)))

    def __add__(self, other: Line) -> Line:
        mine = self.filters.conditions
        new = tuple(each for each in other.filters.conditions if each not in mine)
        return Line((*self.terms, *other.terms), Filters((*mine, *new)))

    def weighing(self, at: int, weight: float) -> Line:
        """Give one term another weight."""
        return self._with_terms(at, (replace(self.terms[at], weight=weight),))

    def without_term(self, at: int) -> Line:
        """Leave out one term."""
        return self._with_terms(at, ())

    def negating(self, at: int) -> Line:
        """Ask for what one filter leaves out."""
        each = self.filters.conditions[at]
        return self._with_conditions(at, (replace(each, negated=not each.negated),))

    def without_filter(self, at: int) -> Line:
        """Leave out one filter."""
        return self._with_conditions(at, ())

    def without_keys(self, keys: Collection[str]) -> Line:
        """Leave out the filters of some keys, but for those that are negated."""
        tests = tuple(kind.test for key, kind in KINDS.items() if key in keys)
        kept = (
            each
            for each in self.filters.conditions
            if each.negated or not isinstance(each.test, tests)
        )
        return replace(self, filters=Filters(tuple(kept)))

    def _with_terms(self, at: int, terms: tuple[Term, ...]) -> Line:
        return replace(self, terms=(*self.terms[:at], *terms, *self.terms[at + 1 :]))

    def _with_conditions(self, at: int, conditions: tuple[Condition, ...]) -> Line:
        every = self.filters.conditions
        return replace(self, filters=Filters((*every[:at], *conditions, *every[at + 1 :])))


def read_line(text: str) -> Line:
    """Read a line; an empty one asks for nothing. Raises UsageError."""
    terms, filters = read_terms(tuple(split_line(text)), names=False)
    check_weights(terms)
    conditions = tuple(dict.fromkeys(filters.conditions))
    for what, count in (("terms", len(terms)), ("filters", len(conditions))):
        if count > _MOST:
            raise UsageError(f"{count} {what} are too many. Leave some out: {_MOST} may be.")
    return Line(terms, Filters(conditions))


def write_term(term: Term) -> str:
    """Write one term as a line of its own."""
    return " ".join(_signed(term, at=0))


def write_condition(condition: Condition) -> str:
    """Write one filter as a line of its own."""
    return write_filters(Filters((condition,)))[0]


def _signed(term: Term, *, at: int) -> Iterator[str]:
    if term.weight < 0:
        yield "-"
    elif at:
        yield "+"
    size = abs(term.weight)
    # as digits alone: 1e-07 would be no weight
    weight = "" if size == 1 else f"{Decimal(str(size)).normalize():f}:"
    parts = len(term.value.split())
    yield weight + (_quoted(term.value) if weight and parts > 1 else _as_text(term.value))


def _as_text(value: str) -> str:
    """Write a text as it stands, or in quotes where it would be read as more than text."""
    try:
        # a quote that nothing closes here would be closed by what follows
        is_plain = '"' not in value and read_terms(tuple(split_line(value)), names=False) == (
            (Term("text", value),),
            _NONE,
        )
    except UsageError:
        is_plain = False
    return value if is_plain else _quoted(value)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

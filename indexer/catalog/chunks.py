"""Long lists in pieces that one SQL statement can take."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

_SIZE = 10_000  # SQLite takes 32,766 variables in a statement


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces, in order."""
    for start in range(0, len(items), _SIZE):
        yield items[start : start + _SIZE]

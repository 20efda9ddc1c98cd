"""Queries to ranked hits: the side of sightseek that reads.

>>> from search import Query, SearchEngine
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.engine import Hit, Results, SearchEngine
    from search.query import Query, Term

__all__ = ["Hit", "Query", "Results", "SearchEngine", "Term"]

_HOMES = {
    "Hit": "search.engine",
    "Query": "search.query",
    "Results": "search.engine",
    "SearchEngine": "search.engine",
    "Term": "search.query",
}


def __getattr__(name: str) -> object:
    # nothing heavy is imported before it is needed: `sightseek --help` pays for click alone
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Queries to ranked hits: the side of sightseek that reads.

>>> from search import Query, SearchEngine
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.engine import SearchEngine
    from search.query import Query
    from search.results import Found, Hit, Results
    from search.terms import Term

__all__ = ["Found", "Hit", "Query", "Results", "SearchEngine", "Term"]

_HOMES = {
    "Found": "search.results",
    "Hit": "search.results",
    "Query": "search.query",
    "Results": "search.results",
    "SearchEngine": "search.engine",
    "Term": "search.terms",
}


def __getattr__(name: str) -> object:
    # nothing heavy is imported before it is needed: `sightseek --help` pays for click alone
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

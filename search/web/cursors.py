"""Where a next page begins, as a text that says nothing to whoever carries it."""

from __future__ import annotations

import base64
import json
from typing import NamedTuple

from indexer.errors import UsageError


class Cursor(NamedTuple):
    """A place in the results of one query."""

    start: int  # how many come before
    query: str  # a digest of what was asked
    state: str = ""  # of the library that was ranked
    taken_at: str | None = None  # of the last photo that was listed, with its id
    id: int = 0


def write_cursor(cursor: Cursor) -> str:
    """Write a cursor as text."""
    return base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode().rstrip("=")


def read_cursor(text: str, *, query: str) -> Cursor:
    """Read a cursor; raises UsageError for what is none, or is one of another query."""
    try:
        found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
        cursor = Cursor(*found)
    except (ValueError, TypeError, RecursionError):
        raise _no_cursor(text) from None
    sound = (
        type(cursor.start) is int
        and 0 <= cursor.start < 1 << 31
        and type(cursor.id) is int
        and 0 <= cursor.id < 1 << 63
        and isinstance(cursor.query, str)
        and isinstance(cursor.state, str)
        and isinstance(cursor.taken_at, str | None)
    )
    if not sound:
        raise _no_cursor(text)
    if cursor.query != query:
        raise UsageError("The cursor is one of another query. Ask for the first page without one.")
    return cursor


def _no_cursor(text: str) -> UsageError:
    return UsageError(f"{text!r} is no cursor. Pass on the `next` of the page before.")

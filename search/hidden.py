"""Photos that a query keeps out of its own results: those it is by, and those it is against."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.catalog import captions, photos
from indexer.files import absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from indexer.records import Photo
    from search.query import Query


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is not shown; `most` results at most are left out for it."""

    paths: frozenset[str]  # with links resolved
    ids: frozenset[int]
    most: int

    @classmethod
    def of(cls, connection: Connection, query: Query) -> Hidden:
        """Look up what a query hides: with an unliked photo, its exact copies."""
        own = query.exclude_self and query.target == "photos"
        paths = frozenset(_own_paths(query)) if own else frozenset[str]()
        ids = frozenset(query.like if own else ()) | frozenset(_copies(connection, query.unlike))
        beneath = len(ids) if query.target == "photos" else captions.count(connection, of=ids)
        return cls(paths, ids, len(paths) + beneath)

    def __contains__(self, photo: Photo) -> bool:
        """Whether a photo is not shown."""
        # a link's path is resolved only where it matters: it asks the disk
        return photo.id in self.ids or (
            bool(self.paths) and os.path.realpath(photo.path) in self.paths
        )


def _own_paths(query: Query) -> Iterator[str]:
    photo_terms = (term for term in query.terms if term.kind == "photo")
    return (os.path.realpath(absolute(term.value)) for term in photo_terms)


def _copies(connection: Connection, photo_ids: tuple[int, ...]) -> Iterator[int]:
    keys = {photo.content_hash for photo in photos.by_id(connection, photo_ids).values()}
    for same in photos.by_hash(connection, sorted(keys)).values():
        yield from (photo.id for photo in same)

"""The photos of a library that show the same as one of it. Writes nothing.

As quick in a large library as in a small one: what is near in the model's space or in time is
compared, and nothing else.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog import appearances, embeddings, listing, photos, spaces
from search.duplicates.contents import SAMPLE, Contents, cosines_of, unrelated_cosine
from search.duplicates.judge import WITHIN, Judge
from search.duplicates.records import EXACT, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from indexer.library import Library
    from indexer.records import Photo, Vectors
    from indexer.vectors import FaissIndex
    from search.duplicates.records import Evidence

_NEAREST = 48  # contents, by cosine
_FRAMES = 64  # photos of the moment


def same_as(library: Library, photo_id: int) -> tuple[tuple[Photo, Evidence], ...] | None:
    """Return the photos that show the same as one, the surest first; None where there is no such.

    Raises LibraryError.
    """
    index = library.vectors("photos")
    with library.reading() as connection:
        photo = photos.by_id(connection, [photo_id]).get(photo_id)
        if photo is None:
            return None
        near = dict.fromkeys((photo.content_hash, *_near(connection, index, photo)))
        owners = photos.by_hash(connection, list(near))
        keys = [key for key in near if key in owners]
        looks = appearances.by_hash(connection, keys)
        vectors = _vectors(connection, keys)
    contents = Contents.of([looks.get(key) for key in keys], [owners[key][0].facts for key in keys])
    judge = Judge(
        contents,
        cosines_of(vectors, np.arange(len(keys))),
        unrelated=unrelated_cosine(index.sample(SAMPLE)),
        kinds=KINDS,
        within=WITHIN,
    )
    same = judge.belonging(0, range(1, len(keys)))
    found = [(each, EXACT) for each in owners[photo.content_hash] if each.id != photo_id]
    found += [(each, why) for row, why in same.items() for each in owners[keys[row]]]
    return tuple(sorted(found, key=lambda each: KINDS.index(each[1].kind)))


def _near(connection: Connection, index: FaissIndex, photo: Photo) -> Iterator[bytes]:
    """Yield the contents that may show the same."""
    own = _vectors(connection, [photo.content_hash])[0]
    if np.isfinite(own).all() and own.any():
        _, ids = index.search(own, _NEAREST)
        yield from embeddings.hashes_by_id(connection, embeddings.PHOTOS, ids.tolist()).values()
    facts = photo.facts
    if facts.camera and facts.taken_at:
        moment = facts.taken_at.replace(tzinfo=None)
        reach = timedelta(seconds=WITHIN)
        yield from listing.hashes_between(
            connection, moment - reach, moment + reach, camera=facts.camera, limit=_FRAMES
        )


def _vectors(connection: Connection, keys: Sequence[bytes]) -> Vectors:
    """Return the vectors of contents, zeros for those without one; `(n, dim)`."""
    current = spaces.current(connection)
    if current is None:
        return np.zeros((len(keys), 1), np.float32)
    space_id, space = current
    known = embeddings.by_hash(connection, embeddings.PHOTOS, space_id, keys, dim=space.dim)
    nothing = np.zeros(space.dim, np.float32)
    return np.stack([known.get(key, nothing) for key in keys])

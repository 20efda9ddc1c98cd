"""What the channels know of photos that are marked by their ids, as vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog import captions, embeddings, photos
from indexer.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from indexer.records import Vectors
    from indexer.vectors import FaissIndex


def vectors_of_photos(
    connection: Connection, space_id: int, photo_ids: Sequence[int], *, dim: int
) -> Vectors:
    """Return the vectors of photos; `(n, dim)`. Raises QueryError for one without."""
    known = photos.by_id(connection, photo_ids)
    keys = [photo.content_hash for photo in known.values()]
    vectors = embeddings.by_hash(connection, embeddings.PHOTOS, space_id, keys, dim=dim)
    rows = np.empty((len(photo_ids), dim), np.float32)
    for at, photo_id in enumerate(photo_ids):
        if photo_id not in known:
            raise QueryError(
                f"The library holds no photo with the id {photo_id}. "
                "Take ids from 'sightseek search --json' or a contact sheet."
            )
        if known[photo_id].content_hash not in vectors:
            raise QueryError(
                f"The library's model has not seen photo {photo_id} yet. Run 'sightseek index'."
            )
        rows[at] = vectors[known[photo_id].content_hash]
    return rows


def vectors_of_captions(
    connection: Connection, space_id: int, photo_ids: Sequence[int], index: FaissIndex
) -> Vectors:
    """Return the mean of each photo's captions, for those that have some; `(m, dim)`."""
    found = captions.embedding_ids_of_photos(connection, space_id, photo_ids)
    means = [index.vectors(np.array(keys, np.int64)).mean(axis=0) for keys in found.values()]
    return np.stack(means) if means else np.empty((0, 0), np.float32)

"""Relevance feedback: a query moved towards photos that were liked and away from others. Pure.

J. J. Rocchio, "Relevance feedback in information retrieval", in The SMART Retrieval System (1971):
the query, plus the mean of what was liked, less the mean of what was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from search.ranking import combine

if TYPE_CHECKING:
    from indexer.records import Vector, Vectors

ALPHA, BETA, GAMMA = 1.0, 0.75, 0.4


def refine(query: Vector | None, *, liked: Vectors, unliked: Vectors) -> Vector:
    """Move a query by Rocchio's formula, to unit length; without a query, start from the photos.

    Rows are `(n, dim)` of unit length; either may have none. Raises QueryError when what is left
    points nowhere.
    """
    weighed = [(query, ALPHA), (_mean(liked), BETA), (_mean(unliked), -GAMMA)]
    parts = [(vector, weight) for vector, weight in weighed if vector is not None]
    return combine(np.stack([vector for vector, _ in parts]), [weight for _, weight in parts])


def _mean(rows: Vectors) -> Vector | None:
    if not len(rows):
        return None
    mean: Vector = rows.mean(axis=0)
    return mean

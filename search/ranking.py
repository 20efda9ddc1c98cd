"""Pure functions over vectors and scores. Knows no models, libraries or files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.records import Vector, Vectors

_NOTHING = 1e-3  # float32 rounding of a sum of a few unit vectors stays far below


def combine(vectors: Vectors, weights: Sequence[float]) -> Vector:
    """Add unit rows by weight and make the sum unit length, so that scores are cosines.

    Raises QueryError when the terms cancel each other out.
    """
    sizes = np.asarray(weights, np.float64)
    total = sizes / np.abs(sizes).max() @ vectors  # float32 cannot hold every weight
    length = np.linalg.norm(total)
    if length < _NOTHING:
        raise QueryError("The terms cancel each other out. Drop one, or weigh it differently.")
    unit: Vector = (total / length).astype(np.float32)
    return unit

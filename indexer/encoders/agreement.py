"""How well vectors agree with those of the fp32 source, and how well they have to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.encoders.manifest import Agreement

if TYPE_CHECKING:
    from indexer.records import Vectors

MEAN_COSINE, FIRST_PERCENTILE = 0.99, 0.98  # below either a tower stays as its source is


def measure_agreement(vectors: Vectors, source: Vectors) -> Agreement:
    """Compare the unit rows of an encoder with those of its source for the same inputs."""
    cosines = np.einsum("ij,ij->i", vectors.astype(np.float64), source.astype(np.float64))
    return Agreement(
        count=len(cosines),
        mean=round(float(cosines.mean()), 5),
        first_percentile=round(float(np.percentile(cosines, 1)), 5),
        lowest=round(float(cosines.min()), 5),
    )


def agrees(agreement: Agreement) -> bool:
    """Tell whether a tower of fewer bits may stand for its source."""
    return agreement.mean >= MEAN_COSINE and agreement.first_percentile >= FIRST_PERCENTILE

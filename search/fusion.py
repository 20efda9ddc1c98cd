"""Evidence of several channels to one order. Pure functions: knows no models or libraries.

What is joined is not ranks but log-odds. An answer stands out of its library by some deviations of
cosine, in the image as in the caption channel, and by rare words (BM25, whose weights are log-odds:
Robertson and Spärck Jones 1976). Evidence adds up; and a caption may tell of something else than
what is asked for, so a captioned photo has the odds of two cases together: its caption tells, or
its looks alone do. A photo without captions has the second alone and loses nothing by that, which
it does by reciprocal rank fusion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from indexer.records import Ids, Vector

    Floats = npt.NDArray[np.float64]

_NO_SPREAD = 1e-6  # of cosines that are all the same


@dataclass(frozen=True, slots=True)
class Spread:
    """How the cosines of a query to a whole library lie."""

    mean: float
    deviation: float

    def standardized(self, cosines: Floats) -> Floats:
        """Return cosines as deviations from the mean."""
        return (cosines - self.mean) / max(self.deviation, _NO_SPREAD)


@dataclass(frozen=True, slots=True)
class Weights:
    """What each channel's evidence weighs, in nats."""

    image: float  # a deviation
    caption: float  # a deviation, of the best caption
    image_beside: float  # a deviation of the image where a caption tells
    caption_words: float  # a nat of BM25 where a caption tells
    words: float  # a nat of BM25 of what has no caption
    tells: float  # that a caption tells

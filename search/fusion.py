"""Evidence of several channels to one order. Pure functions: knows no models or libraries.

Not ranks are joined but log-odds. An answer stands out of its library by deviations of its cosine,
in the image as in the caption channel, and by words that few others have: the weights of BM25 are
log-odds (Robertson and Spärck Jones 1976). A caption may tell of other things than were asked
for, so a captioned photo has the odds of two cases together: its caption tells, or its looks alone
do. A photo without captions has its looks and loses nothing by that. By reciprocal rank fusion
(Cormack, Clarke and Büttcher 2009) it is lost: whatever one more channel ranks passes it.

The weights were chosen on photos held out of the built-in model's training; README has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from indexer.records import Ids

    Floats: TypeAlias = npt.NDArray[np.float64]

_IMAGE = 2.0  # nats a deviation of the image's cosine
_CAPTION = 2.3  # nats a deviation of the best caption's cosine, where it tells
_BESIDE = 0.33  # nats a deviation of the image's cosine beside a caption that tells
_TELLS = 0.6  # how often a caption tells
_SHARE = 5  # power of the share: most of a long query's words come together by chance
_PRIOR = -0.06  # nats, against a caption that tells: its best match is the best of several

# of the deviation of captions among themselves, that of their cosines to a query is at least this
LEAST_SPREAD = 0.8

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
class Evidence:
    """What channels say of items; each array is `(n,)`, those of cosines in deviations."""

    ids: Ids
    image: Floats  # 0 where the image does not count
    caption: Floats  # of the best caption; NaN where an item has none
    words: Floats  # how much of what the query's words tell is told of an item, from 0 to 1
    nats: float  # what they tell


def fuse(evidence: Evidence) -> list[int]:
    """Return the ids by their log-odds, best first; ties stand by id."""
    order = np.lexsort((evidence.ids, -log_odds(evidence)))
    ids: list[int] = evidence.ids[order].tolist()
    return ids


def log_odds(evidence: Evidence) -> Floats:
    """Weigh evidence for each item, up to a constant; `(n,)`, nats."""
    looks = _IMAGE * evidence.image
    words = evidence.nats * evidence.words**_SHARE
    captioned = ~np.isnan(evidence.caption)
    caption = np.where(captioned, evidence.caption, 0)
    told = _PRIOR + _CAPTION * caption + _BESIDE * evidence.image + words
    either = np.logaddexp(told + log(_TELLS), looks + log(1 - _TELLS))
    odds: Floats = np.where(captioned, either, looks + words)
    return odds

"""Heads and what the base bundle knew already, side by side in one space. Numpy only.

A photo gives both the same shares every time. A text gives the base more where the base is sure of
it: a base that knows names is sure of "tabby cat" and not of "two boys by a river".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.training.heads import unit_rows

if TYPE_CHECKING:
    from indexer.training.heads import Floats

LEAST, MOST = 0.05, 0.95  # of a text's squared length that is the base's
FEW = 0.9  # of the captions: below this quantile of theirs, a likeness to a name says nothing
RISE = 0.18  # of the cosine, until a text is surely a name


@dataclass(frozen=True, slots=True)
class Gate:
    """How sure the base is of a text, from its cosine with the nearest name that it knows."""

    low: float  # here the base's share begins to rise
    high: float  # and here it has risen

    @classmethod
    def fit(cls, captions: Floats) -> Gate:
        """Set the gate so that captions, whose cosines `(n, 1)` these are, hardly open it."""
        low = round(float(np.quantile(captions, FEW)), 3)
        return cls(low, round(low + RISE, 3))

    def __call__(self, nearest: Floats) -> Floats:
        """Give the base's share of each text, `(n, 1)`."""
        opened = np.clip((nearest - self.low) / (self.high - self.low), 0, 1)
        share: Floats = (LEAST + (MOST - LEAST) * opened).astype(np.float32)
        return share


@dataclass(frozen=True, slots=True)
class Blend:
    """The base's share of a vector's squared length: 0 is heads alone, 1 the base alone."""

    share: float
    gate: Gate | None = None  # for texts; without one they have the photos' share

    def photos(self, heads: Floats, base: Floats) -> Floats:
        """Join the vectors of photos; unit rows."""
        return self._join(heads, base, np.full((len(heads), 1), self.share, np.float32))

    def texts(self, heads: Floats, base: Floats, nearest: Floats | None) -> Floats:
        """Join the vectors of texts; `nearest` `(n, 1)` is for the gate; unit rows."""
        if self.gate is None or nearest is None or self.share in (0, 1):
            return self._join(heads, base, np.full((len(heads), 1), self.share, np.float32))
        return self._join(heads, base, self.gate(nearest))

    def _join(self, heads: Floats, base: Floats, shares: Floats) -> Floats:
        base = unit_rows(base)
        joined: Floats = np.concatenate([np.sqrt(1 - shares) * heads, np.sqrt(shares) * base], 1)
        return joined

"""What training fits: maps from frozen towers' features to a shared space. Values only, in numpy.

A tower gives a text or photo one or more blocks of numbers, such as the vectors of two text models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float32]
    Doubles: TypeAlias = npt.NDArray[np.float64]

SHORTEST = 1e-9  # a row shorter than this points nowhere and stays as short as it is
HIDDEN_SCALE = 8.0  # numbers of unit rows are small, and gelu is nearly straight around 0


@dataclass(frozen=True, slots=True)
class Standard:
    """Blocks to one row: each block centred, then of length 1, so that none drowns another."""

    centres: tuple[Floats, ...]  # each (width of its block,)

    @classmethod
    def fit(cls, blocks: Sequence[Floats], weights: Doubles | None = None) -> Standard:
        """Take the mean of each block `(n, width)`; `weights` `(n,)` count rows unequally."""
        return cls(tuple(_mean(block, weights) for block in blocks))

    def __call__(self, blocks: Sequence[Floats]) -> Floats:
        """Give `(n, sum of widths)`; a number that is not known (nan) counts as the centre."""
        parts = [
            unit_rows(np.nan_to_num(block - centre))
            for block, centre in zip(blocks, self.centres, strict=True)
        ]
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True, slots=True)
class LinearHead:
    """x -> unit(x @ matrix + bias)."""

    matrix: Floats  # (width, dim)
    bias: Floats  # (dim,)

    @property
    def dim(self) -> int:
        """The length of each vector."""
        return len(self.bias)

    def __call__(self, rows: Floats) -> Floats:
        """Project `(n, width)` to `(n, dim)`, unit rows."""
        return unit_rows(rows @ self.matrix + self.bias)


@dataclass(frozen=True, slots=True)
class HiddenHead:
    """x -> unit(x @ matrix + bias + gelu(8x @ up + up_bias) @ down + down_bias)."""

    matrix: Floats  # (width, dim)
    bias: Floats  # (dim,)
    up: Floats  # (width, hidden)
    up_bias: Floats  # (hidden,)
    down: Floats  # (hidden, dim)
    down_bias: Floats  # (dim,)

    @property
    def dim(self) -> int:
        """The length of each vector."""
        return len(self.bias)

    def __call__(self, rows: Floats) -> Floats:
        """Project `(n, width)` to `(n, dim)`, unit rows."""
        hidden = gelu(HIDDEN_SCALE * rows @ self.up + self.up_bias)
        straight = rows @ self.matrix + self.bias
        return unit_rows(straight + hidden @ self.down + self.down_bias)


@dataclass(frozen=True, slots=True)
class Side:
    """All that lies between a tower's blocks and the vectors of photos, or of texts."""

    standard: Standard
    heads: tuple[LinearHead | HiddenHead, ...]

    @property
    def dim(self) -> int:
        """The length of each vector."""
        return sum(head.dim for head in self.heads)

    def __call__(self, blocks: Sequence[Floats]) -> Floats:
        """Project blocks to `(n, dim)`, unit rows; a cosine is the mean of the heads' cosines."""
        rows = self.standard(blocks)
        parts = [head(rows) for head in self.heads]
        joined: Floats = np.concatenate(parts, axis=1) / np.float32(len(parts) ** 0.5)
        return joined


@dataclass(frozen=True, slots=True)
class Heads:
    """Both sides of a shared space."""

    image: Side
    text: Side


def _mean(block: Floats, weights: Doubles | None) -> Floats:
    shares = np.ones(len(block)) if weights is None else weights
    mean: Doubles = shares @ block / shares.sum()
    return mean.astype(np.float32)


def unit_rows(rows: Floats) -> Floats:
    """Give each row length 1."""
    unit: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(SHORTEST)
    return unit


def gelu(numbers: Floats | Doubles) -> Floats:
    """Give x times the normal distribution's share below x (Hendrycks and Gimpel 2016).

    Within a rounding of float32, since erf is within 1.5e-7 (Abramowitz and Stegun 1964, 7.1.26).
    """
    x = np.abs(numbers.astype(np.float64)) / np.sqrt(2)
    t = 1 / (1 + 0.3275911 * x)
    series = np.polynomial.polynomial.polyval(
        t, (0, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
    )
    tail = series * np.exp(-x * x) / 2  # the share beyond |x|
    share = np.where(numbers < 0, tail, 1 - tail)
    activated: Floats = (numbers * share).astype(np.float32)
    return activated

"""Pseudo photos: what a classifier's last layers would see in a photo of a class that nobody took.

A collection shows few of the things that a classifier knows. Its last layer says in which
direction of the pooled map each class lies, so a map moved that way stands in for photos of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from indexer.training.heads import unit_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.records import Ids
    from indexer.training.heads import Floats, Standard

STRENGTHS = (2.0, 10.0)  # of a class in a map, from barely to plainly there

Rest: TypeAlias = "Callable[[Floats], tuple[Floats, ...]]"


@dataclass(frozen=True, slots=True)
class PseudoPhotos:
    """Makes pooled maps of classes, and their features by the rest of the tower."""

    weight: Floats  # (classes, channels), of the last layer
    rest: Rest  # pooled maps (n, channels) to the tower's blocks

    def pooled(self, real: Floats, classes: Ids, draw: np.random.Generator) -> Floats:
        """Make a map for each class: one of `real`, halfway to their mean, moved to the class."""
        directions = unit_rows(self.weight - self.weight.mean(axis=0))[classes]
        moves = directions * draw.uniform(*STRENGTHS, size=(len(classes), 1)).astype(np.float32)
        chosen = real[draw.integers(len(real), size=len(classes))]
        made: Floats = np.maximum((chosen + real.mean(axis=0)) / 2 + moves, 0)
        return made

    def __call__(self, real: Floats, classes: Ids, draw: np.random.Generator) -> tuple[Floats, ...]:
        """Give the blocks of a pseudo photo of each class, drawn from the maps `real`."""
        return self.rest(self.pooled(real, classes, draw))


@dataclass(frozen=True, slots=True)
class Imagined:
    """Pseudo photos drawn from one collection's photos, as rows that heads read."""

    photos: PseudoPhotos
    standard: Standard
    real: Floats  # (n, channels), the collection's pooled maps

    def __call__(self, classes: Ids, draw: np.random.Generator) -> Floats:
        """Give a row for each class; `(n, width)`."""
        return self.standard(self.photos(self.real, classes, draw))

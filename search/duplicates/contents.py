"""What is known of contents that may be the same, in arrays. Knows nothing of SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from indexer.records import GLANCE
from search.duplicates.pictures import stacked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from indexer.records import Appearance, Facts, Ids, Vectors
    from search.duplicates.pictures import Thumbnails

    Numbers: TypeAlias = npt.NDArray[np.float64]
    Flags: TypeAlias = npt.NDArray[np.bool_]
    Cosines: TypeAlias = Callable[[Ids, Ids], Numbers]  # of rows and rows; NaN without a vector

SAMPLE = 256  # vectors that tell what cosine unrelated photos have

_FEWEST = 32  # photos: what fewer have in common may be that they are all copies
_UNSEEN = bytes(GLANCE * GLANCE)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a camera's clock has no zone


@dataclass(frozen=True, slots=True)
class Contents:
    """What is known of contents, a row each."""

    thumbnails: Thumbnails
    seen: Flags  # (n,): has a thumbnail
    taken_at: Numbers  # (n,): seconds by the camera's own clock, NaN where unknown
    cameras: Ids  # (n,): a number for each camera, -1 where unknown

    @classmethod
    def of(cls, looks: Sequence[Appearance | None], facts: Sequence[Facts]) -> Contents:
        """Arrange what contents look like, and what their metadata says."""
        cameras: dict[str, int] = {}

        def number(camera: str | None) -> int:
            return cameras.setdefault(camera, len(cameras)) if camera else -1

        return cls(
            thumbnails=stacked([each.thumbnail if each else _UNSEEN for each in looks]),
            seen=np.array([each is not None for each in looks], bool),
            taken_at=np.array([_seconds(each.taken_at) for each in facts], np.float64),
            cameras=np.array([number(each.camera) for each in facts], np.int64),
        )


def cosines_of(vectors: Vectors, places: Ids) -> Cosines:
    """Return what gives the cosines of rows, whose vectors stand at `places`; -1 for none."""

    def cosines(a: Ids, b: Ids) -> Numbers:
        at_a, at_b = places[a], places[b]
        found: Numbers = np.full(len(a), np.nan)
        known = np.flatnonzero((at_a >= 0) & (at_b >= 0))
        dots = np.einsum("ij,ij->i", vectors[at_a[known]], vectors[at_b[known]])
        found[known] = np.minimum(dots, 1)  # rounding may pass it
        return found

    return cosines


def unrelated_cosine(vectors: Vectors) -> float | None:
    """Return the mean cosine of photos at random; None where there are too few to tell."""
    vectors = vectors[np.isfinite(vectors).all(axis=1)]  # without damaged ones
    if len(vectors) < _FEWEST:
        return None
    sample = vectors[:: -(-len(vectors) // SAMPLE)].astype(np.float64)
    count = len(sample)
    total = np.square(sample.sum(axis=0)).sum()  # of the cosines of all pairs, both ways
    return float((total - count) / (count * (count - 1)))


def _seconds(taken_at: datetime | None) -> float:
    if taken_at is None:
        return float("nan")
    return (taken_at.replace(tzinfo=None) - _EPOCH).total_seconds()

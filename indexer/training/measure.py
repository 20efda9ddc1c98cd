"""How well an encoder agrees with its source, ranks photos for captions, and how fast it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.encoders.manifest import Agreement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from indexer.records import Vectors


@dataclass(frozen=True, slots=True)
class Recall:
    """The shares of captions that find their photo among the first 1, 5 and 10."""

    at_1: float
    at_5: float
    at_10: float

    def __str__(self) -> str:
        return f"recall@1 {self.at_1:.1%}, @5 {self.at_5:.1%}, @10 {self.at_10:.1%}"

    @property
    def mean(self) -> float:
        """One number to compare models by."""
        return (self.at_1 + self.at_5 + self.at_10) / 3


def measure_recall(texts: Vectors, images: Vectors, photo_of: Sequence[int]) -> Recall:
    """Rank all `images` for each text; `photo_of[i]` is the row of text i's photo."""
    scores = texts @ images.T  # (texts, images)
    own = scores[np.arange(len(texts)), np.asarray(photo_of)]
    ranks = (scores > own[:, None]).sum(axis=1)
    at_1, at_5, at_10 = (float((ranks < k).mean()) for k in (1, 5, 10))
    return Recall(at_1, at_5, at_10)


def measure_agreement(vectors: Vectors, source: Vectors) -> Agreement:
    """Compare the unit rows of an encoder with those of its source for the same inputs."""
    cosines = np.einsum("ij,ij->i", vectors.astype(np.float64), source.astype(np.float64))
    return Agreement(
        count=len(cosines),
        mean=round(float(cosines.mean()), 5),
        first_percentile=round(float(np.percentile(cosines, 1)), 5),
        lowest=round(float(cosines.min()), 5),
    )


def best_seconds(
    contenders: Mapping[str, Callable[[], object]], *, rounds: int = 5
) -> dict[str, float]:
    """Time each contender in turn, `rounds` times over, and give the best of each.

    Turns are taken since a busy machine would otherwise slow one contender and not another.
    """
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, run in contenders.items():
            started = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - started)
    return best

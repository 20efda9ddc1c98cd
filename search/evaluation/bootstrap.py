"""How far figures would move with other photos to ask for: the bootstrap (Efron 1979).

Pure. Captions of one photo are not independent, so photos are drawn, each with all its queries (a
cluster bootstrap). The draws are seeded and depend on the photos alone: two models that answered
the same queries are resampled alike, and their figures may be subtracted sample by sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from indexer.records import Ids

    Floats: TypeAlias = npt.NDArray[np.float64]
    Interval: TypeAlias = tuple[float, float]

ROUNDS = 2000
CONFIDENCE = 0.95

_SEED = 20_020_131
_CELLS = 1 << 21  # drawn at a time


def resample(values: Floats, ranks: Ids, photos: Ids, *, rounds: int = ROUNDS) -> Floats:
    """Draw the photos anew `rounds` times, and give the figures of each draw.

    `values` `(n, m)` and `ranks` `(n,)` are those of n queries, and `photos` `(n,)` says which
    photo each is about. Returns `(rounds, m + 1)`: the means of the values, and the median rank.
    """
    _, owner = np.unique(photos, return_inverse=True)
    sizes = np.bincount(owner).astype(np.float64)  # (photos,)
    sums = np.stack([np.bincount(owner, column) for column in values.T], axis=1)  # (photos, m)
    order = np.argsort(ranks, kind="stable")
    parts = []
    for weights in _draws(len(sizes), len(ranks), rounds):
        means = weights @ sums / (weights @ sizes)[:, None]
        medians = _medians(ranks[order], weights[:, owner[order]])
        parts.append(np.column_stack([means, medians]))
    return np.concatenate(parts)


def intervals(samples: Floats, photos: Ids) -> list[Interval | None]:
    """Return what the middle 95 % of the samples `(rounds, m)` of each figure span.

    A single photo says nothing of others, so its figures have none.
    """
    if len(np.unique(photos)) == 1:
        return [None] * samples.shape[1]
    outside = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(samples, [outside, 100 - outside], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _draws(photos: int, queries: int, rounds: int) -> Iterator[Floats]:
    """Yield how often each photo is drawn in each of some rounds; `(some, photos)`."""
    random = np.random.default_rng(_SEED)
    at_once = max(1, _CELLS // queries)
    for start in range(0, rounds, at_once):
        some = min(at_once, rounds - start)
        cells = random.integers(photos, size=(some, photos)) + photos * np.arange(some)[:, None]
        counts = np.bincount(cells.ravel(), minlength=some * photos)
        yield counts.reshape(some, photos).astype(np.float64)


def _medians(ranks: Ids, weights: Floats) -> Floats:
    """Return the medians of ascending ranks `(n,)` that each count `weights` `(some, n)` times."""
    counted = weights.cumsum(axis=1)
    total = counted[:, -1]
    middle = [(counted <= half[:, None]).sum(axis=1) for half in ((total - 1) // 2, total // 2)]
    medians: Floats = ranks[np.stack(middle)].mean(axis=0)
    return medians

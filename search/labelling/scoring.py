"""Cosines of photos and names to confidences and labels: pure functions. Knows no models or files.

Cosines of two names do not compare: some names are near to every photo. A name is measured by how
far above its norm a photo's cosine stands, in deviations. The norm lies halfway between what the
library's photos show of the name, without those that it fits best, and what they show of
background texts: by the library alone, what most photos show would fit none of them; by the
background alone, names that are near to everything would fit all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from indexer.records import Vectors

    Floats = npt.NDArray[np.float64]

_BLOCK = 8192  # photos at a time
_ROUNDS = 3  # after which hardly a photo changes the name that fits it best
_OWN_SHARE = 0.5  # of a name's own norm, in a large library
_FEW = 20  # photos at which its share is half of that
_LEAST_SPREAD = 1e-6

# fitted on validation photos of a model that never saw them: tests/benchmarks/labels.py --fit
_MIDDLE = 4.0  # deviations at which a label is as likely right as wrong
_SLOPE = 1.0  # of the log odds, a deviation


@dataclass(frozen=True, slots=True)
class Norms:
    """How each name's cosines with photos that do not show it usually are; `(names,)` each."""

    centre: Floats
    spread: Floats


@dataclass(frozen=True, slots=True)
class Given:
    """A label that applies to a photo, each by its place in what was scored."""

    photo: int
    label: int
    confidence: float


def ensembles(
    groups: Sequence[Sequence[str]], encode: Callable[[Sequence[str]], Vectors]
) -> Vectors:
    """Encode each text once, and give each group the mean of its texts; `(groups, dim)`, unit rows.

    CLIP, section 3.1.4: the mean of unit vectors, made unit length again.
    """
    texts = list(dict.fromkeys(text for group in groups for text in group))
    rows = {text: row for row, text in enumerate(texts)}
    vectors = encode(texts)
    means = np.stack([vectors[[rows[text] for text in group]].mean(axis=0) for group in groups])
    unit: Vectors = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
    return unit


def fit_norms(images: Vectors, names: Vectors, background: Vectors) -> Norms:
    """Learn the norm of each name from a library's photos, at least one, and background texts."""
    common = _moments(images, background, best_of=None)
    pooled = Norms(*(np.full(len(names), value) for value in _pooled(common)))
    texts = np.concatenate([names, background])
    own = Norms(*(np.full(len(texts), value) for value in _pooled(common)))
    for _ in range(_ROUNDS):
        count, total, squares = _moments(images, texts, best_of=own)
        some = np.maximum(count, 1)
        centre = np.where(count > 0, total / some, own.centre)
        variance = np.where(count > 0, squares / some - centre**2, own.spread**2)
        own = Norms(centre, np.sqrt(np.maximum(variance, _LEAST_SPREAD**2)))
    share = _OWN_SHARE * len(images) / (len(images) + _FEW)
    return Norms(
        share * own.centre[: len(names)] + (1 - share) * pooled.centre,
        share * own.spread[: len(names)] + (1 - share) * pooled.spread,
    )


def give(
    images: Vectors,
    names: Vectors,
    norms: Norms,
    starts: Sequence[int],
    *,
    min_confidence: float,
    max_labels: int | None = None,
) -> Iterator[Given]:
    """Yield the labels of each photo, the surest first; `starts[i]` is label i's first name."""
    for start, cosines in _blocks(images, names):
        found = confidences((cosines - norms.centre) / norms.spread, starts)
        order = np.argsort(-found, axis=1, kind="stable")[:, :max_labels]
        for row, column in np.argwhere(np.take_along_axis(found, order, 1) >= min_confidence):
            label = int(order[row, column])
            yield Given(start + int(row), label, float(found[row, label]))


def confidences(deviations: Floats, starts: Sequence[int]) -> Floats:
    """Turn names' deviations `(photos, names)` to labels' confidences, 0 to 1."""
    sure: Floats = 1 / (1 + np.exp(-_SLOPE * (standings(deviations, starts) - _MIDDLE)))
    return sure


def standings(deviations: Floats, starts: Sequence[int]) -> Floats:
    """Return how far up each label stands, in deviations; `(photos, labels)`.

    A label is as far up as the best of its names. What another label is further up counts against
    it: of names that are alike, all are far up where one is right.
    """
    best_names = np.maximum.reduceat(deviations, np.asarray(starts), axis=1)
    behind = best_names.max(axis=1, keepdims=True) - best_names
    standing: Floats = best_names - behind
    return standing


def _moments(
    images: Vectors, texts: Vectors, *, best_of: Norms | None
) -> tuple[Floats, Floats, Floats]:
    """Count, sum and sum of squares of each text's cosines, without photos that it fits best."""
    count, total, squares = (np.zeros(len(texts)) for _ in range(3))
    for _, cosines in _blocks(images, texts):
        count += len(cosines)
        total += cosines.sum(axis=0)
        squares += (cosines**2).sum(axis=0)
        if best_of is None:
            continue
        best = ((cosines - best_of.centre) / best_of.spread).argmax(axis=1)
        values = np.take_along_axis(cosines, best[:, None], 1)[:, 0]
        count -= np.bincount(best, minlength=len(texts))
        total -= np.bincount(best, values, minlength=len(texts))
        squares -= np.bincount(best, values**2, minlength=len(texts))
    return count, total, squares


def _pooled(moments: tuple[Floats, Floats, Floats]) -> tuple[float, float]:
    count, total, squares = (float(each.sum()) for each in moments)
    mean = total / count
    return mean, max(squares / count - mean**2, _LEAST_SPREAD**2) ** 0.5


def _blocks(images: Vectors, texts: Vectors) -> Iterator[tuple[int, Floats]]:
    for start in range(0, len(images), _BLOCK):
        yield start, (images[start : start + _BLOCK] @ texts.T).astype(np.float64)

"""Two linear heads in closed form: regularised canonical correlation. Knows nothing of towers.

Hotelling 1936; ridge on both sides as in Vinod 1976; axes weighted by a power of their correlation
as in Gong et al. 2014 (arXiv:1212.4522).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import TrainingError
from indexer.training.heads import LinearHead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from indexer.records import Ids
    from indexer.training.heads import Doubles, Floats

ROWS_AT_ONCE = 4096  # turned to float64
LEAST_CORRELATION = 1e-9  # and that share of the first axis's; less is rounding
LEAST_VARIANCE = 1e-12  # of the mean square; less is rounding


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of photos and texts of one kind by their rows, each pair with its weight."""

    photos: Floats  # (photos, image width)
    texts: Floats  # (texts, text width)
    photo_of: Ids  # (n,), each pair's row of `photos`
    text_of: Ids  # (n,), and of `texts`
    weights: Doubles  # (n,), none below 0


@dataclass(frozen=True, slots=True)
class Ridge:
    """How the fit is held back; ridges are multiples of the mean variance of a number."""

    photos: float = 10.0
    texts: float = 1.0
    dim: int = 256
    power: float = 0.6


def fit(kinds: Sequence[Pairs], ridge: Ridge | None = None) -> tuple[LinearHead, LinearHead]:
    """Fit the image head and the text head; their dim is less than asked where axes run out.

    What photos and texts have in common is measured within each kind, since the kinds themselves
    (captions, names, languages) differ for reasons that no photo shows; variances are overall, so
    directions that tell the kinds apart count for little. Raises TrainingError where the pairs
    weigh nothing or have nothing in common.
    """
    ridge = ridge or Ridge()
    kinds = [kind for kind in kinds if kind.weights.any()]
    if not kinds:
        raise TrainingError(
            "No pair of a photo and a text has any weight, so there is nothing to fit. "
            "Give captions that tell photos apart."
        )
    mean_x, white_x = _whiten(map(_photos, kinds), ridge.photos)
    mean_y, white_y = _whiten(map(_texts, kinds), ridge.texts)
    left, correlations, right = np.linalg.svd(
        white_x @ _shared(kinds) @ white_y, full_matrices=False
    )
    if correlations[0] < LEAST_CORRELATION:
        raise TrainingError(
            "Photos and texts do not vary together, so there is nothing to fit. "
            "Give captions that tell photos apart."
        )
    found = int((correlations > LEAST_CORRELATION * correlations[0]).sum())
    dim = min(ridge.dim, found)
    left, right = left[:, :dim], right[:dim].T
    scales = _signs(left) * correlations[:dim] ** ridge.power
    return _head(white_x @ left * scales, mean_x), _head(white_y @ right * scales, mean_y)


def _photos(kind: Pairs) -> tuple[Floats, Doubles]:
    """Give the photos, each with the weight of all its pairs."""
    return kind.photos, _sums(kind.photo_of, kind.weights, len(kind.photos))


def _texts(kind: Pairs) -> tuple[Floats, Doubles]:
    return kind.texts, _sums(kind.text_of, kind.weights, len(kind.texts))


def _sums(rows: Ids, weights: Doubles, count: int) -> Doubles:
    return np.bincount(rows, weights, count).astype(np.float64)


def _whiten(sides: Iterable[tuple[Floats, Doubles]], ridge: float) -> tuple[Doubles, Doubles]:
    """Give the mean of all rows and the matrix that makes them, but for the ridge, white."""
    blocks = _merged(sides)
    total = sum(float(weights.sum()) for _, weights in blocks)
    width = blocks[0][0].shape[1]
    mean, covariance = np.zeros(width), np.zeros((width, width))
    for rows, weights in blocks:
        mean += weights @ rows / total
    for rows, weights in blocks:
        covariance += _moment(rows, weights, mean) / total
    scale = float(np.trace(covariance))
    if scale <= LEAST_VARIANCE * (scale + float(mean @ mean)):
        raise TrainingError(
            "All photos or all texts are alike, so there is nothing to fit. "
            "Give captions that tell photos apart."
        )
    held = covariance / scale + ridge / width * np.eye(width)
    values, vectors = np.linalg.eigh(held)
    return mean, (vectors / np.sqrt(values * scale)) @ vectors.T


def _merged(sides: Iterable[tuple[Floats, Doubles]]) -> list[tuple[Floats, Doubles]]:
    """Add up the weights of what lies in the same matrix: kinds often share one."""
    merged: dict[int, tuple[Floats, Doubles]] = {}
    for rows, weights in sides:
        _, known = merged.get(id(rows), (rows, 0.0))
        merged[id(rows)] = rows, weights + known
    return list(merged.values())


def _moment(rows: Floats, weights: Doubles, mean: Doubles) -> Doubles:
    """Sum the weighted products of the rows' numbers, less their mean."""
    moment = np.zeros((len(mean), len(mean)))
    for some in _in_turn(np.flatnonzero(weights)):
        centred = rows[some] - mean
        moment += centred.T @ (weights[some, None] * centred)
    return moment


def _shared(kinds: Sequence[Pairs]) -> Doubles:
    """Give how photos vary with texts within the kinds; `(image width, text width)`."""
    total = sum(float(kind.weights.sum()) for kind in kinds)
    shared = np.zeros((kinds[0].photos.shape[1], kinds[0].texts.shape[1]))
    for kind in kinds:
        mean_x, mean_y = (_mean(*side) for side in (_photos(kind), _texts(kind)))
        for some in _in_turn(kind.photo_of.argsort(kind="stable")):
            texts = kind.weights[some, None] * (kind.texts[kind.text_of[some]] - mean_y)
            own, starts = np.unique(kind.photo_of[some], return_index=True)
            photos = kind.photos[own] - mean_x
            shared += photos.T @ np.add.reduceat(texts, starts, axis=0) / total
    return shared


def _mean(rows: Floats, weights: Doubles) -> Doubles:
    mean: Doubles = weights / weights.sum() @ rows
    return mean


def _in_turn(numbers: Ids) -> Iterator[Ids]:
    for start in range(0, len(numbers), ROWS_AT_ONCE):
        yield numbers[start : start + ROWS_AT_ONCE]


def _signs(axes: Doubles) -> Doubles:
    """Give the sign of each column's largest number, since an SVD leaves them open."""
    largest = np.abs(axes).argmax(axis=0)
    signs: Doubles = np.sign(axes[largest, np.arange(axes.shape[1])])
    return signs


def _head(matrix: Doubles, mean: Doubles) -> LinearHead:
    return LinearHead(matrix.astype(np.float32), (-mean @ matrix).astype(np.float32))

"""How alike thumbnails are. Pure functions over arrays: knows no photos, models or libraries.

A hash of 64 bits finds candidates, and the correlation of what is fine in two thumbnails decides:
it takes no notice of brightness and contrast, and what unrelated photos share is coarse. A crop
moves every bit of a hash, so one thumbnail is laid onto a window of the other first, by Gauss and
Newton's method on their grey levels (Lucas and Kanade 1981; Baker and Matthews 2004, 3.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from indexer.records import GLANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Thumbnails: TypeAlias = npt.NDArray[np.uint8]  # (n, GLANCE, GLANCE), as a library keeps them
    Pictures: TypeAlias = npt.NDArray[np.float32]  # (n, side, side), grey levels
    Rows: TypeAlias = npt.NDArray[np.float32]  # (n, side * side), each of mean 0 and length 1
    Scores: TypeAlias = npt.NDArray[np.float32]  # (n,), correlations
    Windows: TypeAlias = npt.NDArray[np.float32]  # (n, 4): left, width, top, height, of 1
    Hashes: TypeAlias = npt.NDArray[np.uint8]  # (n, 8), 64 bits in 8 bytes

_FREQUENCIES = 8  # of the DCT in each direction, without those of 0
_REACH = 2  # pixels: what is coarser than twice that is no detail
_START = 0.85  # of the sides: where the search for a window begins, in the middle
_SMALLEST = 0.5  # of the sides
_SLACK = 0.05  # of the sides: how far a window may hang out while it is sought
_STRIDE = 0.1  # of the sides: what a step moves at most
_COARSE_STEPS, _FINE_STEPS = 8, 6
_COARSE, _COARSE_DETAIL = 0.7, 0.4  # correlations at half the size that are worth a closer look
_NOTHING = 1e-3  # what is shorter has no direction


def stacked(thumbnails: Sequence[bytes]) -> Thumbnails:
    """Stack thumbnails as a library keeps them."""
    return np.frombuffer(b"".join(thumbnails), np.uint8).reshape(-1, GLANCE, GLANCE)


def hashes(thumbnails: Thumbnails) -> Hashes:
    """Hash thumbnails: which low frequencies of the DCT are above their median (Zauner 2010)."""
    side = thumbnails.shape[1]
    places = np.arange(side, dtype=np.float32)
    order = np.arange(1, _FREQUENCIES + 1, dtype=np.float32)
    waves = np.cos(np.pi * order[:, None] * (2 * places + 1) / (2 * side))  # (8, side)
    bits = (waves @ thumbnails.astype(np.float32) @ waves.T).reshape(
        len(thumbnails), len(order) ** 2
    )
    return np.packbits(bits > np.median(bits, axis=1, keepdims=True), axis=1)


def distances(a: Hashes, b: Hashes) -> npt.NDArray[np.int64]:
    """Count the bits that differ, row by row; `(n,)`, 0 to 64."""
    apart: npt.NDArray[np.int64] = np.bitwise_count(a ^ b).sum(axis=1, dtype=np.int64)
    return apart


def likeness(a: Pictures, b: Pictures) -> Scores:
    """Correlate pictures, row by row."""
    return _dots(_unit(a), _unit(b))


def detail_likeness(a: Pictures, b: Pictures) -> Scores:
    """Correlate what is fine in pictures, row by row."""
    return _dots(_detail(a), _detail(b))


def crop_likeness(a: Pictures, b: Pictures) -> Scores:
    """Correlate what is fine in `a` with the window of `b` that is most like it, row by row."""
    half_a, half_b = _halved(a), _halved(b)
    windows = np.empty((len(a), 4), np.float32)
    windows[:, 0::2], windows[:, 1::2] = (1 - _START) / 2, _START
    windows = _fitted(half_a, half_b, windows, steps=_COARSE_STEPS)
    seen = _cut(half_b, windows)
    coarse = _dots(_detail(half_a, reach=1), _detail(seen, reach=1))
    close = np.flatnonzero((coarse >= _COARSE_DETAIL) & (likeness(half_a, seen) >= _COARSE))
    scores = np.minimum(coarse, _COARSE_DETAIL)  # what is not looked at more closely is no match
    if len(close):
        a, b = a[close], b[close]
        scores[close] = detail_likeness(
            a, _cut(b, _fitted(a, b, windows[close], steps=_FINE_STEPS))
        )
    return scores


def _fitted(a: Pictures, b: Pictures, windows: Windows, *, steps: int) -> Windows:
    """Move windows of `b` to where they look like `a`, by compositions of inverse steps."""
    side = a.shape[1]
    template = _unit(a)
    grid = _grid(side)
    down, across = np.gradient(template.reshape(a.shape), 1 / side, axis=(1, 2))
    slopes: Pictures = np.stack([across, across * grid, down, down * grid[:, None]], axis=1)
    slopes = slopes.reshape(len(a), 4, side * side)
    # without what brightness and contrast explain, neither of which moves a window
    slopes -= slopes.mean(axis=2, keepdims=True)
    slopes -= (slopes @ template[:, :, None]) * template[:, None, :]
    hessian = slopes @ slopes.transpose(0, 2, 1)
    damping = 1e-6 + 1e-3 * np.trace(hessian, axis1=1, axis2=2) / 4
    hessian += damping[:, None, None] * np.eye(4, dtype=np.float32)
    solved: Pictures = np.linalg.inv(hessian) @ slopes  # (n, 4, side * side)
    for _ in range(steps):
        seen = _unit(_cut(b, windows))
        gain = np.maximum(_dots(seen, template), 0.3)
        step = (solved @ (seen / gain[:, None])[:, :, None])[:, :, 0]
        windows = _moved(windows, np.clip(step, -_STRIDE, _STRIDE))
    return windows


def _moved(windows: Windows, steps: Windows) -> Windows:
    """Compose windows with the inverse of steps, which are of the same four numbers."""
    moved = np.empty_like(windows)
    moved[:, 1::2] = windows[:, 1::2] / (1 + steps[:, 1::2])
    moved[:, 0::2] = windows[:, 0::2] - moved[:, 1::2] * steps[:, 0::2]
    moved[:, 1::2] = np.clip(moved[:, 1::2], _SMALLEST, 1 + 2 * _SLACK)
    moved[:, 0::2] = np.clip(moved[:, 0::2], -_SLACK, 1 + _SLACK - moved[:, 1::2])
    return moved


def _cut(pictures: Pictures, windows: Windows) -> Pictures:
    """Resample a window of each picture to the size of the whole, bilinearly."""
    side = pictures.shape[1]
    rows = _weights(windows[:, 2], windows[:, 3], side)
    columns = _weights(windows[:, 0], windows[:, 1], side)
    cut: Pictures = (rows @ pictures @ columns.transpose(0, 2, 1)).astype(np.float32, copy=False)
    return cut


def _weights(starts: Scores, lengths: Scores, side: int) -> Pictures:
    """Return how much of each pixel goes into each pixel of a window; `(n, side, side)`."""
    places = (lengths[:, None] * _grid(side) + starts[:, None]) * side - 0.5
    inside = places.clip(0, side - 1)
    apart = np.abs(inside[:, :, None] - np.arange(side, dtype=np.float32))
    weights: Pictures = np.maximum(np.float32(0), 1 - apart)
    return weights


def _grid(side: int) -> Scores:
    grid: Scores = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side)
    return grid


def _halved(pictures: Pictures) -> Pictures:
    upper, lower = pictures[:, 0::2], pictures[:, 1::2]
    rows = upper + lower
    halved: Pictures = (rows[:, :, 0::2] + rows[:, :, 1::2]) * np.float32(0.25)
    return halved


def _detail(pictures: Pictures, *, reach: int = _REACH) -> Rows:
    return _unit(pictures - _blurred(pictures, reach))


def _blurred(pictures: Pictures, reach: int) -> Pictures:
    """Average over squares of 2 * reach + 1 pixels a side."""
    padded = np.pad(pictures, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    side, width = pictures.shape[1], 2 * reach + 1
    rows = np.zeros((len(pictures), side, side + 2 * reach), np.float32)
    for at in range(width):
        rows += padded[:, at : at + side]
    blurred = np.zeros_like(pictures)
    for at in range(width):
        blurred += rows[:, :, at : at + side]
    return blurred / np.float32(width * width)


def _unit(pictures: Pictures) -> Rows:
    rows = pictures.reshape(len(pictures), pictures.shape[1] * pictures.shape[2])
    rows = rows - rows.mean(axis=1, keepdims=True)
    unit: Rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _NOTHING)
    return unit


def _dots(a: Rows, b: Rows) -> Scores:
    dots: Scores = np.einsum("ij,ij->i", a, b)
    return dots

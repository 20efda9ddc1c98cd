"""The nearest neighbours of all vectors, or all hashes, at once. Knows nothing of photos or SQL.

Comparing all pairs takes the square of their number. Where there are many, vectors are compared
within the cells nearest to them (an inverted file), hashes where one of four parts is equal
(Norouzi, Punjani and Fleet 2012): what is nearly the same is found there all but always.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from indexer.records import Ids, Vectors

_EXACT = 20_000  # vectors, up to which all pairs are compared
_CELLS = 2  # times the square root of the number of vectors
_PROBES = 8  # cells
_SAMPLE = 48  # vectors for each cell, from which cells are learned
_ROUNDS = 6  # of k-means
_PARTS = 4  # of a hash


def nearest_vectors(vectors: Vectors, top_k: int) -> tuple[Ids, Vectors]:
    """Return each unit row's `top_k` nearest others and their cosines, nearest first.

    Both are `(n, top_k)`; -1 and a cosine without meaning stand where there are fewer.
    """
    import faiss

    count = len(vectors)
    if count < 2 or top_k < 1:
        return np.empty((count, 0), np.int64), np.empty((count, 0), np.float32)
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    index = _flat(vectors) if count <= _EXACT else _cells(vectors)
    cosines, rows = index.search(vectors, min(top_k + 1, count))
    return _without_itself(rows, cosines)


def nearest_hashes(
    hashes: npt.NDArray[np.uint8], queries: npt.NDArray[np.uint8], top_k: int
) -> tuple[Ids, npt.NDArray[np.int32]]:
    """Return the rows of the `top_k` hashes nearest to each query, and how many bits differ.

    Both are `(len(queries), top_k)`; -1 stands where fewer have a part in common with the query.
    """
    import faiss

    count, size = hashes.shape
    if not count or not len(queries):
        return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.int32)
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    index = faiss.IndexBinaryMultiHash(8 * size, _PARTS, 8 * size // _PARTS)
    index.add(np.ascontiguousarray(hashes))
    distances, rows = index.search(np.ascontiguousarray(queries), min(top_k, count))
    return rows, distances


def _flat(vectors: Vectors) -> Any:
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index


def _cells(vectors: Vectors) -> Any:
    import faiss

    count, dim = vectors.shape
    cells = int(_CELLS * count**0.5)
    metric = faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, cells, metric)
    index.nprobe = _PROBES
    index.cp.niter = _ROUNDS
    index.cp.min_points_per_centroid = 1  # or it warns, on stderr
    index.train(vectors[:: max(1, count // (cells * _SAMPLE))])
    index.add(vectors)
    return index


def _without_itself(rows: Ids, cosines: Vectors) -> tuple[Ids, Vectors]:
    """Drop each row from its own neighbours, or the last of them where it is not among them."""
    own = rows == np.arange(len(rows))[:, None]
    own[~own.any(axis=1), -1] = True
    shape = (len(rows), rows.shape[1] - 1)
    return rows[~own].reshape(shape), cosines[~own].reshape(shape)

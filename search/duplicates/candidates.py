"""Which pairs of contents are worth comparing: a few for each, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.neighbours import nearest_hashes, nearest_vectors
from search.duplicates.judge import REACH, TURNED_REACH, TURNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from indexer.records import Ids, Vectors
    from search.duplicates.contents import Contents, Flags, Numbers
    from search.duplicates.judge import Judge

    Pairs: TypeAlias = Ids  # (n, 2), rows of contents

_NEIGHBOURS = 10  # by cosine, of each content
_SAME_HASHES = 4  # by hash, and as many for each way to turn it
_FRAMES = 32  # photos after each that may be of its burst
_FLAT = 2.0  # grey levels of standard deviation: below it a hash is noise


def candidates(
    contents: Contents,
    judge: Judge,
    vectors: Vectors,
    rows: Ids,
    *,
    within: float,
) -> Pairs:
    """Return pairs to compare, each once; `vectors` are those of `rows`."""
    found = [
        _near_in_space(vectors, rows, judge.supports),
        *_near_in_hash(contents, judge),
        *_near_in_time(contents, within),
    ]
    pairs = np.sort(np.concatenate(found), axis=1)
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)


def _near_in_space(vectors: Vectors, rows: Ids, supports: Callable[[Numbers], Flags]) -> Pairs:
    near, cosines = nearest_vectors(vectors, _NEIGHBOURS)
    at, column = np.nonzero((near >= 0) & supports(cosines.astype(np.float64)))
    return np.stack([rows[at], rows[near[at, column]]], axis=1)


def _near_in_hash(contents: Contents, judge: Judge) -> Iterator[Pairs]:
    deviations = contents.thumbnails.std(axis=(1, 2))
    rows = np.flatnonzero(contents.seen & (deviations >= _FLAT))
    for turn in (0, *TURNS):
        queries = judge.turned_hashes(turn) if turn else judge.hashes
        # a content is the nearest to itself
        top_k = _SAME_HASHES + (turn == 0)
        near, bits = nearest_hashes(judge.hashes[rows], queries[rows], top_k)
        at, column = np.nonzero((near >= 0) & (bits <= (TURNED_REACH if turn else REACH)))
        yield np.stack([rows[at], rows[near[at, column]]], axis=1)


def _near_in_time(contents: Contents, within: float) -> Iterator[Pairs]:
    dated = np.flatnonzero((contents.cameras >= 0) & np.isfinite(contents.taken_at))
    order = dated[np.lexsort((contents.taken_at[dated], contents.cameras[dated]))]
    for step in range(1, min(_FRAMES, len(order) - 1) + 1):
        a, b = order[:-step], order[step:]
        close = (contents.cameras[a] == contents.cameras[b]) & (
            contents.taken_at[b] - contents.taken_at[a] <= within
        )
        if not close.any():
            return
        yield np.stack([a[close], b[close]], axis=1)

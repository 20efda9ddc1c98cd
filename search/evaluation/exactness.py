"""The vector indexes that searches use, beside brute force over the catalog's own vectors.

What an index should answer is known: the catalog is the truth. An index that is exact and sound
agrees wholly; one that approximates, or a snapshot that holds other vectors, does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from indexer.catalog import embeddings
from search.evaluation.measures import ROUNDING, Figure, place
from search.evaluation.trial import read_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.library import Library
    from indexer.records import Ids, Vector, Vectors
    from indexer.snapshots import Target
    from search.evaluation.runs import Run
    from search.evaluation.trial import Trial

    Answer: TypeAlias = tuple[Vector, Ids]  # scores and ids, best first

_KINDS = {"photos": embeddings.PHOTOS, "captions": embeddings.CAPTIONS}
_SPARE = 100  # looked at beyond the last cut-off, so that what ties with an answer is seen
_BLOCK = 64  # queries answered by brute force at a time


@dataclass(frozen=True, slots=True)
class Agreement:
    """How an index answers beside brute force: overlap@k, and recall@k through an index of photos.

    overlap@k is the share of the k best that the index finds among its first k. Where several
    score the same at the edge, either is right.
    """

    target: Target
    queries: int
    indexed: int  # vectors in the index
    vectors: int  # vectors in the catalog
    figures: tuple[Figure, ...]


def against_exact(library: Library, run: Run) -> tuple[Agreement, ...]:
    """Ask the indexes of photos and captions what a run asked; without captions, photos alone.

    Raises SpaceMismatchError.
    """
    trial = run.trial
    captions = _agreement(library, run, "captions", trial.gallery.vectors[run.by_image.photos])
    photos = _agreement(library, run, "photos", trial.texts)
    return tuple(each for each in (photos, captions) if each.vectors or each.indexed)


def _agreement(library: Library, run: Run, target: Target, queries: Vectors) -> Agreement:
    space = run.trial.gallery.space
    index = library.vectors(target, space)
    with library.reading_space(space) as (connection, space_id):
        ids, vectors = read_vectors(connection, _KINDS[target], space_id, dim=space.dim)
    sound = ~np.isnan(vectors).any(axis=1)  # no search finds a damaged vector
    answers = [index.search(query, run.cutoffs[-1] + _SPARE) for query in queries]
    figures = _overlaps(answers, queries, ids[sound], vectors[sound], run.cutoffs)
    if target == "photos":
        figures += _recalls(answers, run.trial, run.cutoffs)
    return Agreement(target, len(queries), len(index), len(ids), figures)


def _overlaps(
    answers: Sequence[Answer],
    queries: Vectors,
    ids: Ids,
    vectors: Vectors,
    cutoffs: Sequence[int],
) -> tuple[Figure, ...]:
    shares = [
        [_overlap(found, scores, ids, k) for k in cutoffs]
        for (_, found), scores in zip(answers, _scores(queries, vectors), strict=True)
    ]
    means = np.mean(shares, axis=0).tolist()
    return tuple(Figure(f"overlap@{k}", mean) for k, mean in zip(cutoffs, means, strict=True))


def _scores(queries: Vectors, vectors: Vectors) -> Iterator[Vector]:
    for start in range(0, len(queries), _BLOCK):
        yield from queries[start : start + _BLOCK] @ vectors.T


def _overlap(found: Ids, scores: Vector, ids: Ids, k: int) -> float:
    """Return the share of the best k scores whose ids, which ascend, are the first found."""
    k = min(k, len(ids))
    if k == 0:
        return 1.0
    least = np.partition(scores, -k)[-k] - ROUNDING
    first = np.unique(found[:k])
    at = np.minimum(np.searchsorted(ids, first), len(ids) - 1)
    right = (ids[at] == first) & (scores[at] >= least)
    return float(right.sum() / k)


def _recalls(answers: Sequence[Answer], trial: Trial, cutoffs: Sequence[int]) -> tuple[Figure, ...]:
    wanted = trial.gallery.ids[trial.photo_of]
    ranks = np.array(
        [
            _rank(answers[caption], photo, trial)
            for caption, photo in zip(trial.caption_of.tolist(), wanted.tolist(), strict=True)
        ]
    )
    return tuple(Figure(f"recall@{k}", float((ranks <= k).mean())) for k in cutoffs)


def _rank(answer: Answer, photo: int, trial: Trial) -> float:
    scores, ids = answer
    held = np.isin(ids, trial.gallery.ids)  # a search passes over photos that have just left
    own = np.flatnonzero(ids[held] == photo)
    return place(scores[held], own, depth=1).rank if len(own) else np.inf

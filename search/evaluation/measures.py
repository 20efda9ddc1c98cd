"""What rankings whose answers are known are worth: recall@k, MRR, nDCG@k, median rank.

Pure: knows no model and no library. One rule for ties in all of them: what scores as high as an
answer stands before it, unless it is an answer too, so that equal scores earn nothing. recall@k,
MRR and median rank look at the best placed answer, as CLIP's and Flickr30k's retrieval tables do
(Karpathy and Fei-Fei 2015); nDCG looks at all of them (Jarvelin and Kekalainen 2002), each
worth the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import UsageError
from search.evaluation.bootstrap import intervals, resample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from indexer.records import Ids, Vector, Vectors
    from search.evaluation.bootstrap import Floats, Interval

CUTOFFS = (1, 5, 10)
ROUNDING = 1e-6  # float32 gives the cosines of equal vectors to within this

_CELLS = 1 << 25  # scores held at a time


@dataclass(frozen=True, slots=True)
class Place:
    """Where one query found its answers."""

    rank: int  # of the best placed answer, from 1
    ndcg: float  # 0 to 1
    answer: int  # the column of the best placed answer
    answer_score: float
    top: int  # the column that stands first
    top_score: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure of many queries, with its 95 % confidence interval."""

    name: str
    value: float
    interval: Interval | None = None  # None for a single photo


@dataclass(frozen=True, slots=True)
class Measures:
    """What the places of one direction's queries amount to; fractions of 1, ranks from 1."""

    queries: int
    candidates: int  # what each was ranked over
    figures: tuple[Figure, ...]

    @classmethod
    def of(
        cls, places: Sequence[Place], photos: Ids, *, candidates: int, cutoffs: Sequence[int]
    ) -> Self:
        """Measure the places of queries, at least one; `photos` `(n,)` says whose each is."""
        values, ranks = per_query(places, cutoffs)
        found = [*values.mean(axis=0).tolist(), float(np.median(ranks))]
        spans = intervals(resample(values, ranks, photos), photos)
        figures = tuple(map(Figure, names(cutoffs), found, spans))
        return cls(len(places), candidates, figures)

    def __getitem__(self, name: str) -> float:
        return next(figure.value for figure in self.figures if figure.name == name)


def parse_cutoffs(text: str) -> tuple[int, ...]:
    """Read numbers with commas between them, such as `1,5,10`. Raises UsageError."""
    numbers = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"0*[1-9]\d{0,8}", part, re.ASCII) for part in numbers):
        raise UsageError(f"{text!r} is no list of numbers from 1 on. Write one as 1,5,10 is.")
    return tuple(sorted({int(part) for part in numbers}))


def names(cutoffs: Sequence[int]) -> tuple[str, ...]:
    """Name the figures as they are printed; nDCG is taken at the last of the cut-offs."""
    recalls = (f"recall@{k}" for k in cutoffs)
    return (*recalls, "mrr", f"ndcg@{cutoffs[-1]}", "median_rank")


def per_query(places: Sequence[Place], cutoffs: Sequence[int]) -> tuple[Floats, Ids]:
    """Give what each query adds to the means `(n, m)`, in the order of `names`, and its rank."""
    ranks = np.array([place.rank for place in places], np.int64)
    gains = np.array([place.ndcg for place in places], np.float64)
    recalls = [ranks <= k for k in cutoffs]
    return np.stack([*recalls, 1.0 / ranks, gains], axis=1).astype(np.float64), ranks


def place_all(
    queries: Vectors, candidates: Vectors, answers: Sequence[Ids], *, depth: int
) -> list[Place]:
    """Rank all candidates `(m, dim)` for each query `(n, dim)`; `answers[i]` are right for row i.

    nDCG is taken at `depth`.
    """
    places: list[Place] = []
    at_once = max(1, _CELLS // len(candidates))
    for start in range(0, len(queries), at_once):
        scores = queries[start : start + at_once] @ candidates.T
        for row, own in zip(scores, answers[start : start + at_once], strict=True):
            places.append(place(row, own, depth=depth))
    return places


def place(scores: Vector, answers: Ids, *, depth: int) -> Place:
    """Find where the answers, columns of scores `(m,)`, stand; at least one."""
    scores = np.where(np.isnan(scores), -np.inf, scores)  # a damaged vector is found last
    answers = answers[np.argsort(-scores[answers], kind="stable")]
    ranks = _ranks(scores, scores[answers])
    top = int(scores.argmax())
    if ranks[0] == 1:
        top = int(answers[0])
    elif top in answers:  # what scores as high as it stands before it
        others = scores.copy()
        others[answers] = -np.inf
        top = int(others.argmax())
    first = int(answers[0])
    gain = ndcg(ranks, depth)
    return Place(int(ranks[0]), gain, first, float(scores[first]), top, float(scores[top]))


def ndcg(ranks: Ids, depth: int) -> float:
    """Return the discounted gain of answers at these ranks, as a share of the best possible."""
    best = np.arange(1, min(len(ranks), depth) + 1)
    gained: float = (1 / np.log2(1 + ranks[ranks <= depth])).sum() / (1 / np.log2(1 + best)).sum()
    return float(gained)


def _ranks(scores: Vector, own: Vector) -> Ids:
    """Return the ranks of answers of the scores `own`, which descend, among all scores."""
    least = own - np.float32(ROUNDING)
    as_high = np.array([np.count_nonzero(scores >= each) for each in least])
    answers_as_high = np.searchsorted(-own, -least, side="right")
    ranks: Ids = as_high - answers_as_high + np.arange(1, len(own) + 1)
    return ranks

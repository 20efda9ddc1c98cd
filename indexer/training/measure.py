"""How well vectors rank and name photos, agree with their source, and how fast they come."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from indexer.records import Vectors


@dataclass(frozen=True, slots=True)
class Recall:
    """The shares of queries that find their answer among the first 1, 5 and 10."""

    at_1: float
    at_5: float
    at_10: float

    def __str__(self) -> str:
        return f"recall@1 {self.at_1:.1%}, @5 {self.at_5:.1%}, @10 {self.at_10:.1%}"

    @property
    def mean(self) -> float:
        """One number to compare models by."""
        return (self.at_1 + self.at_5 + self.at_10) / 3


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of cosines."""

    p1: float
    p10: float
    p50: float
    p90: float
    p99: float

    @classmethod
    def of(cls, cosines: Vectors) -> Spread:
        """Measure the spread of any number of cosines."""
        return cls(*(round(float(p), 3) for p in np.percentile(cosines, [1, 10, 50, 90, 99])))


@dataclass(frozen=True, slots=True)
class Retrieval:
    """One collection's captions in one language against its photos, both ways."""

    collection: str
    language: str
    photos: int  # in the gallery
    captions: int
    text_to_image: Recall
    image_to_text: Recall
    related: Spread  # cosines of captions with their own photos
    unrelated: Spread  # and with all others
    auc: float  # how often a caption's own photo scores above another one


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a bundle runs beside the fp32 form of its image tower."""

    images_per_second: float
    source_images_per_second: float
    query_milliseconds: float  # median, one caption at a time
    threads: int


@dataclass(frozen=True, slots=True)
class Naming:
    """How well the names of one collection's classes find its photos, and photos their names."""

    collection: str
    language: str
    photos: int
    classes: int
    found_first: float  # of the names: the first photo found is of that class
    accuracy: float  # of the photos: the nearest name is that of their class


def measure_retrieval(
    texts: Vectors, images: Vectors, photo_of: Sequence[int], *, collection: str, language: str
) -> Retrieval:
    """Rank all `images` for each text, and all texts for each image that one describes.

    `photo_of[i]` is the row of text i's photo. What scores as high as the answer stands before it.
    """
    scores = texts @ images.T  # (texts, images)
    own = np.zeros(scores.shape, np.bool_)
    own[np.arange(len(texts)), np.asarray(photo_of)] = True
    related, unrelated = scores[own], scores[~own]
    described = own.any(axis=0)
    return Retrieval(
        collection=collection,
        language=language,
        photos=len(images),
        captions=len(texts),
        text_to_image=_recall(scores, own),
        image_to_text=_recall(scores.T[described], own.T[described]),
        related=Spread.of(related),
        unrelated=Spread.of(unrelated),
        auc=round(float((np.searchsorted(np.sort(unrelated), related) / unrelated.size).mean()), 4),
    )


def measure_naming(
    texts: Vectors,
    images: Vectors,
    own: npt.NDArray[np.bool_],
    *,
    collection: str,
    language: str,
) -> Naming:
    """Find images by texts, and name images by texts; `own` `(texts, images)` says what is what."""
    scores = texts @ images.T  # (classes, images)
    found_first = float(own[np.arange(len(texts)), scores.argmax(axis=1)].mean())
    accuracy = float(own[scores.argmax(axis=0), np.arange(len(images))].mean())
    return Naming(collection, language, len(images), len(texts), found_first, accuracy)


def _recall(scores: Vectors, own: npt.NDArray[np.bool_]) -> Recall:
    best = np.where(own, scores, -np.inf).max(axis=1, keepdims=True)
    before = ((scores >= best) & ~own).sum(axis=1)
    at_1, at_5, at_10 = (float((before < k).mean()) for k in (1, 5, 10))
    return Recall(at_1, at_5, at_10)


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


def median_seconds(runs: Sequence[Callable[[], object]]) -> float:
    """Time each of several runs once and give the median."""
    taken = []
    for run in runs:
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))

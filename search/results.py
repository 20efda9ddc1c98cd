"""What a search gives: hits, and how each was found. Knows nothing of ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from indexer.records import Caption, Photo
    from search.duplicates.records import Evidence
    from search.query import Channel, Query


# the library has no background yet, or the model's texts and photos have nothing to do
# with each other
Doubt: TypeAlias = Literal["uncalibrated", "uninformed"]


ALL = 1 - 1e-9  # a share of words that is all of them, but for rounding


@dataclass(frozen=True, slots=True)
class Found:
    """Where one channel placed a hit. Scores of different channels do not compare."""

    channel: Channel
    rank: int  # from 1, within the channel
    score: float  # of image and caption a cosine; of words their share, 1 for all, rare ones more
    caption: Caption | None = None  # the photo's best, set by the caption channel


@dataclass(frozen=True, slots=True)
class Hit:
    """One result; `score` is the cosine between query and photo, or query and caption."""

    rank: int  # from 1, of all channels together
    score: float
    photo: Photo
    caption: Caption | None = None  # set when captions were searched for
    found_by: tuple[Found, ...] = ()
    confidence: float | None = None  # expected share of right ones among hits that show it
    like: tuple[Like, ...] | None = None  # set when hits were collapsed

    @property
    def told(self) -> str | None:
        """The caption that was found, or the one by which the photo was, as one line."""
        known = (self.caption, *(found.caption for found in self.found_by))
        return next((" ".join(each.text.split()) for each in known if each), None)


@dataclass(frozen=True, slots=True)
class Like:
    """A hit that shows the same as a better one, and why it counts as such."""

    hit: Hit
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Results:
    """The hits of a query, best first."""

    query: Query
    model: str
    hits: tuple[Hit, ...]
    rest: tuple[Hit, ...] = ()  # of the best top_k, those less sure than was asked for
    doubt: Doubt | None = None  # why confidences are missing, or zero


def is_good(hit: Hit, min_confidence: float) -> bool:
    """Tell whether a hit is sure enough, or nothing is known of how sure it is."""
    return hit.confidence is None or hit.confidence >= min_confidence

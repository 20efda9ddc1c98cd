"""What a search gives: hits, and how each was found. Knows nothing of ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.records import Caption, Photo
    from search.duplicates.records import Evidence
    from search.query import Channel, Query


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

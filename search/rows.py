"""Ranked ids to hits: their photos, captions and scores, and by which channels each was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from indexer.catalog import captions, photos
from search.results import Found, Hit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from indexer.records import Caption
    from search.channels import Placed, Ranking, Scope
    from search.encoding import QueryVectors
    from search.query import Channel

    Places: TypeAlias = Mapping[Channel, Mapping[int, tuple[int, Placed]]]  # rank and place by id


def placed(rankings: Sequence[Ranking]) -> Places:
    """Index rankings by what they rank."""
    return {
        each.channel: {item.id: (rank, item) for rank, item in enumerate(each.items, start=1)}
        for each in rankings
    }


@dataclass(frozen=True, slots=True)
class Rows:
    """Looks up what a search found, in the state of the catalog that was ranked."""

    scope: Scope
    vectors: QueryVectors
    places: Places

    def hits(self, ids: Sequence[int]) -> Iterator[Hit]:
        """Yield the hits of these ids, not ranked yet; what was just removed is left out."""
        connection = self.scope.connection
        scores = self._scores(ids)
        told = captions.by_id(connection, list(self._caption_ids(ids)))
        if self.scope.target == "captions":
            owners = {key: caption.photo for key, caption in told.items()}
        else:
            owners = photos.by_id(connection, ids)
        for key in ids:
            if key in owners and key in scores:
                caption = told[key] if self.scope.target == "captions" else None
                found = tuple(self._found(key, told))
                yield Hit(0, scores[key], owners[key], caption, found)

    def _scores(self, ids: Sequence[int]) -> dict[int, float]:
        own: Channel = "image" if self.scope.target == "photos" else "caption"
        known = self.places.get(own, {})
        scores = {key: known[key][1].score for key in ids if key in known}
        others = [key for key in ids if key not in scores]
        return scores | (self.scope.cosines(own, self.vectors, others) if others else {})

    def _caption_ids(self, ids: Sequence[int]) -> Iterator[int]:
        if self.scope.target == "captions":
            yield from ids
            return
        known = self.places.get("caption", {})
        for key in ids:
            if key in known and (caption_id := known[key][1].caption_id) is not None:
                yield caption_id

    def _found(self, key: int, told: Mapping[int, Caption]) -> Iterator[Found]:
        for channel, known in self.places.items():
            if key in known:
                rank, item = known[key]
                caption = None if item.caption_id is None else told.get(item.caption_id)
                yield Found(channel, rank, item.score, caption)

"""A query's order of a library, of which hits are looked up a part at a time. Knows no models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.calibration import Sighted
from search.results import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from indexer.vectors import FaissIndex
    from search.channels import Passing
    from search.encoding import QueryVectors
    from search.query import Query, Target
    from search.rows import Places


@dataclass(frozen=True, slots=True)
class Ranked:
    """The ids of what was found, best first, and what each channel said of them."""

    query: Query
    vectors: QueryVectors
    ids: Sequence[int]
    places: Places
    indexes: Mapping[Target, FaissIndex]
    passing: Passing
    is_whole: bool  # no deeper order has more

    def sighted(self, ids: Sequence[int]) -> list[Sighted]:
        """Tell how items were found."""
        by_caption = self.places.get("caption", {}) if self.query.target == "photos" else {}
        by_words = self.places.get("words", {})
        return [
            Sighted(
                each,
                by_caption[each][1].caption_id if each in by_caption else None,
                each in by_words and by_words[each][1].score >= ALL,
            )
            for each in ids
        ]

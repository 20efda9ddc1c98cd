"""Rankings of several channels to one. Pure functions: knows no models, libraries or files.

Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): an item counts 1 / (60 + rank) for each
channel that found it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from search.channels import Placed, Ranking
    from search.query import Channel

K = 60


class Fused(NamedTuple):
    """An item with its place in each of the channels that found it: `(rank, placed)`."""

    id: int
    places: dict[Channel, tuple[int, Placed]]


def fuse(rankings: Sequence[Ranking]) -> list[Fused]:
    """Join rankings to one, best first; ties stand by id."""
    places: dict[int, dict[Channel, tuple[int, Placed]]] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking.items, start=1):
            places.setdefault(item.id, {})[ranking.channel] = (rank, item)
    found = [Fused(key, value) for key, value in places.items()]
    return sorted(found, key=lambda each: (-_weight(each.places), each.id))


def _weight(places: Mapping[Channel, tuple[int, Placed]]) -> float:
    return sum(1 / (K + rank) for rank, _ in places.values())

"""What each channel says of the items that any of them found. Knows no weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from search.fusion import Evidence, fuse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from search.channels import Ranking, Scope
    from search.encoding import QueryVectors
    from search.fusion import Floats
    from search.query import Channel

DEPTH = 300  # places of a channel that are fused; what stands deeper follows as it was ranked


def fused(scope: Scope, vectors: QueryVectors, rankings: Sequence[Ranking]) -> list[int]:
    """Return the ids of all that was found, best first.

    The first are the same however many more are asked for.
    """
    found = [ranking for ranking in rankings if ranking.items]
    core = dict.fromkeys(item.id for ranking in found for item in ranking.items[:DEPTH])
    if len(found) > 1:
        core = dict.fromkeys(fuse(gather(scope, vectors, rankings, list(core))))
    deeper = dict.fromkeys(item.id for ranking in found for item in ranking.items[DEPTH:])
    return list(core | deeper)


def gather(
    scope: Scope, vectors: QueryVectors, rankings: Sequence[Ranking], ids: Sequence[int]
) -> Evidence:
    """Ask every channel for what it says of each item, whether or not it ranked it."""
    said = {each.channel: {item.id: item.score for item in each.items} for each in rankings}

    def deviations(channel: Channel, missing: float) -> Floats:
        if channel not in said:
            return np.full(len(ids), missing)
        known = said[channel]
        if others := [each for each in ids if each not in known]:
            known |= scope.cosines(channel, vectors, others)
        return scope.spread(channel, vectors).standardized(_column(known, ids, np.nan))

    return Evidence(
        np.array(ids, np.int64),
        image=np.nan_to_num(deviations("image", 0)),
        caption=deviations("caption", np.nan),
        words=_column(said.get("words", {}), ids, 0),
        nats=sum(each.nats for each in rankings),
    )


def _column(values: Mapping[int, float], ids: Sequence[int], missing: float) -> Floats:
    return np.array([values.get(each, missing) for each in ids], np.float64)

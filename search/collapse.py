"""Hits that show the same as a better one, put under it. Knows nothing of ranking.

Groups are made of the best hits of one query alone, so they cost little and are always of the
library as it is now.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog import appearances
from search.duplicates.contents import SAMPLE, Contents, cosines_of, unrelated_cosine
from search.duplicates.grouping import link, stars
from search.duplicates.judge import REACH, WITHIN, Judge
from search.duplicates.pictures import distances
from search.duplicates.records import EXACT
from search.results import Like

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.records import Ids, Vectors
    from search.channels import Scope
    from search.duplicates.records import Kind
    from search.results import Hit

_SPARE = 40  # hits beyond those wanted that are looked at
_NEIGHBOURS = 4  # of those ranked before it, that a hit is compared with at first
_KINDS: tuple[Kind, ...] = ("copy", "crop", "burst")


def collapsed(hits: Iterator[Hit], wanted: int, scope: Scope) -> list[Hit]:
    """Return the best `wanted` hits of which no two show the same, each with those like it."""
    window = list(islice(hits, wanted + max(_SPARE, wanted // 2)))
    while True:
        shown = grouped(window, scope)
        if len(shown) >= wanted:
            return shown[:wanted]
        more = list(islice(hits, len(window)))
        if not more:
            return shown
        window += more


def grouped(hits: Sequence[Hit], scope: Scope) -> list[Hit]:
    """Return the hits of which no two show the same, in their order, each with those like it."""
    by_hash: dict[bytes, list[Hit]] = {}
    for hit in hits:
        by_hash.setdefault(hit.photo.content_hash, []).append(hit)
    owned = list(by_hash.values())
    if not owned:
        return []
    looks = appearances.by_hash(scope.connection, list(by_hash))
    contents = Contents.of(
        [looks.get(key) for key in by_hash], [same[0].photo.facts for same in owned]
    )
    vectors = scope.vectors([same[0].photo.id for same in owned])
    judge = Judge(
        contents,
        cosines_of(vectors, np.arange(len(owned))),
        unrelated=_unrelated(scope),
        kinds=_KINDS,
        within=WITHIN,
    )
    a, b = _worth_comparing(vectors, judge)
    verdicts = zip(a.tolist(), b.tolist(), judge.judge(a, b), strict=True)
    links = link((row, other, why) for row, other, why in verdicts if why is not None)
    groups = stars(range(len(owned)), links, judge.belonging)
    beneath = {row for members in groups.values() for row in members}
    shown = []
    for row, (best, *same) in enumerate(owned):
        if row in beneath:
            continue
        like = [Like(hit, EXACT) for hit in same]
        for member, why in sorted(groups.get(row, {}).items()):
            like += [Like(hit, why) for hit in owned[member]]
        shown.append(replace(best, like=tuple(like)))
    return shown


def _unrelated(scope: Scope) -> float | None:
    return unrelated_cosine(scope.indexes["photos"].sample(SAMPLE))


def _worth_comparing(vectors: Vectors, judge: Judge) -> tuple[Ids, Ids]:
    """Return pairs of rows that may show the same: a few for each."""
    count = len(vectors)
    a, b = np.tril_indices(count, -1)
    every = np.full((count, count), -np.inf)
    every[a, b] = (vectors @ vectors.T)[a, b]
    kept = min(_NEIGHBOURS, count)
    nearest = np.argpartition(-every, kept - 1, axis=1)[:, :kept]
    is_near = np.zeros((count, count), bool)
    np.put_along_axis(is_near, nearest, values=True, axis=1)
    is_near &= judge.supports(every)
    bits = distances(judge.hashes[a], judge.hashes[b])
    close = bits <= REACH // 2  # copies that other photos outnumber
    is_near[a[close], b[close]] = True
    rows, before = np.nonzero(is_near)
    return rows.astype(np.int64), before.astype(np.int64)

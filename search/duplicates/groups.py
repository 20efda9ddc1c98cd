"""Contents that were compared to groups of photos. Knows nothing of libraries.

Copies are grouped first, then bursts among what is left of each: a photo that is kept of its
copies may be one of a burst. So no photo is ever suggested to go twice.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from indexer.records import Progress
from search.duplicates.grouping import link, stars
from search.duplicates.keeping import burst_key, copy_key
from search.duplicates.records import EXACT, KINDS, Group

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from indexer.pipeline import OnProgress
    from indexer.records import Appearance, Ids
    from search.duplicates.candidates import Pairs
    from search.duplicates.judge import Judge
    from search.duplicates.records import Evidence, Kind, Member

_AT_ONCE = 8192  # pairs for a thread


@dataclass(frozen=True, slots=True)
class Owned:
    """A content with the photos that have it, the best to keep first."""

    content_hash: bytes
    members: tuple[Member, ...]
    appearance: Appearance | None


def exact_groups(owned: Iterable[Owned]) -> Iterator[Group]:
    """Yield the groups of photos that are the same byte by byte."""
    return _copy_groups(tuple(owned), {}, exact=True)


def make_groups(
    owned: Sequence[Owned],
    judge: Judge,
    pairs: Pairs,
    kinds: Collection[Kind],
    on_progress: OnProgress | None = None,
) -> Iterator[Group]:
    """Yield the groups of the kinds that are wanted; `pairs` are those worth comparing."""
    found = list(_judged(judge, pairs, on_progress))
    best = [each.members[0] for each in owned]
    order = sorted(range(len(owned)), key=lambda row: copy_key(best[row]))
    links = link(each for each in found if each[2].kind != "burst")

    def same_picture(keeper: int, others: Sequence[int]) -> Mapping[int, Evidence]:
        return _of(judge.belonging(keeper, others), bursts=False)

    def same_moment(keeper: int, others: Sequence[int]) -> Mapping[int, Evidence]:
        return _of(judge.belonging(keeper, others), bursts=True)

    copies = stars(order, links, same_picture)
    yield from _copy_groups(owned, copies, exact="exact" in kinds)
    gone = set(chain.from_iterable(copies.values()))
    links = link(
        each for each in found if each[2].kind == "burst" and not gone.intersection(each[:2])
    )
    order = sorted(links, key=lambda row: burst_key(best[row]))
    for keeper, others in stars(order, links, same_moment).items():
        yield _group(best[keeper], [(best[row], why) for row, why in others.items()])


def _judged(
    judge: Judge, pairs: Pairs, on_progress: OnProgress | None
) -> Iterator[tuple[int, int, Evidence]]:
    """Compare all candidates, on all cores: NumPy lets other threads run."""

    def compare(some: Ids) -> list[tuple[int, int, Evidence]]:
        verdicts = judge.judge(some[:, 0], some[:, 1])
        rows = zip(some.tolist(), verdicts, strict=True)
        return [(a, b, why) for (a, b), why in rows if why is not None]

    with ThreadPoolExecutor() as pool:
        chunks = (pairs[at : at + _AT_ONCE] for at in range(0, len(pairs), _AT_ONCE))
        for number, found in enumerate(pool.map(compare, chunks), start=1):
            yield from found
            if on_progress:
                on_progress(Progress("pairs", min(number * _AT_ONCE, len(pairs)), len(pairs)))


def _copy_groups(
    owned: Sequence[Owned], copies: Mapping[int, Mapping[int, Evidence]], *, exact: bool
) -> Iterator[Group]:
    gone = set(chain.from_iterable(copies.values()))
    for row, each in enumerate(owned):
        if row in gone:
            continue
        keeper, *same = each.members
        others = [(member, EXACT) for member in same] if exact else []
        for other, why in copies.get(row, {}).items():
            others += [(member, why) for member in owned[other].members]
        if others:
            yield _group(keeper, others)


def _group(keeper: Member, others: Iterable[tuple[Member, Evidence]]) -> Group:
    members = [replace(member, evidence=why) for member, why in others]
    # the surest first
    ranks = {id(each): KINDS.index(each.evidence.kind) for each in members if each.evidence}
    members.sort(key=lambda each: (ranks[id(each)], copy_key(each)))
    return Group(KINDS[max(ranks.values())], keeper, tuple(members))


def _of(found: Mapping[int, Evidence], *, bursts: bool) -> dict[int, Evidence]:
    return {row: why for row, why in found.items() if (why.kind == "burst") == bursts}

"""Rankings that are read a page at a time, and grow as far as they are read. Knows no HTTP.

What a ranking has given stays as it was given: a longer one of the same query adds what is new to
its end, so that no page repeats a photo of another or misses one. Only ids are kept of it; hits
are looked up for the page that shows them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.query import CUT_OFF

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from indexer.records import Photo, Vector
    from search.duplicates.records import Kind
    from search.engine import SearchEngine
    from search.query import Query
    from search.ranked import Ranked
    from search.results import Doubt, Hit

_FRESH = 200  # hits that are kept as they were looked up
_MOST_RANKINGS, _MOST_IDS = 64, 100_000  # an id takes 400 bytes


@dataclass(frozen=True, slots=True)
class Steps:
    """How far a ranking goes at a time, in places."""

    depth: int = 1000  # that are ranked at first
    growth: int = 8  # so many times more when they are read
    window: int = 200  # of which the good ones come first
    tail: int = 50  # while there are good ones at its end, the window grows
    most_window: int = 1000
    block: int = 80  # that are looked up at once, among which stacks are made


_STEPS = Steps()


@dataclass(frozen=True, slots=True)
class Shown:
    """A hit as a page shows it."""

    rank: int  # from 1
    hit: Hit
    confidence: float | None
    is_good: bool
    stack: tuple[tuple[Photo, Kind], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some hits in a row; `has_more` after them."""

    hits: tuple[Shown, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class _Item:
    id: int
    confidence: float | None
    is_good: bool


@dataclass(frozen=True, slots=True)
class _Placed:
    item: _Item
    stack: tuple[tuple[int, Kind], ...]


class Ranking:
    """One query's results, in the order in which pages give them."""

    def __init__(
        self,
        engine: SearchEngine,
        query: Query,
        *,
        given: Mapping[str, Vector] | None = None,
        steps: Steps = _STEPS,
    ) -> None:
        self._engine = engine
        self._query = query
        self._given = given or {}
        self._lock = threading.Lock()
        self._ranked: Ranked | None = None
        self._steps = steps
        self._depth = steps.depth
        self._unread: deque[int] = deque()  # ids in the order of the ranking
        self._queue: deque[_Item] = deque()  # those of the window, the good ones first
        self._known: set[int] = set()
        self._placed: list[_Placed] = []
        self._fresh: OrderedDict[int, Hit] = OrderedDict()
        self._is_past_line = False
        self._is_read = False
        self.cut_off: float | None = None
        self.doubt: Doubt | None = None

    @property
    def model(self) -> str:
        """The name of the model that ranked."""
        return self._engine.space.model

    def __len__(self) -> int:
        return len(self._known)

    def page(self, start: int, limit: int) -> Page:
        """Return so many hits from a place on, from 0. Raises what the engine raises."""
        with self._lock:
            if self._ranked is None:
                self._begin()
            while len(self._placed) <= start + limit and not self._is_read:
                self._place_block()
            shown = self._placed[start : start + limit]
            hits = self._looked_up(shown)
            has_more = len(self._placed) > start + limit
        found = (_shown(rank, placed, hits) for rank, placed in enumerate(shown, start=start + 1))
        return Page(tuple(each for each in found if each), has_more)

    def _begin(self) -> None:
        ranked, steps, query = self._rank(), self._steps, self._query
        window = self._next_items(ranked, steps.window)
        rest: list[_Item] = []
        if query.is_told and not (query.like or query.unlike) and self.doubt != "uncalibrated":
            self.cut_off = CUT_OFF
            # all good ones are to be before the line, as far as they come without a long gap
            while (
                self._unread
                and len(window) < steps.most_window
                and any(map(_is_sure, window[-steps.tail :]))
            ):
                window += self._next_items(ranked, steps.window)
            rest = [_Item(each.id, each.confidence, False) for each in window if not _is_sure(each)]
            window = [each for each in window if _is_sure(each)]
        if query.diverse is not None and window:
            by_id = {item.id: item for item in window}
            order = self._engine.diversified(ranked, list(by_id), balance=query.diverse)
            window = [by_id[each] for each in order]
        self._queue.extend((*window, *rest))
        self._ranked = ranked

    def _rank(self) -> Ranked:
        ranked = self._engine.rank(self._query, self._depth, given=self._given)
        new = [each for each in ranked.ids if each not in self._known]
        self._known.update(new)
        self._unread.extend(new)
        return ranked

    def _next_items(self, ranked: Ranked, count: int) -> list[_Item]:
        """Take ids from the ranking, and tell how sure they are."""
        ids = [self._unread.popleft() for _ in range(min(count, len(self._unread)))]
        confidences, self.doubt = self._engine.confidences(ranked, ids)
        return [_Item(each, sure, True) for each, sure in zip(ids, confidences, strict=True)]

    def _place_block(self) -> None:
        """Place the next hits, or find that there are no more."""
        ranked = self._ranked
        assert ranked is not None
        is_window = bool(self._queue)
        if is_window:
            items = [self._queue.popleft() for _ in range(min(self._steps.block, len(self._queue)))]
        else:
            if not self._unread and not ranked.is_whole:
                self._depth *= self._steps.growth
                ranked = self._ranked = self._rank()
            items = self._next_items(ranked, self._steps.block)
        least = self._query.min_confidence
        sure = [each for each in items if each.confidence is None or each.confidence >= least]
        if not items or (not sure and not is_window):
            self._is_read = True
            return
        self._place(ranked, sure)

    def _place(self, ranked: Ranked, items: Sequence[_Item]) -> None:
        by_id = {item.id: item for item in items}
        for hit in self._engine.hits(ranked, list(by_id), collapse=self._query.collapse):
            item = by_id[_id(hit)]
            self._is_past_line |= not item.is_good or not self._is_good(item)
            stack = tuple((_id(each.hit), each.evidence.kind) for each in hit.like or ())
            self._placed.append(
                _Placed(_Item(item.id, item.confidence, not self._is_past_line), stack)
            )
            for each in (hit, *(like.hit for like in hit.like or ())):
                self._fresh[_id(each)] = each
        while len(self._fresh) > _FRESH:
            self._fresh.popitem(last=False)

    def _is_good(self, item: _Item) -> bool:
        return self.cut_off is None or _is_sure(item)

    def _looked_up(self, shown: Sequence[_Placed]) -> Mapping[int, Hit]:
        wanted = [placed.item.id for placed in shown]
        wanted += [other for placed in shown for other, _ in placed.stack]
        lost = [each for each in wanted if each not in self._fresh]
        found = {each: self._fresh[each] for each in wanted if each in self._fresh}
        if lost and self._ranked is not None:
            hits = self._engine.hits(self._ranked, lost, collapse=False)
            found.update((_id(hit), hit) for hit in hits)
        return found


class Rankings:
    """The rankings that were asked for last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Ranking] = OrderedDict()

    def find(self, key: Hashable) -> Ranking | None:
        """Return the ranking of a key, if it is kept still."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: Hashable, made: Ranking) -> Ranking:
        """Keep a ranking, and return the one of its key: the same to all who ask at once."""
        with self._lock:
            ranking = self._kept.setdefault(key, made)
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and self._are_many():
                self._kept.popitem(last=False)
            return ranking

    def drop(self, key: Hashable) -> None:
        """Forget a ranking that cannot be had."""
        with self._lock:
            self._kept.pop(key, None)

    def _are_many(self) -> bool:
        held = sum(map(len, self._kept.values()))
        return len(self._kept) > _MOST_RANKINGS or held > _MOST_IDS


def _shown(rank: int, placed: _Placed, hits: Mapping[int, Hit]) -> Shown | None:
    """Join a place with what was looked up for it; None for what was removed meanwhile."""
    item = placed.item
    if item.id not in hits:
        return None
    stack = tuple((hits[other].photo, kind) for other, kind in placed.stack if other in hits)
    return Shown(rank, hits[item.id], item.confidence, item.is_good, stack)


def _is_sure(item: _Item) -> bool:
    return item.confidence is None or item.confidence >= CUT_OFF


def _id(hit: Hit) -> int:
    return hit.caption.id if hit.caption else hit.photo.id

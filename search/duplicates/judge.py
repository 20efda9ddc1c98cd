"""Whether two photos show the same picture, or the same moment. Knows nothing of SQL or FAISS.

Thumbnails decide, and cosines support them. Models differ in what cosine unrelated photos have, so
support is told on the library's own scale: 0 is two photos of it taken at random, 1 is identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from search.duplicates import pictures
from search.duplicates.records import KINDS, Evidence

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import TypeVar

    from indexer.records import Ids
    from search.duplicates.contents import Contents, Cosines, Flags, Numbers
    from search.duplicates.pictures import Hashes, Pictures, Thumbnails
    from search.duplicates.records import Kind

    T = TypeVar("T", Pictures, Thumbnails)

WITHIN = 10.0  # seconds between two photos of a burst

MATCH = 0.8  # correlation of detail from which two thumbnails show the same picture
CROP = 0.82  # the same after one was laid onto the other, by which unrelated ones gain too
SURE = 0.95  # from which no cosine needs to support that two are copies
TURNED = 0.9  # the same for one that is turned, where cosines say little
SUPPORT = 0.4  # of a cosine, on the library's own scale
BURST = 0.7  # of a cosine on that scale, or a correlation of thumbnails
UNSEEN = 0.985  # of a cosine on that scale, where there are no thumbnails to compare

REACH = 20  # bits of 64, beyond which no copy lies
TURNED_REACH = 8
TURNS = (90, 180, 270)  # degrees, clockwise
_AT_ONCE = 2048  # pairs: their pictures stay in the processor's cache
_NONE, _COPY, _CROP, _BURST = -1, KINDS.index("copy"), KINDS.index("crop"), KINDS.index("burst")


class Judge:
    """Compares contents in pairs of rows."""

    def __init__(
        self,
        contents: Contents,
        cosines: Cosines,
        *,
        unrelated: float | None,
        kinds: Collection[Kind],
        within: float,
    ) -> None:
        self.hashes: Hashes = pictures.hashes(contents.thumbnails)
        self._contents = contents
        self._cosines = cosines
        self._unrelated = unrelated  # the cosine of photos at random; None where too few tell
        self._kinds = frozenset(kinds)
        self._within = within  # seconds, of bursts
        self._turned = {turn: pictures.hashes(_turned(contents.thumbnails, turn)) for turn in TURNS}

    def turned_hashes(self, turn: int) -> Hashes:
        """Return the hashes of all thumbnails, turned clockwise by so many degrees."""
        return self._turned[turn]

    def judge(self, a: Ids, b: Ids) -> Iterator[Evidence | None]:
        """Compare rows with rows, pair by pair; None where they are not the same."""
        for start in range(0, len(a), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            yield from self._compare(a[some], b[some])

    def belonging(self, row: int, others: Sequence[int]) -> Mapping[int, Evidence]:
        """Return those of several rows that show the same as one."""
        b = np.array(others, np.int64)
        verdicts = self.judge(np.full(len(b), row, np.int64), b)
        return {other: why for other, why in zip(others, verdicts, strict=True) if why is not None}

    def supports(self, cosines: Numbers, least: float = SUPPORT) -> Flags:
        """Tell which cosines lie high enough between unrelated photos' and 1."""
        if self._unrelated is None:
            return np.isfinite(cosines)
        return cosines >= self._unrelated + least * (1 - self._unrelated)

    def _compare(self, a: Ids, b: Ids) -> Iterator[Evidence | None]:
        pairs = _Pairs(self._contents, a, b)
        cosines = self._cosines(a, b)
        bits = pictures.distances(self.hashes[a], self.hashes[b])
        self._find_copies(pairs, cosines, bits)
        self._find_turned(pairs, bits)
        if "crop" in self._kinds:
            self._find_crops(pairs, cosines)
        self._find_bursts(pairs, cosines)
        for at, verdict in enumerate(pairs.verdicts.tolist()):
            kind = KINDS[verdict] if verdict != _NONE else None
            if kind is None or kind not in self._kinds:
                yield None
                continue
            yield Evidence(
                kind,
                cosine=_known(cosines[at]),
                hash_distance=int(bits[at]) if pairs.seen[at] else None,
                likeness=_known(pairs.likeness[at]),
                turned=int(pairs.turned[at]),
                seconds=_known(pairs.seconds[at]),
            )

    def _find_copies(self, pairs: _Pairs, cosines: Numbers, bits: Ids) -> None:
        near = np.flatnonzero(pairs.one_exposure & pairs.seen & (bits <= REACH))
        scores = pictures.detail_likeness(pairs.pictures_a(near), pairs.pictures_b(near))
        is_same = (scores >= SURE) | ((scores >= MATCH) & self.supports(cosines[near]))
        pairs.settle(near[is_same], _COPY, scores[is_same])
        if self._unrelated is not None:
            blind = pairs.one_exposure & ~pairs.seen & self.supports(cosines, UNSEEN)
            pairs.settle(np.flatnonzero(blind), _COPY)

    def _find_turned(self, pairs: _Pairs, bits: Ids) -> None:
        for turn in TURNS:
            apart = pictures.distances(self._turned[turn][pairs.a], self.hashes[pairs.b])
            near = pairs.open() & pairs.one_exposure & pairs.seen & (apart <= TURNED_REACH)
            rows = np.flatnonzero(near)
            turned = _turned(pairs.pictures_a(rows), turn)
            scores = pictures.detail_likeness(turned, pairs.pictures_b(rows))
            is_same = scores >= TURNED
            rows = rows[is_same]
            pairs.settle(rows, _COPY, scores[is_same])
            pairs.turned[rows] = min(turn, 360 - turn)
            bits[rows] = apart[rows]

    def _find_crops(self, pairs: _Pairs, cosines: Numbers) -> None:
        like = pairs.open() & pairs.one_exposure & pairs.seen & self.supports(cosines)
        rows = np.flatnonzero(like)
        a, b = pairs.pictures_a(rows), pairs.pictures_b(rows)
        scores = np.maximum(pictures.crop_likeness(a, b), pictures.crop_likeness(b, a))
        is_same = scores >= CROP
        pairs.settle(rows[is_same], _CROP, scores[is_same])

    def _find_bursts(self, pairs: _Pairs, cosines: Numbers) -> None:
        rows = np.flatnonzero(pairs.open() & (pairs.seconds <= self._within))
        is_like = np.zeros(len(rows), bool)
        if self._unrelated is not None:
            is_like |= self.supports(cosines[rows], BURST)
        scores = pictures.likeness(pairs.pictures_a(rows), pairs.pictures_b(rows))
        is_like |= pairs.seen[rows] & (scores >= BURST)
        pairs.settle(rows[is_like], _BURST)


class _Pairs:
    """Pairs of rows, and what was found of them so far."""

    def __init__(self, contents: Contents, a: Ids, b: Ids) -> None:
        self._contents = contents
        self.a = a
        self.b = b
        self.seen: Flags = contents.seen[a] & contents.seen[b]
        is_one_camera = (contents.cameras[a] >= 0) & (contents.cameras[a] == contents.cameras[b])
        apart = np.abs(contents.taken_at[a] - contents.taken_at[b])
        self.seconds: Numbers = np.where(is_one_camera, apart, np.nan)
        # a camera takes one photo at a time: what it took a second later is no copy
        self.one_exposure: Flags = ~(self.seconds > 0)
        self.verdicts = np.full(len(a), _NONE)
        self.likeness: Numbers = np.full(len(a), np.nan)
        self.turned = np.zeros(len(a), np.int64)

    def open(self) -> Flags:
        """Tell which pairs nothing was found of."""
        undecided: Flags = self.verdicts == _NONE
        return undecided

    def settle(self, rows: Ids, verdict: int, scores: Pictures | None = None) -> None:
        """Decide on some pairs."""
        self.verdicts[rows] = verdict
        if scores is not None:
            self.likeness[rows] = scores

    def pictures_a(self, rows: Ids) -> Pictures:
        """Return the pictures on the left of some pairs."""
        return self._contents.thumbnails[self.a[rows]].astype(np.float32)

    def pictures_b(self, rows: Ids) -> Pictures:
        """Return the pictures on the right of some pairs."""
        return self._contents.thumbnails[self.b[rows]].astype(np.float32)


def _turned(thumbnails: T, turn: int) -> T:
    turned: T = np.rot90(thumbnails, -turn // 90, axes=(1, 2))
    return turned


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)

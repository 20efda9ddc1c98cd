"""What chance looks like for one query: random queries of its form, and the library at large.

Knows the background that an indexer left in the library, and which figures belong to a hit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog import background as backgrounds
from indexer.catalog import captions, photos
from search.confidence import (
    INFORMED,
    PHOTOS_TO_CAPTIONS,
    PHOTOS_TO_PHOTOS,
    SAID_TOO,
    WORDS_TO_CAPTIONS,
    WORDS_TO_PHOTOS,
    confidences,
    evidence,
    informed,
)
from search.feedback import ALPHA, BETA, GAMMA
from search.results import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from indexer.records import Background, Ids, Vector, Vectors
    from search.channels import Scope
    from search.confidence import Weights
    from search.encoding import QueryVectors
    from search.query import Query, Target
    from search.results import Doubt, Hit
    from search.terms import Term

_SAMPLE = 512  # rows that stand for a library at large: its middle and spread within a tenth
_CHINESE = re.compile("[\u3400-\u9fff\uf900-\ufaff]")  # CJK ideographs
_SHORTEST = 0.05  # of a sum of unit vectors that is more than rounding


@dataclass(frozen=True, slots=True)
class Sighted:
    """An item that was found, and how beside its own vector."""

    id: int
    caption_id: int | None  # of a photo, the caption by which it was found
    has_all_words: bool

    @classmethod
    def of(cls, hit: Hit) -> Self:
        """Tell how a hit was found."""
        is_photo = hit.caption is None
        by_caption = (found.caption for found in hit.found_by if found.channel == "caption")
        caption = next(filter(None, by_caption), None) if is_photo else None
        return cls(
            hit.photo.id if hit.caption is None else hit.caption.id,
            None if caption is None else caption.id,
            any(found.channel == "words" and found.score >= ALL for found in hit.found_by),
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """A query beside what a library's background makes of queries of its form."""

    query: Query
    vectors: QueryVectors
    scope: Scope
    background: Background | None
    doubt: Doubt | None  # why no confidence can be had, or none at all is due

    def applied(self, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """Give hits their confidence: that of the best way in which they were found."""
        found = self.confidences([Sighted.of(hit) for hit in hits])
        return tuple(
            replace(hit, confidence=confidence) for hit, confidence in zip(hits, found, strict=True)
        )

    def confidences(self, items: Sequence[Sighted]) -> list[float | None]:
        """Tell how sure items are, by the best way in which they were found; None for unknown."""
        if self.background is None or not items:
            return [None] * len(items)
        own: dict[int, float] = {}
        if self.doubt is None:
            own = self._figures(self.query.target, [each.id for each in items])
        told = list(filter(None, (each.caption_id for each in items)))
        by_text = self._figures("captions", told, texts_only=True) if told else {}
        return [
            max(
                own.get(each.id, 0.0),
                by_text.get(each.caption_id or 0, 0.0),
                SAID_TOO if each.has_all_words else 0.0,
            )
            for each in items
        ]

    def _figures(
        self, target: Target, ids: Sequence[int], *, texts_only: bool = False
    ) -> dict[int, float]:
        index, vector = self.scope.indexes[target], self.vectors.whole
        query = self.query
        if texts_only and self.vectors.text is not None:
            vector = self.vectors.text
            texts = tuple(term for term in query.terms if term.kind == "text")
            query = replace(query, terms=texts, like=(), unlike=())
        rows = photos if target == "photos" else captions
        allowed = self.scope.allowed(target)  # what no filter keeps is not there
        keys = rows.embedding_ids(self.scope.connection, self.scope.space_id, ids)
        held, vectors = index.rows(np.unique(np.fromiter(keys.values(), np.int64, len(keys))))
        if not len(held) or self.background is None:
            return {}
        found = evidence(
            vector,
            vectors,
            chance=chance(self.background, query),
            sample=index.sample(_SAMPLE, allowed=allowed),
            size=len(index if allowed is None else allowed),
        )
        return _by_item(keys, held, confidences(found, weights_for(query, target)))


class Backgrounds:
    """Reads the background of a library's space, where an indexer has left one, and keeps it."""

    def __init__(self) -> None:
        self._known: tuple[int, str, Background] | None = (
            None  # replaced as a whole: threads share it
        )

    def calibration(self, query: Query, vectors: QueryVectors, scope: Scope) -> Calibration:
        """Hold a query beside the background of its scope's space."""
        found = self._read(scope, dim=len(vectors.whole))
        doubt: Doubt | None = "uncalibrated"
        if found is not None:
            doubt = None if tells(found, query) else "uninformed"
        return Calibration(query, vectors, scope, found, doubt)

    def _read(self, scope: Scope, *, dim: int) -> Background | None:
        material = backgrounds.material(scope.connection, scope.space_id)
        if material is None:
            return None
        known = self._known
        if known is None or known[:2] != (scope.space_id, material):
            found = backgrounds.read(scope.connection, scope.space_id, dim=dim)
            if found is None:
                return None
            known = self._known = (scope.space_id, material, found)
        return known[2]


def weights_for(query: Query, target: Target) -> Weights:
    """Choose the weights of a query; one of words and photos is judged as one of photos."""
    is_words = _kinds(query) == {"text"}
    if target == "captions":
        return WORDS_TO_CAPTIONS if is_words else PHOTOS_TO_CAPTIONS
    return WORDS_TO_PHOTOS if is_words else PHOTOS_TO_PHOTOS


def chance(background: Background, query: Query) -> Vectors:
    """Make random queries of a query's form: as many terms, of their kinds and weights; `(m, dim)`.

    Photos of the feedback are random ones, too.
    """
    parts = [(_pool(background, term), term.weight, 1) for term in query.terms]
    rows = _sums(parts, len(background.english)) if parts else None
    feedback = [
        (background.photos, weight, len(ids))
        for ids, weight in ((query.like, BETA), (query.unlike, -GAMMA))
        if ids
    ]
    if feedback:
        start = [(rows, ALPHA, 1)] if rows is not None else []
        rows = _sums([*start, *feedback], len(background.english))
    assert rows is not None  # a query has terms, or photos that are liked
    return rows


def tells(background: Background, query: Query) -> bool:
    """Tell whether a space's texts and photos have to do with each other, as a query needs it."""
    kinds = _kinds(query)
    if kinds != {"text" if query.target == "photos" else "photo"}:
        return True  # photos are compared with photos, or texts with texts, at least in part
    languages = [_texts(background, term.value) for term in query.terms if term.kind == "text"]
    own = background.photos
    if not languages:
        either = (background.english, background.chinese)
        return max(informed(texts[: len(own)], own) for texts in either) >= INFORMED
    return min(informed(texts[: len(own)], own) for texts in languages) >= INFORMED


def _kinds(query: Query) -> set[str]:
    kinds = {"text" if term.kind == "text" else "photo" for term in query.terms}
    return kinds | ({"photo"} if query.like or query.unlike else set())


def _sums(parts: Sequence[tuple[Vectors, float, int]], count: int) -> Vectors:
    """Add random rows of pools by weight, as `combine` adds terms: each the mean of so many."""
    most = max(abs(weight) for _, weight, _ in parts)
    total = np.zeros((count, parts[0][0].shape[1]), np.float32)
    for number, (pool, weight, several) in enumerate(parts):
        order = np.arange(count)
        for part in range(several):
            if number or part:  # another row of the pool beside each of the first
                order = np.random.default_rng((number, part)).permutation(count)
            total += np.float32(weight / most / several) * pool[order % len(pool)]
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    kept = lengths[:, 0] > _SHORTEST
    unit: Vectors = total[kept] / lengths[kept]
    return unit


def _pool(background: Background, term: Term) -> Vectors:
    return _texts(background, term.value) if term.kind == "text" else background.photos


def _texts(background: Background, text: str) -> Vectors:
    return background.chinese if _CHINESE.search(text) else background.english


def _by_item(keys: Mapping[int, int], held: Ids, figures: Vector) -> dict[int, float]:
    by_key = dict(zip(held.tolist(), figures.tolist(), strict=True))
    return {item: by_key[key] for item, key in keys.items() if key in by_key}

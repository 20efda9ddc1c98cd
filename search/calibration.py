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
class Calibration:
    """A query beside what a library's background makes of queries of its form."""

    query: Query
    vectors: QueryVectors
    scope: Scope
    background: Background | None

    @classmethod
    def read(cls, query: Query, vectors: QueryVectors, scope: Scope) -> Calibration:
        """Read the background of the scope's space, where an indexer has left one."""
        dim = len(vectors.whole)
        found = backgrounds.read(scope.connection, scope.space_id, dim=dim)
        return cls(query, vectors, scope, found)

    @property
    def doubt(self) -> Doubt | None:
        """Why no confidence can be had, or none at all is due."""
        if self.background is None:
            return "uncalibrated"
        return None if tells(self.background, self.query) else "uninformed"

    def applied(self, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """Give hits their confidence: that of the best way in which they were found."""
        if self.background is None or not hits:
            return tuple(hits)
        is_photos = self.query.target == "photos"
        ids = [hit.photo.id if hit.caption is None else hit.caption.id for hit in hits]
        own = self._figures(self.query.target, ids) if self.doubt is None else {}
        by_text = self._by_captions(hits) if is_photos else {}
        return tuple(
            replace(
                hit,
                confidence=max(own.get(key, 0.0), by_text.get(hit.photo.id, 0.0), _by_words(hit)),
            )
            for key, hit in zip(ids, hits, strict=True)
        )

    def _by_captions(self, hits: Sequence[Hit]) -> dict[int, float]:
        """Return, by photo, how sure the caption is by which a hit was found."""
        found = {
            hit.photo.id: each.caption.id
            for hit in hits
            for each in hit.found_by
            if each.channel == "caption" and each.caption is not None
        }
        if not found:
            return {}
        figures = self._figures("captions", list(found.values()), texts_only=True)
        return {photo: figures.get(caption, 0.0) for photo, caption in found.items()}

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


def _by_words(hit: Hit) -> float:
    """Return how sure a hit is that has all the words of the query; 0 for others."""
    has_all = any(found.channel == "words" and found.score >= ALL for found in hit.found_by)
    return SAID_TOO if has_all else 0.0


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

"""Places as a person finds them: by searches through channels, down to a hundred photos.

What the library was told of a photo in the very words of a query would find it by these words
alone. So a copy of the library is searched that was told none of them. The order of results is
taken as it stands, equal scores and all.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog import embeddings, told
from indexer.library import Library
from indexer.records import Progress
from search.engine import SearchEngine
from search.evaluation.measures import Place, ndcg
from search.query import Query
from search.terms import Term

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.encoders import Encoder
    from indexer.pipeline import OnProgress
    from search.evaluation.pairs import Pair
    from search.evaluation.trial import Trial
    from search.query import Channel
    from search.results import Hit

_DEPTH = 100  # photos that are looked through, at least: who looks further searches anew


def require_channels(channels: Sequence[Channel]) -> None:
    """Raise UsageError where photos cannot be found by words through these."""
    Query((Term("text", "words"),), channels=tuple(channels))


@contextmanager
def untold(library: Library, pairs: Sequence[Pair]) -> Iterator[tuple[Library, int]]:
    """Give a copy of a library, for as long as it is needed, that knows none of the pairs' texts.

    With it comes how many captions it lacks for that.
    """
    with TemporaryDirectory(prefix="sightseek-") as folder:
        library.copy(Path(folder))
        with Library.open(folder, writable=True) as copy:
            with copy.writing() as connection:
                count = told.forget(connection, {(p.content_hash, p.text) for p in pairs})
                embeddings.remove_orphans(connection)
            yield copy, count


def places_by_search(
    library: Library,
    encoder: Encoder,
    trial: Trial,
    channels: Sequence[Channel],
    *,
    depth: int,
    on_progress: OnProgress | None = None,
) -> list[Place]:
    """Search for each pair's caption. A photo that is not found stands last."""
    engine = SearchEngine(library, encoder)
    row = {key: i for i, key in enumerate(trial.gallery.hashes)}
    top_k = max(_DEPTH, depth)
    found: dict[int, dict[int, float]] = {}  # of each caption, the photos' scores in order
    for caption in dict.fromkeys(trial.caption_of.tolist()):
        terms = (Term("text", trial.captions[caption]),)
        hits = engine.search(Query(terms, top_k=top_k, channels=tuple(channels))).hits
        found[caption] = dict(_rows(hits, row))
        if on_progress:
            on_progress(Progress("captions", len(found), len(trial.captions)))
    return [
        _place(trial, caption, answer, found[caption], depth)
        for caption, answer in zip(trial.caption_of.tolist(), trial.photo_of.tolist(), strict=True)
    ]


def _rows(hits: Sequence[Hit], row: dict[bytes, int]) -> Iterator[tuple[int, float]]:
    """Give each content once: copies of a photo are one."""
    for hit in hits:
        if hit.photo.content_hash in row:
            yield row[hit.photo.content_hash], hit.score


def _place(trial: Trial, caption: int, answer: int, found: dict[int, float], depth: int) -> Place:
    order = list(found)
    rank = order.index(answer) + 1 if answer in found else len(trial.gallery.hashes)
    score = found.get(answer, float(trial.texts[caption] @ trial.gallery.vectors[answer]))
    top = order[0] if order else answer
    return Place(rank, ndcg(np.array([rank]), depth), answer, score, top, found.get(top, score))

"""Each query with what it should have found and what it found first, for people to look at."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import isfinite
from typing import TYPE_CHECKING, Literal, TypeAlias

from indexer.catalog import photos
from indexer.errors import LibraryError
from indexer.files import absolute, replacing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from indexer.library import Library
    from search.evaluation.measures import Place
    from search.evaluation.runs import Run

Direction: TypeAlias = Literal["text_to_image", "image_to_text"]


@dataclass(frozen=True, slots=True)
class Detail:
    """One query: a caption that asks for its photo, or a photo that asks for its captions."""

    direction: Direction
    query: str  # a caption, or a photo's path
    answer: str  # the best placed of the right ones
    rank: int  # of the answer, from 1
    score: float | None  # of query and answer; None where a vector is damaged
    top: str  # what stands first
    top_score: float | None


def details(library: Library, run: Run) -> list[Detail]:
    """Look up what the queries of a run were and found, captions first."""
    trial = run.trial
    named = {row for place in run.by_text for row in (place.answer, place.top)}
    paths = _paths(library, run, named | set(run.by_image.photos.tolist()))
    captions = {i: trial.captions[row] for i, row in enumerate(run.by_image.captions)}
    queries = (trial.captions[row] for row in trial.caption_of)
    asked = (paths[row] for row in run.by_image.photos.tolist())
    return [
        *_details("text_to_image", queries, run.by_text, paths),
        *_details("image_to_text", asked, run.by_image.places, captions),
    ]


def _paths(library: Library, run: Run, rows: set[int]) -> dict[int, str]:
    hashes = {row: run.trial.gallery.hashes[row] for row in rows}
    with library.reading() as connection:
        found = photos.by_hash(connection, list(hashes.values()))
    if found.keys() < set(hashes.values()):
        raise LibraryError(f"Photos just left the library at {library.path}. Evaluate it again.")
    return {row: str(found[key][0].path) for row, key in hashes.items()}


def worst(found: Sequence[Detail], direction: Direction, count: int) -> list[Detail]:
    """Return the queries of one direction whose answers stand last, the worst first."""
    own = (each for each in found if each.direction == direction and each.rank > 1)
    return sorted(own, key=lambda each: -each.rank)[:count]


def write_details(path: Path, found: Sequence[Detail]) -> None:
    """Write one JSON object a line; a crash leaves the old file or the new one."""
    with replacing(absolute(path)) as beside, beside.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in found)


def _details(
    direction: Direction, queries: Iterator[str], places: Sequence[Place], names: Mapping[int, str]
) -> Iterator[Detail]:
    for query, place in zip(queries, places, strict=True):
        yield Detail(
            direction,
            query,
            names[place.answer],
            place.rank,
            _finite(place.answer_score),
            names[place.top],
            _finite(place.top_score),
        )


def _finite(score: float) -> float | None:
    return score if isfinite(score) else None  # JSON knows no infinity

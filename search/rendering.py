"""Results as lines of text and as JSON. Prints nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from indexer.terminal import printable
from search.results import ALL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from search.query import Query
    from search.results import Doubt, Found, Hit, Results

_FIRST = 20  # places of a channel that are worth a word to people

DOUBTS: dict[Doubt, str] = {
    "uncalibrated": "The library was indexed by an older sightseek. Run 'sightseek index' on its "
    "folders once to learn how sure hits are.",
    "uninformed": "This library's model does not tell which words belong to which photos: it was "
    "not trained to, or not in this language. Another one may: sightseek models",
}


def results_json(results: Results) -> dict[str, object]:
    """Return what `search --json` prints."""
    return {
        "query": str(results.query),
        "target": results.query.target,
        "model": results.model,
        **_refinements(results.query),
        "hits": [_hit_json(hit) for hit in results.hits],
    }


def hit_lines(results: Results, *, links: bool) -> Iterator[str]:
    """Yield what `search` tells a person, a line for each hit; with `links` to its file (OSC 8)."""
    for hit in results.hits:
        yield f"{hit.rank:3}  {_shown(hit, links=links)}"
    if results.rest and not results.hits:
        closest = max(results.rest, key=lambda hit: hit.confidence or 0.0)
        yield f"No good match (closest: {_shown(closest, links=links)})"


def note_lines(results: Results) -> Iterator[str]:
    """Yield what is worth knowing beside the hits."""
    if not results.hits and not results.rest:
        yield _nothing(results.query)
    if results.doubt:
        yield DOUBTS[results.doubt]
    elif results.hits and results.rest:
        yield (
            f"{len(results.rest)} more below a confidence of {results.query.min_confidence:g}; "
            "--all shows them."
        )
    elif results.rest:
        yield "--all shows what comes closest."


def _nothing(query: Query) -> str:
    passing = " that pass the filters" if query.filters else ""
    own = "image" if query.target == "photos" else "caption"
    if own not in query.used_channels:  # it ranks all that there are, others what they find
        return f"No {query.target}{passing} were found by {' or '.join(query.used_channels)}."
    return f"The library holds no {query.target}{passing}."


def figures(hit: Hit) -> str:
    """Return a hit's cosine, and how sure it is."""
    sure = "" if hit.confidence is None else f"  {hit.confidence:.2f}"
    return f"{hit.score:.4f}{sure}"


def like_text(hit: Hit) -> str:
    """Return how many more show the same, to stand behind a photo's path."""
    return f"  (+{len(hit.like):,} like it)" if hit.like else ""


def told_by_text(hit: Hit) -> str:
    """Return which other channels than its score's found a hit, to stand behind its path."""
    own = "caption" if hit.caption else "image"
    others = [found.channel for found in hit.found_by if found.channel != own and _tells(found)]
    return f"  [{', '.join(others)}]" if others else ""


def paths(results: Results) -> Iterator[str]:
    """Yield the paths of the photos that were found, each once."""
    # a photo with several captions among the hits is one photo
    yield from dict.fromkeys(str(hit.photo.path) for hit in results.hits)


def _refinements(query: Query) -> dict[str, object]:
    asked = {"like": list(query.like), "unlike": list(query.unlike), "diverse": query.diverse}
    return {name: value for name, value in asked.items() if value not in (None, [])}


def _hit_json(hit: Hit) -> dict[str, object]:
    photo, facts = hit.photo, hit.photo.facts
    return {
        "rank": hit.rank,
        "score": round(hit.score, 6),
        "confidence": None if hit.confidence is None else round(hit.confidence, 4),
        "path": str(photo.path),
        "id": photo.id,
        "caption": hit.caption.text if hit.caption else None,
        "language": hit.caption.language if hit.caption else None,
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "taken_at": facts.taken_at.isoformat() if facts.taken_at else None,
        "camera": facts.camera,
        "lens": facts.lens,
        "latitude": facts.latitude,
        "longitude": facts.longitude,
        "title": facts.title,
        "description": facts.description,
        "place": facts.place,
        "focal_length": facts.focal_length,
        "aperture": facts.aperture,
        "iso": facts.iso,
        "rating": facts.rating,
        "keywords": [asdict(keyword) for keyword in photo.keywords],
        "channels": {found.channel: _found_json(found) for found in hit.found_by},
        "group": _group_json(hit),
    }


def _group_json(hit: Hit) -> dict[str, object] | None:
    if hit.like is None:
        return None
    others = [
        {
            "path": str(each.hit.photo.path),
            "id": each.hit.photo.id,
            "score": round(each.hit.score, 6),
            "evidence": asdict(each.evidence),
        }
        for each in hit.like
    ]
    return {"count": len(others), "others": others}


def _found_json(found: Found) -> dict[str, object]:
    place: dict[str, object] = {"rank": found.rank, "score": round(found.score, 6)}
    return place | ({"caption": found.caption.text} if found.caption else {})


def _shown(hit: Hit, *, links: bool) -> str:
    found = f"{printable(hit.caption.text)}  " if hit.caption else ""
    name = _link(hit.photo.path) if links else printable(str(hit.photo.path))
    return f"{figures(hit)}  {found}{name}{like_text(hit)}{told_by_text(hit)}"


def _tells(found: Found) -> bool:
    return found.score >= ALL if found.channel == "words" else found.rank <= _FIRST


def _link(path: Path) -> str:
    return f"\033]8;;{path.as_uri()}\033\\{printable(str(path))}\033]8;;\033\\"

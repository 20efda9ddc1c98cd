"""Reports as lines of text and as JSON. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from indexer.encoders.registry import ModelInfo
    from indexer.records import IndexReport
    from indexer.status import Status

_MOST_NAMED = 10  # names in a list that a person reads; JSON has them all


def report_json(report: IndexReport) -> dict[str, Any]:
    """Return what `index --json` prints."""
    return {
        "added": report.added,
        "updated": report.updated,
        "moved": report.moved,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "skipped": [_named(skip.path, skip.reason) for skip in report.skipped],
        "not_listed": [_named(each.path, each.reason) for each in report.unseen],
        "kept": report.kept,
        "captions": {
            "added": report.captions_added,
            "removed": report.captions_removed,
            "unmatched": list(report.captions_unmatched),
            "ambiguous": list(report.captions_ambiguous),
        },
        "interrupted": report.interrupted,
        "seconds": round(report.seconds, 3),
        "images_per_second": round(report.images_per_second, 2),
    }


def report_lines(report: IndexReport) -> Iterator[str]:
    """Yield what `index` tells a person."""
    counts = {
        "added": report.added,
        "updated": report.updated,
        "moved": report.moved,
        "unchanged": report.unchanged,
        "removed": report.removed,
    }
    photos = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    rate = f", {report.images_per_second:.1f} images/s" if report.encoded else ""
    yield f"Photos: {photos or 'none'} ({report.seconds:.1f} s{rate})"
    if report.captions_added or report.captions_removed:
        yield f"Captions: {report.captions_added:,} added, {report.captions_removed:,} removed"


def warning_lines(report: IndexReport) -> Iterator[str]:
    """Yield what did not go as a person may expect, and what to do about it."""
    if report.skipped:
        names = [f"{skip.path}: {skip.reason}" for skip in report.skipped]
        yield f"Skipped {_count(names, 'file')}:"
        yield from _some(names)
    for each in report.unseen:
        yield f"Not listed: {each.path}: {each.reason}"
    if report.kept:
        yield (
            f"Kept {_count(range(report.kept), 'photo')} from there. If gone for good: "
            "sightseek forget PATH"
        )
    if report.captions_unmatched:
        yield f"Captions for {_count(report.captions_unmatched, 'name')} that match no photo:"
        yield from _some(report.captions_unmatched)
    if report.captions_ambiguous:
        yield (
            f"Captions for {_count(report.captions_ambiguous, 'name')} that match several "
            "photos; give more of the path:"
        )
        yield from _some(report.captions_ambiguous)


def status_json(status: Status) -> dict[str, Any]:
    """Return what `status --json` prints."""
    return {
        "library": str(status.library),
        "model": status.space.model if status.space else None,
        "space": str(status.space) if status.space else None,
        "dim": status.space.dim if status.space else None,
        "photos": status.photos,
        "captions": status.captions,
        "skipped": [_named(skip.path, skip.reason) for skip in status.skipped],
        "bytes": status.bytes,
    }


def status_lines(status: Status) -> Iterator[str]:
    """Yield what `status` tells a person."""
    yield f"Library   {status.library} ({status.bytes / 1e6:,.1f} MB)"
    yield f"Model     {status.space if status.space else 'none yet'}"
    yield f"Photos    {status.photos:,}"
    yield f"Captions  {status.captions:,}"
    yield f"Skipped   {len(status.skipped):,}"
    yield from _some([f"{skip.path}: {skip.reason}" for skip in status.skipped])


def model_json(model: ModelInfo) -> dict[str, Any]:
    """Return one entry of what `models --json` prints."""
    return {
        "name": model.name,
        "dim": model.dim,
        "image_size": model.image_size,
        "bytes": model.bytes_on_disk,
        "precision": model.precision,
        "licence": model.licence,
        "description": model.description,
    }


def model_lines(model: ModelInfo) -> Iterator[str]:
    """Yield what `models` tells a person of one model."""
    yield (
        f"{model.name}: {model.dim} dimensions, {model.image_size} px, {model.precision}, "
        f"{model.bytes_on_disk / 1e6:.1f} MB, {model.licence}"
    )
    yield f"  {model.description}"


def _named(path: Path, reason: str) -> dict[str, str]:
    return {"path": str(path), "reason": reason}


def _count(names: Sequence[object], noun: str) -> str:
    return f"{len(names):,} {noun}{'' if len(names) == 1 else 's'}"


def _some(names: Sequence[str]) -> Iterator[str]:
    yield from (f"  {name}" for name in names[:_MOST_NAMED])
    if len(names) > _MOST_NAMED:
        yield f"  and {len(names) - _MOST_NAMED:,} more; --json names them all"

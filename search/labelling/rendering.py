"""What a run of labelling found, as lines of text and as JSON. Prints nothing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from search.labelling.classify import Labelled, Labelling
    from search.labelling.files import Repeated
    from search.labelling.sidecars import Sidecars

_MOST_LABELS = 20
_MOST_NAMED = 10


def labelling_json(
    found: Labelling, sidecars: Sidecars | None, repeated: Sequence[Repeated], *, dry_run: bool
) -> dict[str, Any]:
    """Return what `classify --json` prints."""
    return {
        "photos": found.photos,
        "labelled": len(found.found),
        "labels": [{"label": name, "photos": count} for name, count in found.counts],
        "keywords": {
            "added": found.added,
            "removed": found.removed,
            "kept": found.kept,
            "other_labels": found.others,
        },
        "repeated": [
            {"label": each.name, "line": each.line, "first_line": each.first_line}
            for each in repeated
        ],
        "sidecars": _sidecars_json(sidecars) if sidecars else None,
        "dry_run": dry_run,
        "hits": [_labelled_json(each) for each in found.found],
        "seconds": round(found.seconds, 3),
    }


def labelled_lines(found: Labelling) -> Iterator[str]:
    """Yield a line for each photo that has labels, with their confidences."""
    for each in found.found:
        labels = ", ".join(f"{name} {confidence:.2f}" for name, confidence in each.labels)
        yield f"{each.path}: {labels}"


def labelling_lines(found: Labelling, sidecars: Sidecars | None, *, dry_run: bool) -> Iterator[str]:
    """Yield what `classify` tells a person."""
    would = "would have" if dry_run else "have"
    yield (
        f"{len(found.found):,} of {_count(found.photos, 'photo')} {would} labels "
        f"({found.seconds:.1f} s)"
    )
    some = [(name, count) for name, count in found.counts if count]
    yield from (f"  {count:7,}  {name}" for name, count in some[:_MOST_LABELS])
    if len(some) > _MOST_LABELS:
        yield f"  and {len(some) - _MOST_LABELS:,} more labels; --json has them all"
    if none := len(found.counts) - len(some):
        yield f"  {_count(none, 'label')} of no photo"
    changes = f"{found.added:,} added, {found.removed:,} removed, {found.kept:,} kept"
    yield f"Keywords: {changes}{' (nothing was written)' if dry_run else ''}"
    if found.others:
        yield (
            f"{_count(found.others, 'keyword')} of other labels, from runs before, stay; drop "
            "those of all labels with: sightseek classify --clear"
        )
    if sidecars is not None:
        yield f"XMP sidecars: {sidecars.changed:,} changed"


def cleared_lines(found: Labelling, sidecars: Sidecars | None, *, dry_run: bool) -> Iterator[str]:
    """Yield what `classify --clear` tells a person."""
    would = "would be " if dry_run else ""
    yield f"Keywords: {found.removed:,} {would}removed from {_count(found.photos, 'photo')}"
    if sidecars is not None:
        yield f"XMP sidecars: {sidecars.changed:,} changed"


def repeated_lines(repeated: Sequence[Repeated]) -> Iterator[str]:
    """Yield which lines repeat a label."""
    for each in repeated[:_MOST_NAMED]:
        yield (
            f"Line {each.line} repeats the label {each.name!r} of line {each.first_line}; "
            "they count as one."
        )
    if len(repeated) > _MOST_NAMED:
        yield f"  and {len(repeated) - _MOST_NAMED:,} more lines repeat labels"


def failed_lines(sidecars: Sidecars) -> Iterator[str]:
    """Yield why sidecars could not be written, each reason once."""
    reasons = Counter(each.reason for each in sidecars.failed)
    for reason, count in list(reasons.items())[:_MOST_NAMED]:
        yield reason if count == 1 else f"{reason} ({_count(count, 'photo')})"
    if len(reasons) > _MOST_NAMED:
        yield f"  and {len(reasons) - _MOST_NAMED:,} more; --json names them all"


def _labelled_json(each: Labelled) -> dict[str, Any]:
    labels = [{"label": name, "confidence": round(score, 4)} for name, score in each.labels]
    return {"path": str(each.path), "id": each.id, "labels": labels}


def _sidecars_json(sidecars: Sidecars) -> dict[str, Any]:
    failed = [{"path": str(each.path), "reason": each.reason} for each in sidecars.failed]
    return {"changed": sidecars.changed, "failed": failed}


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

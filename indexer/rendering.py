"""Reports as lines of text and as JSON. Prints nothing."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from indexer.encoders.manifest import Agreement, Manifest
    from indexer.encoders.shelf import ModelInfo
    from indexer.library import Freed
    from indexer.records import IndexReport, Switch
    from indexer.status import Known, SpaceStatus, Status

_MOST_NAMED = 10  # names in a list that a person reads; JSON has them all


def report_json(report: IndexReport) -> dict[str, Any]:
    """Return what `index --json` prints."""
    return {
        "added": report.added,
        "updated": report.updated,
        "moved": report.moved,
        "unchanged": report.unchanged,
        "reread": report.reread,
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
        "switched": report.switch is not None and report.switch.done,
        "switch": _switch_json(report.switch) if report.switch else None,
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
    if report.reread:
        photos = _count(range(report.reread), "photo")
        yield f"Read again: {photos}, for more facts than were kept, or a sidecar that changed"
    if report.captions_added or report.captions_removed:
        yield f"Captions: {report.captions_added:,} added, {report.captions_removed:,} removed"
    if report.switch is not None and report.switch.done:
        old, new = report.switch.previous, report.switch.chosen
        name = str(old) if old.model == new.model else old.model
        forget = shlex.join(["sightseek", "forget", "--space", name])
        yield f"Switched to {new.model}; the old vectors stay until: {forget}"


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
    if report.switch is not None and report.switch.lacking:
        names = [f"{each.path}: {each.reason}" for each in report.switch.lacking]
        yield f"Without a vector of {report.switch.chosen.model}: {_count(names, 'photo')}:"
        yield from _some(names)


def unswitched_line(switch: Switch) -> str:
    """Return why a library has not changed to another model, and what to do about it."""
    lacking = f"{len(switch.lacking):,} of {_count(range(switch.photos), 'photo')}"
    return (
        f"Not switched to {switch.chosen.model}: {lacking} could not be read; searches go on with "
        f"{switch.previous.model}. Mount their disk, restore them, or drop them with 'sightseek "
        "forget PATH', and run the same command again."
    )


def unfinished_lines(library: Path, spaces: Iterable[SpaceStatus]) -> Iterator[str]:
    """Yield how far switches to other models are, and the commands that finish them."""
    from indexer.spaces import switch_command  # the catalog's modules are slow to import

    for each in spaces:
        name, done = each.space.model, f"{each.photos:,} of {each.photos + each.lacking:,} photos"
        command = switch_command(library, name)
        yield f"The switch to {name} is unfinished ({done}). Finish it with: {command}"


def status_json(status: Status) -> dict[str, Any]:
    """Return what `status --json` prints."""
    return {
        "library": str(status.library),
        "model": status.space.model if status.space else None,
        "space": str(status.space) if status.space else None,
        "dim": status.space.dim if status.space else None,
        "photos": status.photos,
        "captions": status.captions,
        "known": asdict(status.known),
        "labels": dict(status.labels),
        "skipped": [_named(skip.path, skip.reason) for skip in status.skipped],
        "bytes": status.bytes,
        "spaces": [_space_json(space) for space in status.spaces],
    }


def status_lines(status: Status) -> Iterator[str]:
    """Yield what `status` tells a person."""
    yield f"Library   {status.library} ({status.bytes / 1e6:,.1f} MB)"
    yield f"Model     {status.space if status.space else 'none yet'}"
    yield f"Photos    {status.photos:,}"
    yield f"Captions  {status.captions:,}"
    if facts := list(_facts(status.known)):
        yield f"Facts     {', '.join(facts)}"
    if status.known.outdated:
        left = _count(range(status.known.outdated), "photo")
        yield f"Unread    facts of {left}: 'sightseek index' on their folders reads them"
    if status.labels:
        yield f"Labels    {_most(status.labels)}"
    yield from (f"Space     {_coverage(space, status)}" for space in status.spaces)
    yield f"Skipped   {len(status.skipped):,}"
    yield from _some([f"{skip.path}: {skip.reason}" for skip in status.skipped])


def freed_json(freed: Freed) -> dict[str, Any]:
    """Return what `forget --space --json` says of the space."""
    return {"space": str(freed.space), "vectors": freed.vectors, "bytes": freed.bytes}


def freed_line(freed: Freed) -> str:
    """Return what `forget --space` tells a person."""
    return f"Forgot {freed.space}: {freed.vectors:,} vectors, {freed.bytes / 1e6:,.1f} MB freed."


def model_json(model: ModelInfo) -> dict[str, Any]:
    """Return one entry of what `models --json` prints."""
    return {
        "name": model.name,
        "description": model.description,
        "dim": model.dim,
        "image_size": model.image_size,
        "languages": model.languages or None,
        "licence": model.licence,
        "download_bytes": model.download_bytes,
        "weights": str(model.weights) if model.weights else None,
        "weights_bytes": model.weights_bytes,
        "bundle": str(model.bundle) if model.bundle else None,
        "bytes": model.bundle_bytes,
        "precision": model.precision,
        "images_per_second": dict(model.speeds or {}),
    }


def model_lines(model: ModelInfo) -> Iterator[str]:
    """Yield what `models` tells a person of one model."""
    yield f"{model.name}: {model.description}"
    facts = [f"{model.dim} dimensions", f"{model.image_size} px", model.languages, model.licence]
    yield f"  {', '.join(fact for fact in facts if fact)}"
    yield f"  {_whereabouts(model)}"


def bundle_json(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Return what `models export --json` prints."""
    return {
        "bundle": str(folder),
        "name": manifest.name,
        "dim": manifest.dim,
        "image": _tower_json(manifest.image_precision, manifest.image_agreement),
        "text": _tower_json(manifest.text_precision, manifest.text_agreement),
    }


def bundle_lines(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield what `models export` tells a person."""
    yield f"{manifest.name}: {folder}"
    towers = {
        "images": (manifest.image_precision, manifest.image_agreement),
        "texts": (manifest.text_precision, manifest.text_agreement),
    }
    for what, (precision, found) in towers.items():
        if found is not None:
            yield (
                f"  {what} in {precision}: cosine to torch in fp32 {found.mean:.4f} on average, "
                f"{found.lowest:.4f} at the least, over {found.count} {what}"
            )


def _tower_json(precision: str, agreement: Agreement | None) -> dict[str, Any]:
    return {"precision": precision, "agreement": asdict(agreement) if agreement else None}


def _whereabouts(model: ModelInfo) -> str:
    here = []
    if model.bundle_bytes is not None:
        here.append(f"bundle of {model.bundle_bytes / 1e6:,.1f} MB ({model.precision})")
    if model.weights_bytes is not None:
        here.append(f"weights of {model.weights_bytes / 1e6:,.0f} MB")
    speeds = [f"{rate:,.1f} images/s on {device}" for device, rate in (model.speeds or {}).items()]
    if not here:
        size = model.download_bytes
        return "not here yet" + (f", {size / 1e6:,.0f} MB to download" if size else "")
    return f"here: {', '.join(here + speeds)}"


def _switch_json(switch: Switch) -> dict[str, Any]:
    return {
        "from": str(switch.previous),
        "to": str(switch.chosen),
        "done": switch.done,
        "lacking": [_named(each.path, each.reason) for each in switch.lacking],
    }


def _space_json(space: SpaceStatus) -> dict[str, Any]:
    return {
        "model": space.space.model,
        "space": str(space.space),
        "dim": space.space.dim,
        "state": space.state,
        "photos": space.photos,
        "captions": space.captions,
    }


def _coverage(space: SpaceStatus, status: Status) -> str:
    return (
        f"{space.space} ({space.state}): {space.space.dim} dimensions, "
        f"{space.photos:,} of {status.photos:,} photos, "
        f"{space.captions:,} of {status.captions:,} captions"
    )


def _most(labels: Sequence[tuple[str, int]]) -> str:
    some = [f"{name} ({count:,})" for name, count in labels[:_MOST_NAMED]]
    more = [f"{len(labels) - _MOST_NAMED:,} more"] if len(labels) > _MOST_NAMED else []
    return ", ".join(some + more)


def _facts(known: Known) -> Iterator[str]:
    counts = {
        "dates": known.dates,
        "positions": known.gps,
        "ratings": known.ratings,
        "keywords": known.keywords,
    }
    yield from (f"{name} of {count:,}" for name, count in counts.items() if count)


def _named(path: Path, reason: str) -> dict[str, str]:
    return {"path": str(path), "reason": reason}


def _count(names: Sequence[object], noun: str) -> str:
    return f"{len(names):,} {noun}{'' if len(names) == 1 else 's'}"


def _some(names: Sequence[str]) -> Iterator[str]:
    yield from (f"  {name}" for name in names[:_MOST_NAMED])
    if len(names) > _MOST_NAMED:
        yield f"  and {len(names) - _MOST_NAMED:,} more; --json names them all"

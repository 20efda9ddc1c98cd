"""Groups of duplicates as lines of text, as JSON and as paths. Prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from search.duplicates.records import Duplicates, Evidence, Group, Member

_KINDS = {"exact": "the same file", "copy": "copies", "crop": "crops", "burst": "a burst"}


def duplicates_json(found: Duplicates) -> dict[str, object]:
    """Return what `duplicates --json` prints."""
    return {
        "photos": found.photos,
        "unseen": found.unseen,
        "bytes": found.bytes,
        "groups": [_group_json(group) for group in found.groups],
    }


def duplicates_lines(found: Duplicates) -> Iterator[str]:
    """Yield what `duplicates` tells a person."""
    for group in found.groups:
        count = 1 + len(group.others)
        yield f"{count} photos, {_KINDS[group.kind]}: {_size(group.bytes)} besides the keeper"
        yield f"  keep  {_member_line(group.keeper)}"
        for other in group.others:
            yield f"        {_member_line(other)}"
            if other.evidence:
                yield f"          {_evidence_line(other.evidence)}"
    if not found.groups:
        yield f"No duplicates among {found.photos:,} photos."
        return
    others = sum(len(group.others) for group in found.groups)
    yield (
        f"Groups: {len(found.groups):,}; photos besides the keepers: {others:,}, "
        f"{_size(found.bytes)}. Nothing was deleted."
    )


def spare_paths(found: Duplicates) -> Iterator[str]:
    """Yield the paths of all but the keepers, each once."""
    yield from (str(other.photo.path) for group in found.groups for other in group.others)


def unseen_line(found: Duplicates) -> str:
    """Return what to do about photos whose looks are not known."""
    return (
        f"{found.unseen:,} of {found.photos:,} photos were indexed before sightseek kept what they "
        "look like, and are compared by their bytes and vectors alone. Find more after: "
        "sightseek index FOLDER"
    )


def _group_json(group: Group) -> dict[str, object]:
    return {
        "kind": group.kind,
        "bytes": group.bytes,
        "keeper": _member_json(group.keeper),
        "others": [_member_json(other) for other in group.others],
    }


def _member_json(member: Member) -> dict[str, object]:
    facts = member.photo.facts
    found: dict[str, object] = {
        "path": str(member.photo.path),
        "id": member.photo.id,
        "bytes": member.bytes,
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "taken_at": facts.taken_at.isoformat() if facts.taken_at else None,
        "camera": facts.camera,
        "sharpness": None if member.sharpness is None else round(member.sharpness, 1),
    }
    return found | ({"evidence": evidence_json(member.evidence)} if member.evidence else {})


def evidence_json(evidence: Evidence) -> dict[str, object]:
    """Return why a photo counts as the same as another."""
    return {
        "kind": evidence.kind,
        "cosine": _rounded(evidence.cosine),
        "hash_distance": evidence.hash_distance,
        "likeness": _rounded(evidence.likeness),
        "turned": evidence.turned,
        "seconds": evidence.seconds,
    }


def _member_line(member: Member) -> str:
    facts = member.photo.facts
    size = f"{facts.width} x {facts.height}, {_size(member.bytes)}"
    return f"{printable(str(member.photo.path))}  ({size})"


def _evidence_line(evidence: Evidence) -> str:
    if evidence.kind == "exact":
        return "exact: equal bytes"
    parts = []
    if evidence.turned:
        parts.append(f"turned by {evidence.turned} degrees")
    if evidence.seconds is not None:
        parts.append(f"{evidence.seconds:g} s apart")
    if evidence.hash_distance is not None:
        parts.append(f"{evidence.hash_distance} of 64 bits differ")
    if evidence.likeness is not None:
        parts.append(f"likeness {evidence.likeness:.3f}")
    if evidence.cosine is not None:
        parts.append(f"cosine {evidence.cosine:.4f}")
    return f"{evidence.kind}: {', '.join(parts)}"


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 6)


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count / 1e3:,.1f} kB"

"""What a listing of files means for a library: which to open, which are gone. Reads no file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.files import is_within
from indexer.records import IndexReport, PhotoFile, Skipped, Unseen

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from indexer.catalog.photos import SkipStamp, Stamp


@dataclass(frozen=True, slots=True)
class Known:
    """What a library knows of files before a run; paths are strings, as the catalog has them."""

    stamps: Mapping[str, Stamp]
    skips: Mapping[str, SkipStamp]
    mounts: Collection[str]
    decoder: str  # what can be decoded now
    lacking: Collection[str] = frozenset()  # photos without an embedding in the run's space
    outdated: Collection[str] = frozenset()  # photos of which less was read than is read now
    metadata: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    # (size, mtime_ns) of the XMP sidecars that were read, by photo and path

    def is_settled(self, file: PhotoFile) -> bool:
        """Tell whether a file has not changed, and nothing is left to learn of it."""
        path = str(file.path)
        is_whole = path not in self.lacking and not self.is_outdated(file)
        return is_whole and is_same(self.stamps.get(path), file)

    def is_outdated(self, file: PhotoFile) -> bool:
        """Tell whether more can be read of a photo than was, or its sidecars say something else."""
        path = str(file.path)
        now = {str(each.path): (each.size, each.mtime_ns) for each in file.metadata}
        return path in self.outdated or now != self.metadata.get(path, {})


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about the files of a listing."""

    roots: tuple[Path, ...]
    seen: Mapping[str, PhotoFile]
    pending: tuple[PhotoFile, ...]  # new, changed, without an embedding or outdated: to be opened
    unseen: tuple[Unseen, ...]
    report: IndexReport  # of what needs no more work


@dataclass(frozen=True, slots=True)
class Missing:
    """Photos and skipped files of a library that a listing did not show."""

    photo_ids: tuple[int, ...]
    skips: tuple[str, ...]
    report: IndexReport  # of what stays


def make_plan(listing: Iterable[PhotoFile | Unseen], roots: Iterable[Path], known: Known) -> Plan:
    """Tell the files to open from those that are as the library knows them."""
    roots = tuple(roots)
    seen: dict[str, PhotoFile] = {}
    pending: list[PhotoFile] = []
    unseen: list[Unseen] = []
    skipped: list[Skipped] = []
    unchanged = 0
    for item in listing:
        if isinstance(item, Unseen):
            unseen.append(item)
            continue
        path = str(item.path)
        if path in seen:
            continue  # renamed to a name that was listed before
        seen[path] = item
        if known.is_settled(item):
            unchanged += 1
        elif (reason := _why_not(item, known)) is None:
            pending.append(item)
        elif reason:
            skipped.append(Skipped(item.path, reason))
    told = {item.path for item in unseen}
    unseen += [item for item in _unmounted(roots, known.mounts) if item.path not in told]
    report = IndexReport(unchanged=unchanged, skipped=tuple(skipped))
    return Plan(roots, seen, tuple(pending), tuple(unseen), report)


def find_missing(plan: Plan, known: Known) -> Missing:
    """Tell which photos are gone; those in folders that could not be listed stay."""
    roots = {str(root) for root in plan.roots}
    blind = {str(item.path) for item in plan.unseen}
    missing = {
        path: stamp.id
        for path, stamp in known.stamps.items()
        if path not in plan.seen and is_within(path, roots)
    }
    gone = tuple(photo_id for path, photo_id in missing.items() if not is_within(path, blind))
    skips = tuple(
        path
        for path in known.skips
        if path not in plan.seen and is_within(path, roots) and not is_within(path, blind)
    )
    unseen = tuple(
        item
        for item in plan.unseen
        if not item.empty or any(is_within(path, {str(item.path)}) for path in missing)
    )
    return Missing(gone, skips, IndexReport(kept=len(missing) - len(gone), unseen=unseen))


def mounts_above(files: Iterable[PhotoFile]) -> set[str]:
    """Return the mount points that files lie beneath."""
    folders: set[str] = set()
    for file in files:
        for folder in map(str, file.path.parents):
            if folder in folders:
                break
            folders.add(folder)
    return {folder for folder in folders if _is_mount(folder)}


def is_gone(path: str, mounts: Iterable[str]) -> bool:
    """Tell whether a file is surely not there: not where a disk is unmounted or fails."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return not any(is_within(path, {mount}) and not _is_mount(mount) for mount in mounts)
    except OSError:
        return False
    return False


def is_same(stamp: Stamp | SkipStamp | None, file: PhotoFile) -> bool:
    """Tell whether a file has the size and mtime that are known of it."""
    return stamp is not None and (stamp.size, stamp.mtime_ns) == (file.size, file.mtime_ns)


def _is_mount(folder: str) -> bool:
    # a link to a mount point stands for it; `ismount` itself says no to every link
    return os.path.ismount(os.path.realpath(folder))


def _why_not(file: PhotoFile, known: Known) -> str | None:
    # the reason is empty for what is simply no photo
    skip = known.skips.get(str(file.path))
    if skip is not None and is_same(skip, file) and skip.decoder == known.decoder:
        return skip.reason
    try:
        str(file.path).encode()
    except UnicodeEncodeError:  # SQLite keeps text as UTF-8
        return "its name is not valid UTF-8: rename the file"
    return None


def _unmounted(roots: Collection[Path], mounts: Iterable[str]) -> list[Unseen]:
    reason = "its disk is not mounted"
    folders = {str(root) for root in roots}
    return [
        Unseen(Path(mount), reason, empty=True)
        for mount in sorted(mounts)
        if is_within(mount, folders) and not _is_mount(mount)
    ]

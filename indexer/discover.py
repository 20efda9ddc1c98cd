"""Folders to the files that may be photos. Opens none of them: knows names, sizes and times."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import PathNotFoundError, UsageError
from indexer.files import absolute
from indexer.ignore import IGNORE_FILE, Rules
from indexer.records import PhotoFile, Unseen
from indexer.sidecars import SUFFIXES, claimed_by, sidecar_names, sidecars_of, stamp_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from indexer.records import FileStamp

SYSTEM_FOLDERS = frozenset(
    {"@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
)


def discover(roots: Sequence[Path], *, exclude: Sequence[str] = ()) -> Iterator[PhotoFile | Unseen]:
    """List every regular file under `roots` that may be a photo, and every folder left unread.

    Hidden files, system folders and what `.sightseekignore` files or `exclude` (gitignore's rules,
    relative to each root) name are left out, except a root itself. Links are followed: a file
    is listed once, under its real path where that is inside the roots.

    Raises PathNotFoundError for a missing root and UsageError for an impossible one or a malformed
    pattern, both before anything is listed.
    """
    _check_patterns(exclude)
    wanted = [absolute(root) for root in roots]
    unseen = [note for root in wanted if (note := _check_root(root))]
    lost = {note.path for note in unseen}
    seen = [root for root in dict.fromkeys(wanted) if root not in lost]
    return _Walk(exclude).run(seen, unseen)


def _check_patterns(exclude: Sequence[str]) -> None:
    try:
        Rules.parse(exclude, base="")
    except ValueError as error:
        raise UsageError(f"--exclude has a malformed pattern: {_one_line(error)}") from error


def _check_root(root: Path) -> Unseen | None:
    try:
        mode = root.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PathNotFoundError(
            f"There is nothing at {root}. Check its spelling, and that its disk is mounted."
        ) from error
    except OSError as error:
        return Unseen(root, _why(error))
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise UsageError(f"{root} is neither a file nor a folder: name photos or folders of photos")
    return None


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to enter, with the rules that hold in it: the strongest first."""

    path: str
    exclude: tuple[Rules, ...]
    rules: tuple[Rules, ...] = ()

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        for rules in (*self.exclude, *self.rules):
            verdict = rules.verdict(path, is_folder=is_folder)
            if verdict is not None:
                return verdict
        return False


@dataclass(slots=True)
class _Listing:
    """One folder's entries by kind, hidden and system ones left out."""

    files: list[os.DirEntry[str]] = field(default_factory=list)
    folders: list[os.DirEntry[str]] = field(default_factory=list)
    links: list[os.DirEntry[str]] = field(default_factory=list)
    is_empty: bool = True
    has_rules: bool = False


_Identity = tuple[int, int]  # st_dev, st_ino


class _Walk:
    """One walk over all roots: remembers what it has entered and listed."""

    def __init__(self, exclude: Sequence[str]) -> None:
        self._exclude = exclude
        self._entered: set[_Identity] = set()
        self._listed: set[_Identity] = set()
        self._linked_files: list[tuple[_Identity, PhotoFile]] = []
        self._linked_folders: list[_Folder] = []

    def run(self, roots: Sequence[Path], unseen: Iterable[Unseen]) -> Iterator[PhotoFile | Unseen]:
        yield from unseen
        # real roots before links to them, so that a photo goes by its real path
        for root in sorted(roots, key=_is_linked):
            if root.is_dir():
                yield from self._descend(self._root_folder(str(root)), is_root=True)
        yield from self._named_files([root for root in roots if not root.is_dir()])
        while self._linked_folders or self._linked_files:
            yield from self._follow_links()

    def _root_folder(self, path: str) -> _Folder:
        return _Folder(path, (Rules.parse(self._exclude, base=path),) if self._exclude else ())

    def _descend(self, top: _Folder, *, is_root: bool = False) -> Iterator[PhotoFile | Unseen]:
        pending = [top]
        while pending:
            folder = pending.pop()
            try:
                if not self._enter(folder.path):
                    continue
                listing = _list(folder.path)
                folder = _with_rules(folder) if listing.has_rules else folder
            except (OSError, ValueError) as error:
                yield Unseen(Path(folder.path), _why(error))
                continue
            if listing.is_empty and is_root and folder.path == top.path:
                yield Unseen(Path(folder.path), "is empty: is a disk not mounted?", empty=True)
            yield from self._files(folder, listing)
            pending.extend(
                _Folder(entry.path, folder.exclude, folder.rules)
                for entry in reversed(listing.folders)
                if not folder.ignores(entry.path, is_folder=True)
            )

    def _enter(self, path: str) -> bool:
        identity = _identity(os.stat(path))  # noqa: PTH116 - a Path for every folder is slow
        if identity in self._entered:
            return False
        self._entered.add(identity)
        return True

    def _files(self, folder: _Folder, listing: _Listing) -> Iterator[PhotoFile | Unseen]:
        sides = {
            entry.name: entry
            for entry in (*listing.files, *listing.links)
            if entry.name.endswith(SUFFIXES)
        }
        entries = (*listing.files, *listing.links) if sides else ()
        claimed = claimed_by(entry.name for entry in entries)
        failures = []
        for entry in listing.files:
            if entry.name in claimed or folder.ignores(entry.path, is_folder=False):
                continue
            try:
                status = entry.stat()
            except FileNotFoundError:  # removed since its folder was listed
                continue
            except OSError as error:
                failures.append(_why(error))
                continue
            self._listed.add(_identity(status))
            yield _photo_file(entry, status, sides, folder)
        for entry in listing.links:
            if entry.name not in claimed:
                yield from self._put_off(folder, entry, sides)
        if failures:
            count = "one of its files" if len(failures) == 1 else f"{len(failures)} of its files"
            yield Unseen(Path(folder.path), f"{count} could not be examined: {failures[0]}")

    def _put_off(
        self, folder: _Folder, entry: os.DirEntry[str], sides: Mapping[str, os.DirEntry[str]]
    ) -> Iterator[Unseen]:
        """Keep a link until every real file is known."""
        try:
            status = entry.stat()
        except OSError as error:
            # perhaps to a disk that is not mounted: nothing to report unless photos came from it
            yield Unseen(Path(entry.path), f"is a link that fails: {_why(error)}", empty=True)
            return
        is_folder = stat.S_ISDIR(status.st_mode)
        if folder.ignores(entry.path, is_folder=is_folder):
            return
        if is_folder:
            self._linked_folders.append(_Folder(entry.path, folder.exclude, folder.rules))
        elif stat.S_ISREG(status.st_mode):
            found = _photo_file(entry, status, sides, folder)
            self._linked_files.append((_identity(status), found))

    def _follow_links(self) -> Iterator[PhotoFile | Unseen]:
        folders = sorted(self._linked_folders, key=lambda folder: folder.path)
        files = sorted(self._linked_files, key=lambda pair: pair[1].path)
        self._linked_folders, self._linked_files = [], []
        for folder in folders:
            yield from self._descend(folder)
        for identity, found in files:
            if identity not in self._listed:
                self._listed.add(identity)
                yield found

    def _named_files(self, files: Sequence[Path]) -> Iterator[PhotoFile]:
        photos = [path for path in files if path.suffix not in SUFFIXES]
        claimed = {path.with_name(side) for path in photos for side in sidecar_names(path.name)}
        for path in sorted(set(files) - claimed):
            found = stamp_of(path)
            if found is None or self._excluded(path):
                continue
            status, stamp = found
            photo = PhotoFile(path, stamp.size, stamp.mtime_ns, sidecars_of(path))
            if path.is_symlink():
                self._linked_files.append((_identity(status), photo))
            elif _identity(status) not in self._listed:
                self._listed.add(_identity(status))
                yield photo

    def _excluded(self, path: Path) -> bool:
        return self._root_folder(str(path.parent)).ignores(str(path), is_folder=False)


def _list(path: str) -> _Listing:
    listing = _Listing()
    with os.scandir(path) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            listing.is_empty = False
            if entry.name.startswith(".") or entry.name in SYSTEM_FOLDERS:
                listing.has_rules = listing.has_rules or entry.name == IGNORE_FILE
            elif entry.is_symlink():
                listing.links.append(entry)
            elif entry.is_dir():
                listing.folders.append(entry)
            elif entry.is_file():
                listing.files.append(entry)
    return listing


def _with_rules(folder: _Folder) -> _Folder:
    try:
        rules = Rules.read(folder.path)
    except (OSError, ValueError) as error:
        # not entered: what the user wanted left out cannot be told from the rest
        raise ValueError(f"its {IGNORE_FILE} cannot be read: {_why(error)}") from error
    return _Folder(folder.path, folder.exclude, (rules, *folder.rules))


def _photo_file(
    entry: os.DirEntry[str],
    status: os.stat_result,
    sides: Mapping[str, os.DirEntry[str]],
    folder: _Folder,
) -> PhotoFile:
    # a name that is not UTF-8 is listed all the same: the catalog decides what it can hold
    path = Path(entry.path)
    own = _sidecars(entry.name, sides, folder) if sides else ()
    return PhotoFile(path, status.st_size, status.st_mtime_ns, own)


def _sidecars(
    name: str, sides: Mapping[str, os.DirEntry[str]], folder: _Folder
) -> tuple[FileStamp, ...]:
    found = (sides[side].path for side in sidecar_names(name) if side in sides)
    kept = (path for path in found if not folder.ignores(path, is_folder=False))
    return tuple(side[1] for side in map(stamp_of, map(Path, kept)) if side)


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino


def _is_linked(path: Path) -> bool:
    return os.path.realpath(path) != str(path)


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return _one_line(error)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())

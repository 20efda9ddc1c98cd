"""Photo names to photos. Compares names only: no file is opened, no link is followed."""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from indexer.decode.formats import PHOTO_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    _Index: TypeAlias = dict[str, tuple[int, ...]]  # a name -> the photos that go by it

_UNTIDY = re.compile(r"^\.{1,2}(?:/|$)|/\.{0,2}(?:/|$)")  # `./`, `../`, `//`, a slash at the end
_DRIVE = re.compile(r"[A-Za-z]:/")


@dataclass(frozen=True, slots=True)
class Match:
    """The photos that a name may mean: none, one, or several."""

    photo_ids: tuple[int, ...] = ()

    @property
    def photo_id(self) -> int | None:
        """The photo, where there is exactly one."""
        return self.photo_ids[0] if len(self.photo_ids) == 1 else None

    @property
    def is_ambiguous(self) -> bool:
        """Several photos go by the name, and nothing says which is meant."""
        return len(self.photo_ids) > 1


def has_photo_suffix(name: str) -> bool:
    """Whether `name` ends as photos' names do."""
    return posixpath.splitext(name)[1].lower() in PHOTO_SUFFIXES


class PhotoNames:
    """The names that each photo of a library goes by.

    `photos` are (id, absolute path); `roots` are the folders indexed by this run. Names are
    compared NFC-normalised, with `/` for separators; case counts, except on Windows.
    """

    def __init__(self, photos: Iterable[tuple[int, Path]], *, roots: Sequence[Path]) -> None:
        folders = {_absolute(root) for root in roots}
        keyed = [(photo_id, _key(str(path))) for photo_id, path in photos]
        self._near: list[tuple[int, str]] = []  # this run's photos: their names come first
        self._far: list[tuple[int, str]] = []
        for photo in keyed:
            (self._near if _is_beneath(photo[1], folders) else self._far).append(photo)
        self._paths: dict[bool, _Index] = {False: _index(keyed)}  # without suffixes where True
        self._tails: dict[tuple[int, bool], _Index] = {}  # by how many components, likewise
        self._roots = sorted(folders - self._paths[False].keys())  # a root may be a single photo
        self._folders: dict[Path, str] = {}  # of captions files

    def match(self, image: str, *, captions_file: Path) -> Match:
        """Find the photos that `image`, as a row of `captions_file` writes it, names.

        Looks for an absolute path, a path from the captions file's folder, a path from the
        roots, then the last components of a photo's path: beneath the roots, then anywhere. A
        name that gives folders never matches a photo in other folders. A name without a photo's
        suffix may stand for a name with one.
        """
        name = _key(image)
        if name in ("", ".", "/"):
            return Match()
        found = self._find(name, captions_file, bare=False)
        if not found and not has_photo_suffix(name):
            found = self._find(name, captions_file, bare=True)
        return Match(found)

    def _find(self, name: str, captions_file: Path, *, bare: bool) -> tuple[int, ...]:
        paths = self._paths_index(bare=bare)
        if name.startswith("/") or _DRIVE.match(name):
            return paths.get(name, ())
        return (
            paths.get(_join(self._folder_of(captions_file), name), ())
            or self._beneath_roots(name, paths)
            or self._tails_index(name.count("/") + 1, bare=bare).get(name, ())
        )

    def _beneath_roots(self, name: str, paths: _Index) -> tuple[int, ...]:
        if len(self._roots) == 1:
            return paths.get(_join(self._roots[0], name), ())
        found = (paths.get(_join(root, name), ()) for root in self._roots)
        return tuple(dict.fromkeys(photo_id for ids in found for photo_id in ids))

    def _folder_of(self, captions_file: Path) -> str:
        folder = self._folders.get(captions_file)
        if folder is None:
            folder = self._folders[captions_file] = _absolute(captions_file.parent)
        return folder

    def _paths_index(self, *, bare: bool) -> _Index:
        if bare not in self._paths:
            self._paths[bare] = _index(_without_suffixes([*self._near, *self._far]))
        return self._paths[bare]

    def _tails_index(self, length: int, *, bare: bool) -> _Index:
        if (length, bare) not in self._tails:
            near, far = self._near, self._far
            if bare:
                near, far = [*_without_suffixes(near)], [*_without_suffixes(far)]
            tails = _index(_tails(far, length))
            tails.update(_index(_tails(near, length)))
            self._tails[length, bare] = tails
        return self._tails[length, bare]


def _key(name: str) -> str:
    """Put a name in the one form that all names are compared in."""
    key = os.path.normcase(name.strip()).replace("\\", "/")
    if not key.isascii():
        key = unicodedata.normalize("NFC", key)
    if key.startswith("~/"):
        key = os.path.expanduser(key).replace("\\", "/")  # noqa: PTH111  (text, not a path)
    # normpath is the dearest step here, and most names are tidy
    return posixpath.normpath(key) if _UNTIDY.search(key) else key


def _absolute(folder: Path) -> str:
    return _key(os.path.abspath(folder))  # noqa: PTH100  (resolve() would follow links)


def _join(folder: str, name: str) -> str:
    path = f"{folder}/{name}" if folder != "/" else f"/{name}"
    return posixpath.normpath(path) if name.startswith("..") else path


def _is_beneath(path: str, folders: set[str]) -> bool:
    """Whether `path` or a folder above it is one of `folders`, in as many steps as it is deep."""
    while path not in folders:
        above = posixpath.dirname(path)
        if above == path:
            return False
        path = above
    return True


def _tails(photos: Iterable[tuple[int, str]], length: int) -> Iterator[tuple[int, str]]:
    """Give the last `length` components of each path that has more."""
    for photo_id, path in photos:
        parts = path.rsplit("/", length)
        if len(parts) > length:
            yield photo_id, path[len(parts[0]) + 1 :]


def _without_suffixes(photos: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for photo_id, path in photos:
        yield photo_id, posixpath.splitext(path)[0] if has_photo_suffix(path) else path


def _index(photos: Iterable[tuple[int, str]]) -> _Index:
    index: _Index = {}
    several: dict[str, list[int]] = {}  # apart, so that a name of 100,000 photos costs no more
    for photo_id, key in photos:
        first = index.setdefault(key, (photo_id,))
        if first[0] != photo_id:
            several.setdefault(key, list(first)).append(photo_id)
    index.update((key, tuple(ids)) for key, ids in several.items())
    return index

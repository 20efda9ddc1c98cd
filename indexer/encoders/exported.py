"""The bundles that were made of open_clip's models on this machine. Knows not how they are made.

`bundles/KEY-N` in the cache is one, where N counts the ways in which bundles were made so far;
`KEY-N.json` says why a model cannot become one by a version of torch. A folder has its name only
once it is whole.
"""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from indexer.encoders.manifest import MANIFEST, Manifest
from indexer.errors import BundleError, ExportError, ModelError
from indexer.files import replacing, sha256_of
from indexer.places import cache_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MADE_BY = 3  # grows whenever bundles come out differently


def find(key: str) -> Path | None:
    """Find the bundle of a model; raises ExportError where it was found that there can be none."""
    folder = _folder(key)
    if (folder / MANIFEST).is_file():
        return folder
    try:
        refusal = json.loads(folder.with_suffix(".json").read_text("utf-8"))
        reason, by = str(refusal["reason"]), refusal["torch"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if by != version("torch"):  # another one may export what this one could not
        return None
    raise ExportError(reason)


def find_named(name: str) -> Path | None:
    """Find the newest bundle of the model that goes by a name: its weights may be gone."""
    named = [folder for folder, manifest in listed() if manifest.name == name]
    return max(named, key=lambda folder: (folder / MANIFEST).stat().st_mtime_ns, default=None)


def listed() -> Iterator[tuple[Path, Manifest]]:
    """Give all bundles that this version made, those that are damaged left out."""
    for path in sorted(_home().glob(f"*-{MADE_BY}/{MANIFEST}")):
        try:
            yield path.parent, Manifest.read(path.parent)
        except BundleError:
            continue


def make(key: str, write: Callable[[Path], object]) -> Path:
    """Let `write` fill a folder, unless there is a whole bundle by now; give the bundle.

    Raises what `write` raises, ExportError for the model's sake remembered; and ModelError where
    the cache cannot be written.
    """
    from filelock import FileLock  # who only finds bundles needs no lock

    with _writable():
        _home().mkdir(parents=True, exist_ok=True)
        with FileLock(_folder(key).with_suffix(".lock")):
            if (found := find(key)) is not None and is_whole(found):
                return found
            return _made(key, write)


def is_whole(folder: Path) -> bool:
    """Tell whether a bundle's files are those that its manifest names."""
    try:
        digests = Manifest.read(folder).digests
        return all(sha256_of(folder / name) == digest for name, digest in digests.items())
    except (BundleError, OSError):
        return False


def _made(key: str, write: Callable[[Path], object]) -> Path:
    folder = _folder(key)
    beside = folder.with_suffix(".tmp")
    shutil.rmtree(beside, ignore_errors=True)  # what a crash left behind
    shutil.rmtree(folder, ignore_errors=True)  # it is damaged
    beside.mkdir()
    try:
        write(beside)
        beside.rename(folder)
    except ExportError as error:
        with replacing(folder.with_suffix(".json")) as path:
            refusal = {"reason": str(error), "torch": version("torch")}
            path.write_text(json.dumps(refusal), "utf-8")
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


@contextmanager
def _writable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"{_home()} cannot be written: {error.strerror or error}. Free some space there, or "
            "set XDG_CACHE_HOME to a folder that can be written."
        ) from error


def _home() -> Path:
    return cache_path() / "bundles"


def _folder(key: str) -> Path:
    return _home() / f"{key}-{MADE_BY}"

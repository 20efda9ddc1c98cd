"""An open_clip model's weights as a file on disk, and their digest. Knows not what is in them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.encoders.names import require_pair
from indexer.encoders.presets import PICKLE, PRESETS, SAFETENSORS
from indexer.errors import CheckpointError, HubError, UnknownModelError
from indexer.files import replacing, sha256_of

if TYPE_CHECKING:
    from indexer.encoders.download import Progress
    from indexer.encoders.hub import Hub

MEMORY = "digests.json"

_LFS = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where weights come from: the first of `files` that a hub's repository has."""

    repository: str
    files: tuple[str, ...]


def source_of(architecture: str, tag: str) -> Source:
    """Find where open_clip has the weights of a pair; raises UnknownModelError.

    Imports open_clip (6 s) unless the pair is a preset's.
    """
    for preset in PRESETS:
        if (preset.architecture, preset.tag) == (architecture, tag):
            return Source(preset.repository, preset.files)
    require_pair(architecture, tag)
    import open_clip

    place = open_clip.get_pretrained_cfg(architecture, tag).get("hf_hub", "")
    repository, _, file = place.rpartition("/")
    if not repository:
        raise UnknownModelError(
            f"open_clip has {architecture}/{tag} on no hub. Download its weights by hand and name "
            f"them as {architecture}/FILE."
        )
    return Source(repository, _safest_first(file))


def cached(source: Source, *, hub: Hub | None = None) -> Path | None:
    """Find weights in the hub's cache, at once and without a network."""
    hub = hub or _hub()
    for file in source.files:
        if (path := hub.cached(source.repository, file)) is not None:
            return path
    return None


def fetch(
    source: Source,
    on_progress: Progress | None = None,
    *,
    hub: Hub | None = None,
    memory: Path | None = None,
) -> Path:
    """Give the file with the weights, downloaded where it must be, its digest verified.

    `on_progress` is told the bytes that are there and those of the whole, and never where nothing
    is downloaded. `memory` is where digests are remembered. Raises HubError.
    """
    hub = hub or _hub()
    path = hub.fetch(source.repository, source.files, on_progress=on_progress)
    digest(path, memory=memory)
    return path


def fetch_file(repository: str, file: str, *, hub: Hub | None = None) -> Path:
    """Give a small file of a hub's repository, such as a tokenizer's; raises HubError.

    Files of one repository lie in one folder, which open_clip and transformers take for it.
    """
    return (hub or _hub()).fetch(repository, (file,))


def digest(path: Path, *, memory: Path | None = None) -> str:
    """Give the SHA-256 of a file with weights, computed once for its size and time.

    Raises HubError where a file of the hub's cache is not what it is called, and deletes it.
    """
    memory = memory or _memory()
    try:
        blob = path.resolve()
        status = blob.stat()
        known = _remembered(memory)
        facts = [status.st_size, status.st_mtime_ns]
        entry = known.get(str(blob))
        if entry is not None and entry[:2] == facts:
            return str(entry[2])
        found = sha256_of(blob)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read: {error.strerror or error}. Check the path of the weights."
        ) from error
    if _LFS.fullmatch(blob.name) and blob.name != found:
        blob.unlink()
        raise HubError(
            f"{path} was damaged since it was downloaded, and was deleted. Run the same again to "
            "download it anew."
        )
    _remember(memory, known | {str(blob): [*facts, found]})
    return found


def _safest_first(file: str) -> tuple[str, ...]:
    """Put safetensors before pickles, as open_clip does."""
    if file in ("", PICKLE):
        return (SAFETENSORS, PICKLE)
    if file.endswith((".bin", ".pth")):
        return (f"{file[:-4]}.safetensors", file)
    return (file,)


def _hub() -> Hub:
    from indexer.encoders.hub import Hub  # with all that speaks HTTP: files of one's own need none

    return Hub.from_environment()


def _memory() -> Path:
    from indexer.places import cache_path

    return cache_path() / MEMORY


def _remembered(memory: Path) -> dict[str, list[object]]:
    try:
        known = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {
        path: entry for path, entry in known.items() if isinstance(entry, list) and len(entry) == 3
    }


def _remember(memory: Path, known: dict[str, list[object]]) -> None:
    there = {path: entry for path, entry in known.items() if Path(path).is_file()}
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with replacing(memory) as beside:
            beside.write_text(json.dumps(there, indent=1), "utf-8")
    except OSError:
        return  # it is computed again next time

"""How fast models were on this machine when they last indexed. Measures nothing itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from indexer.files import replacing
from indexer.places import cache_path

if TYPE_CHECKING:
    from pathlib import Path

    from indexer.records import Space

ENOUGH = 50  # photos; fewer are over before a model has warmed up


def remember(space: Space, device: str, *, photos: int, images_per_second: float) -> None:
    """Keep the rate of a run, photos decoded, encoded and committed, if it was long enough."""
    if photos < ENOUGH:
        return
    path = _file()
    known = _read(path)
    known.setdefault(space.weights_digest, {})[device] = round(images_per_second, 1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            beside.write_text(json.dumps(known, indent=1), "utf-8")
    except OSError:
        return  # it is measured again next time


def known_speeds(weights_digest: str) -> dict[str, float]:
    """Give a model's images per second, by device."""
    return _read(_file()).get(weights_digest, {})


def _read(path: Path) -> dict[str, dict[str, float]]:
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    sound = isinstance(known, dict) and all(isinstance(each, dict) for each in known.values())
    return known if sound else {}


def _file() -> Path:
    return cache_path() / "speeds.json"

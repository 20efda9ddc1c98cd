"""What a base bundle's frozen towers say of photos and texts, encoded once and kept on disk.

Heads read the outputs that a tower calls `features.` and so on, or its embeddings if it has none.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from indexer.decode.photo import decode, decoders, read_photo
from indexer.encoders.bundle import EMBEDDINGS
from indexer.encoders.manifest import IMAGE_TOWER
from indexer.errors import DecodeError
from indexer.files import replacing
from indexer.records import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from indexer.encoders.bundle import BundleEncoder
    from indexer.records import Pixels, Vectors
    from indexer.training.collection import TrainingPhoto
    from indexer.training.views import View

    Outputs: TypeAlias = dict[str, Vectors]  # by the output's name; a row for each input
    OnProgress: TypeAlias = Callable[[Progress], None]

PREFIX = "features."
AT_ONCE = 32  # photos held in memory
SHARDS = 16  # files that a stage's features are kept in; an interrupted run loses one
TEXTS = "texts"
VERSION = 1  # of the views and of what is done to photos: another one makes all anew
LARGEST = float(np.finfo(np.float16).max)
ROOM = 1.5  # times the size that the model wants, so that crops keep their detail


def feature_names(outputs: Sequence[str]) -> tuple[str, ...]:
    """Choose the outputs that heads read."""
    chosen = tuple(sorted(name for name in outputs if name.startswith(PREFIX)))
    return chosen or (EMBEDDINGS,)


@dataclass(frozen=True, slots=True)
class FeatureCache:
    """Where outputs are kept, by the weights that made them and by what they were made of."""

    encoder: BundleEncoder
    folder: Path
    on_progress: OnProgress | None = None

    def photos(
        self, photos: Sequence[TrainingPhoto], view: View, names: Sequence[str]
    ) -> tuple[Outputs, list[int]]:
        """Encode a view of each photo; `(n, width)` each, and the rows that cannot be decoded."""

        def encode(rows: Sequence[int]) -> Outputs:
            return self._encode_photos([photos[row] for row in rows], view, names)

        keys = [photo.content_hash for photo in photos]
        made = self._sharded(keys, names, f"photos ({view.name})", encode)
        lost = np.flatnonzero(~np.isfinite(made[names[0]]).all(axis=1))
        return made, lost.tolist()

    def texts(self, texts: Sequence[str], names: Sequence[str]) -> Outputs:
        """Encode texts; `(n, width)` each."""

        def encode(rows: Sequence[int]) -> Outputs:
            return self.encoder.text_outputs([texts[row] for row in rows], names)

        return self._sharded([text.encode() for text in texts], names, TEXTS, encode)

    def _sharded(
        self,
        keys: Sequence[bytes],
        names: Sequence[str],
        stage: str,
        encode: Callable[[Sequence[int]], Outputs],
    ) -> Outputs:
        shards: list[list[int]] = [[] for _ in range(SHARDS)]
        for row, key in enumerate(keys):
            shards[hashlib.sha256(key).digest()[0] % SHARDS].append(row)
        found: Outputs = {}
        done = 0
        for rows in filter(None, shards):
            for name, values in self._shard(
                [keys[row] for row in rows], names, stage, rows, encode
            ):
                if name not in found:
                    found[name] = np.empty((len(keys), values.shape[1]), np.float32)
                found[name][rows] = values
            done += len(rows)
            if self.on_progress is not None:
                self.on_progress(Progress(stage, done, len(keys)))
        return found

    def _shard(
        self,
        keys: Sequence[bytes],
        names: Sequence[str],
        stage: str,
        rows: Sequence[int],
        encode: Callable[[Sequence[int]], Outputs],
    ) -> Iterator[tuple[str, Vectors]]:
        digest = hashlib.sha256(repr((*names, stage, *keys)).encode()).hexdigest()[:32]
        path = self.folder / self._tower(stage) / f"{digest}.npz"
        kept = _read(path)
        outputs = _rounded(encode(rows)) if kept is None else kept
        if kept is None or _found_again(outputs, rows, encode):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as beside, beside.open("wb") as file:
                np.savez(file, allow_pickle=False, **outputs)
        for name in names:
            yield name, outputs[name].astype(np.float32)

    def _tower(self, stage: str) -> str:
        """Name all that decides what a tower says, so that another's words are never taken."""
        manifest = self.encoder.manifest
        images = stage != TEXTS
        files = (
            [IMAGE_TOWER] if images else [f for f in manifest.encoding_files if f != IMAGE_TOWER]
        )
        decoding = (VERSION, ROOM, decoders(), manifest.image)
        settings = decoding if images else (manifest.text, manifest.second_text)
        told = repr(([manifest.digests[file] for file in files], settings))
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    def _encode_photos(
        self, photos: Sequence[TrainingPhoto], view: View, names: Sequence[str]
    ) -> Outputs:
        parts: list[Outputs] = []
        for start in range(0, len(photos), AT_ONCE):
            pixels = [self._pixels(photo, view) for photo in photos[start : start + AT_ONCE]]
            sound = [row for row, each in enumerate(pixels) if each is not None]
            given = self.encoder.image_outputs([p for p in pixels if p is not None], names)
            part = {
                name: np.full((len(pixels), rows.shape[1]), np.nan, np.float32)
                for name, rows in given.items()
            }
            for name, rows in given.items():
                part[name][sound] = rows
            parts.append(part)
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    def _pixels(self, photo: TrainingPhoto, view: View) -> Pixels | None:
        side = round(self.encoder.image_size * ROOM)
        try:
            image = decode(read_photo(photo.path), path=photo.path, min_side=side).image
        except DecodeError:
            return None
        return self.encoder.preprocess(view(image, photo.content_hash))


def _found_again(
    outputs: dict[str, npt.NDArray[np.float16]],
    rows: Sequence[int],
    encode: Callable[[Sequence[int]], Outputs],
) -> bool:
    """Encode anew what could not be decoded, and tell whether any of it can be now."""
    missing = ~np.isfinite(next(iter(outputs.values()))).all(axis=1)
    if not missing.any():
        return False
    again = _rounded(encode([rows[place] for place in np.flatnonzero(missing).tolist()]))
    for name, values in again.items():
        outputs[name][missing] = values
    return any(np.isfinite(values).any() for values in again.values())


def _rounded(outputs: Outputs) -> dict[str, npt.NDArray[np.float16]]:
    """Round before the first use, so that the second run gives what the first gave."""
    return {
        name: np.clip(rows, -LARGEST, LARGEST).astype(np.float16) for name, rows in outputs.items()
    }


def _read(path: Path) -> dict[str, npt.NDArray[np.float16]] | None:
    """Read what was kept; what cannot be read is made again."""
    try:
        with np.load(path) as kept:
            return dict(kept)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None

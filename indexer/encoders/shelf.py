"""What models there are and what of them is on this machine. Loads none, asks no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.encoders import exported
from indexer.encoders.manifest import Manifest
from indexer.encoders.names import BUILTIN, Pair
from indexer.encoders.presets import PRESETS
from indexer.encoders.registry import BUILTIN_FOLDER
from indexer.encoders.speeds import known_speeds
from indexer.encoders.zoo import find_local_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from indexer.encoders.presets import Preset


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What there is to know of a model before it is loaded."""

    name: str
    description: str
    languages: str
    licence: str
    dim: int
    image_size: int  # pixels
    download_bytes: int | None = None  # None where it is not known, or nothing has to be
    weights: Path | None = None  # open_clip's, in the hub's cache
    bundle: Path | None = None  # for a CPU
    precision: str | None = None  # of the bundle's towers
    speeds: Mapping[str, float] | None = None  # images per second when it last indexed, by device

    @property
    def is_here(self) -> bool:
        """Whether it runs without a network."""
        return self.weights is not None or self.bundle is not None

    @property
    def weights_bytes(self) -> int | None:
        """What the weights take on disk."""
        return self.weights.stat().st_size if self.weights else None

    @property
    def bundle_bytes(self) -> int | None:
        """What the bundle takes on disk."""
        return _size(self.bundle) if self.bundle else None


def known_models() -> tuple[ModelInfo, ...]:
    """Describe the built-in model, the presets, and whatever else became a bundle here."""
    bundles = {manifest.name: (folder, manifest) for folder, manifest in exported.listed()}
    presets = [_preset(preset, bundles.pop(preset.name, None)) for preset in PRESETS]
    others = [_bundle(name, *found) for name, found in sorted(bundles.items())]
    return (_bundle(BUILTIN, BUILTIN_FOLDER, Manifest.read(BUILTIN_FOLDER)), *presets, *others)


def _bundle(name: str, folder: Path, manifest: Manifest) -> ModelInfo:
    return ModelInfo(
        name=name,
        description=manifest.description,
        languages="English and Chinese" if name == BUILTIN else "",
        licence=manifest.licence,
        dim=manifest.dim,
        image_size=manifest.image.size,
        bundle=folder,
        precision=_precision(manifest),
        speeds=known_speeds(manifest.weights_digest),
    )


def _preset(preset: Preset, bundle: tuple[Path, Manifest] | None) -> ModelInfo:
    folder, manifest = bundle or (None, None)
    return ModelInfo(
        name=preset.name,
        description=f"{preset.architecture}/{preset.tag} of open_clip, "
        f"{preset.parameters / 1e6:,.0f} million weights",
        languages=preset.languages,
        licence=preset.licence,
        dim=preset.dim,
        image_size=preset.image_size,
        download_bytes=preset.download_bytes,
        weights=find_local_weights(Pair(preset.architecture, preset.tag, preset)),
        bundle=folder,
        precision=_precision(manifest) if manifest else None,
        speeds=known_speeds(manifest.weights_digest) if manifest else None,
    )


def _precision(manifest: Manifest) -> str:
    return f"image {manifest.image_precision}, text {manifest.text_precision}"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_file())

"""Names to encoders. Knows which models there are, and nothing of how they run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.encoders.bundle import BundleEncoder
from indexer.encoders.manifest import Manifest
from indexer.errors import UnknownModelError

if TYPE_CHECKING:
    from indexer.encoders import Encoder

BUILTIN = "builtin"
BUILTIN_FOLDER = Path(__file__).parent / "builtin"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What there is to know of a model before it is loaded."""

    name: str
    dim: int
    image_size: int  # pixels
    bytes_on_disk: int
    precision: str  # of the image tower and of the text tower
    licence: str
    description: str


def load_encoder(name: str, *, threads: int | None = None) -> Encoder:
    """Load the encoder called `name`: `builtin`, or the path of a bundle's folder.

    Raises UnknownModelError for any other name and BundleError for a damaged bundle.
    """
    folder = bundle_folder(name)
    own_name = BUILTIN if name == BUILTIN else None
    return BundleEncoder.load(folder, name=own_name, threads=threads)


def bundle_folder(name: str) -> Path:
    """Find the folder of the bundle called `name`; raises UnknownModelError."""
    if name == BUILTIN:
        return BUILTIN_FOLDER
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder
    raise UnknownModelError(
        f"No model is called {name!r}. Use {BUILTIN!r} or the path of a bundle's folder "
        "(this version does not load open_clip models yet)."
    )


def is_known(name: str) -> bool:
    """Tell whether there is a model of that name, sound or not."""
    return name == BUILTIN or Path(name).expanduser().is_dir()


def known_models() -> tuple[ModelInfo, ...]:
    """Describe the models that can be loaded by name."""
    return (_describe(BUILTIN, BUILTIN_FOLDER),)


def _describe(name: str, folder: Path) -> ModelInfo:
    manifest = Manifest.read(folder)
    return ModelInfo(
        name=name,
        dim=manifest.dim,
        image_size=manifest.image.size,
        bytes_on_disk=sum((folder / file).stat().st_size for file in manifest.digests),
        precision=f"image {manifest.image_precision}, text {manifest.text_precision}",
        licence=manifest.licence,
        description=manifest.description,
    )

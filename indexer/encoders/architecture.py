"""What an open_clip model is made of besides weights: its configuration. Knows no torch.

A built-in architecture's configuration is read from open_clip's own files, without importing it
(6 s); `describe` imports it, since what its weights want of images stands in its code.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.encoders.names import Pair, require_architecture
from indexer.encoders.preprocess import Preprocessing
from indexer.errors import CheckpointError, UnknownModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.encoders.names import Checkpoint

RANDOM = "random"  # an interpolation for training; open_clip evaluates with bicubic


@dataclass(frozen=True, slots=True)
class Architecture:
    """How open_clip builds a model, and what the model wants of images and texts."""

    name: str  # open_clip's, or the path of a configuration
    content: Mapping[str, Any]  # `model_cfg`
    preprocessing: Preprocessing
    folder: Path | None = None  # of a configuration of one's own, with its tokenizer's files

    @property
    def text(self) -> Mapping[str, Any]:
        """`text_cfg`."""
        found: Mapping[str, Any] = self.content["text_cfg"]
        return found

    @property
    def context_length(self) -> int:
        """The tokens of a text, special ones included."""
        return int(self.text.get("context_length", 77))

    @property
    def preprocessing_digest(self) -> str:
        """SHA-256 over what is done to images and texts before the towers, in hex."""
        names = ("context_length", "hf_tokenizer_name", "tokenizer_mode", "tokenizer_kwargs")
        text = {name: self.text[name] for name in names if name in self.text}
        return _sha256({"image": asdict(self.preprocessing), "text": text})

    def weights_digest(self, file_digest: str) -> str:
        """SHA-256 over the configuration and the weights, in hex: what the towers compute.

        It is the same however the weights run: in torch, or in a bundle made of them.
        """
        return _sha256({"configuration": self.content, "weights": file_digest})


def bundle_key(name: Pair | Checkpoint, file_digest: str) -> str:
    """Tell bundles of different models apart, without importing open_clip; in hex.

    Raises UnknownModelError and CheckpointError where there is no such architecture.
    """
    config = _config(name)
    content = _built_in(name.architecture or "") if config is None else _own(config)
    tag = name.tag if isinstance(name, Pair) else None
    return _sha256({"configuration": content, "tag": tag, "weights": file_digest})[:32]


def describe(name: Pair | Checkpoint) -> Architecture:
    """Read what open_clip has on a model; raises UnknownModelError and CheckpointError."""
    from open_clip import get_pretrained_cfg

    config = _config(name)
    if config is not None:
        content = _own(config)
        wanted = content.get("preprocess_cfg") or {}
        return Architecture(
            str(config),
            content["model_cfg"],
            _preprocessing(content["model_cfg"], wanted, str(config)),
            config.parent,
        )
    architecture = name.architecture or ""
    content = _built_in(architecture)
    wanted = get_pretrained_cfg(architecture, name.tag) if isinstance(name, Pair) else {}
    return Architecture(architecture, content, _preprocessing(content, wanted, architecture))


def _config(name: Pair | Checkpoint) -> Path | None:
    """Give the path of a configuration of one's own, for an architecture without a name."""
    return None if isinstance(name, Pair) or name.architecture else name.config


def activation_advice(name: Pair | Checkpoint) -> str | None:
    """Say which architecture a pair's weights were trained with, where open_clip would warn."""
    from open_clip import get_pretrained_cfg, list_models

    if not isinstance(name, Pair):
        return None
    trained = bool(get_pretrained_cfg(name.architecture, name.tag).get("quick_gelu"))
    if trained == bool(_built_in(name.architecture).get("quick_gelu")):
        return None
    plain = name.architecture.removesuffix("-quickgelu")
    other = f"{plain}-quickgelu" if trained else plain
    instead = f" Use {other}/{name.tag} instead." if other in list_models() else ""
    return (
        f"The weights {name.architecture}/{name.tag} were trained with{'' if trained else 'out'} "
        f"QuickGELU, which {name.architecture} {'lacks' if trained else 'has'}: it will find "
        f"less.{instead}"
    )


def _built_in(architecture: str) -> dict[str, Any]:
    path = _configurations().get(architecture)
    if path is None:
        require_architecture(architecture)
        raise UnknownModelError(
            f"open_clip has no configuration of {architecture}. Reinstall it: "
            "pip install --force-reinstall open-clip-torch"
        )
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


@cache
def _configurations() -> dict[str, Path]:
    spec = find_spec("open_clip")  # does not import it
    places = spec.submodule_search_locations if spec else None
    folders = [Path(place) / "model_configs" for place in places or ()]
    return {path.stem: path for folder in folders for path in folder.glob("*.json")}


def _own(config: Path) -> dict[str, Any]:
    try:
        content = json.loads(config.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{config} cannot be read ({error}). Fetch it again.") from error
    parts = content.get("model_cfg") if isinstance(content, dict) else None
    if not isinstance(parts, dict) or not {"embed_dim", "vision_cfg", "text_cfg"} <= parts.keys():
        raise CheckpointError(
            f"{config} describes no open_clip model: it needs model_cfg with embed_dim, "
            "vision_cfg and text_cfg. Fetch it again from where the weights are from."
        )
    found: dict[str, Any] = content
    return found


def _preprocessing(
    content: Mapping[str, Any], wanted: Mapping[str, Any], name: str
) -> Preprocessing:
    """Give open_clip's defaults, under what the weights want, at the size of the image tower."""
    from open_clip.transform import PreprocessCfg

    settings = {**asdict(PreprocessCfg()), **{k: v for k, v in wanted.items() if v is not None}}
    size = content["vision_cfg"].get("image_size", 224)
    sizes = set(size) if isinstance(size, list | tuple) else {size}
    if len(sizes) > 1:
        raise CheckpointError(
            f"{name} wants images of {'x'.join(map(str, size))} pixels, which are not square: "
            "sightseek cannot use it. Name another model."
        )
    interpolation = settings["interpolation"]
    try:
        return Preprocessing(
            size=sizes.pop(),
            mean=tuple(map(float, settings["mean"])),  # type: ignore[arg-type]
            std=tuple(map(float, settings["std"])),  # type: ignore[arg-type]
            mode=settings["resize_mode"],
            interpolation="bicubic" if interpolation == RANDOM else interpolation,
            fill=settings["fill_color"],
        )
    except (ValueError, TypeError) as error:
        raise CheckpointError(
            f"The configuration of {name} asks for images that sightseek cannot make: {error}. "
            "Name another model."
        ) from error


def _sha256(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

"""What a model's name means. Knows where files lie, and nothing of what is in them.

A name is `builtin`, a preset, open_clip's `ARCH/PRETRAINED`, `ARCH/FILE` with a checkpoint of
one's own, a checkpoint beside its `open_clip_config.json` or the folder of both, or the folder of
a bundle. `builtin` and presets come first (`./clip` is a folder of that name), then what exists
on disk, then pairs.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from indexer.encoders.manifest import MANIFEST
from indexer.encoders.presets import PICKLE, PRESETS, SAFETENSORS, Preset, preset_called
from indexer.errors import UnknownModelError

if TYPE_CHECKING:
    from collections.abc import Iterable

BUILTIN = "builtin"
CONFIG = "open_clip_config.json"
ENDINGS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".npz")  # of files with weights

# in this order, as open_clip looks for them in a folder
_WEIGHTS = (
    SAFETENSORS, "open_clip_pytorch_model.safetensors", PICKLE, "open_clip_pytorch_model.pth",
    "model.safetensors", "pytorch_model.bin", "pytorch_model.pth", "model.pth",
)  # fmt: skip
_WORD = re.compile(r"[\w.+-]+")
_FORMS = (
    f"Use {BUILTIN}, {', '.join(preset.name for preset in PRESETS)}, an open_clip model as "
    "ARCH/PRETRAINED, a checkpoint as ARCH/FILE, or the path of a bundle"
)


@dataclass(frozen=True, slots=True)
class Builtin:
    """The bundle that ships."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle of one's own."""

    folder: Path


@dataclass(frozen=True, slots=True)
class Pair:
    """Weights that open_clip knows; whether there is such a pair, `require_pair` tells."""

    architecture: str
    tag: str
    preset: Preset | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file with weights, and where its architecture stands: a name or an open_clip config."""

    file: Path
    architecture: str | None = None
    config: Path | None = None


ModelName: TypeAlias = Builtin | Bundle | Pair | Checkpoint


def parse_name(name: str) -> ModelName:
    """Tell what a model's name means; UnknownModelError where it means nothing."""
    if name == BUILTIN:
        return Builtin()
    if preset := preset_called(name):
        return Pair(preset.architecture, preset.tag, preset)
    path = _expanded(name)
    if name and _is_folder(path):
        return _in_folder(path)
    if name and _is_file(path):
        return _beside_config(path)
    if name.startswith(("/", "./", "../", "~")):
        raise UnknownModelError(f"There is no file or folder {name}. Check the path of the model.")
    architecture, slash, rest = name.partition("/")
    if not (slash and _WORD.fullmatch(architecture) and rest):
        raise UnknownModelError(_unknown(name, (BUILTIN, *(preset.name for preset in PRESETS))))
    return _of_architecture(architecture, rest)


def require_architecture(architecture: str) -> None:
    """Raise UnknownModelError unless open_clip has that architecture."""
    import open_clip

    known = open_clip.list_models()
    if architecture not in known:
        raise UnknownModelError(
            f"open_clip has no architecture {architecture!r}.{_close(architecture, known)} "
            "`python -c 'import open_clip; print(open_clip.list_models())'` lists all."
        )


def require_pair(architecture: str, tag: str) -> None:
    """Raise UnknownModelError unless open_clip has weights `tag` of `architecture`."""
    import open_clip

    if open_clip.get_pretrained_cfg(architecture, tag):
        return
    pairs = ["/".join(pair) for pair in open_clip.list_pretrained()]
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if tags:
        known = ", ".join(tags)
        raise UnknownModelError(
            f"open_clip has no weights {tag!r} of {architecture}. It has {known}; "
            f"a file of your own is named {architecture}/FILE."
        )
    if architecture in open_clip.list_models():
        raise UnknownModelError(
            f"open_clip has the architecture {architecture} and no weights of it. "
            f"Name a file of your own as {architecture}/FILE."
        )
    name = f"{architecture}/{tag}"
    raise UnknownModelError(
        f"open_clip has no model {name!r}.{_close(name, pairs)} "
        "`python -c 'import open_clip; print(open_clip.list_pretrained())'` lists all."
    )


def _in_folder(folder: Path) -> ModelName:
    if _is_file(folder / MANIFEST):
        return Bundle(folder)
    config = folder / CONFIG
    if not _is_file(config):
        raise UnknownModelError(
            f"The folder {folder} holds no model: neither a bundle's {MANIFEST} nor {CONFIG}. "
            "Name another folder, or a checkpoint as ARCH/FILE."
        )
    for name in _WEIGHTS:
        if _is_file(folder / name):
            return Checkpoint(folder / name, config=config)
    others = sorted(path for path in folder.iterdir() if path.suffix in ENDINGS)
    if len(others) == 1:
        return Checkpoint(others[0], config=config)
    if not others:
        raise UnknownModelError(
            f"The folder {folder} has {CONFIG} and no weights. Put {SAFETENSORS} beside it."
        )
    raise UnknownModelError(
        f"The folder {folder} has several files with weights, among them {others[0].name} and "
        f"{others[1].name}. Name one of them."
    )


def _beside_config(file: Path) -> Checkpoint:
    config = file.with_name(CONFIG)
    if file.name in (CONFIG, MANIFEST):
        raise UnknownModelError(f"{file} describes a model. Name its folder, {file.parent}.")
    if not _is_file(config):
        raise UnknownModelError(
            f"The architecture of {file} is not known: no {CONFIG} lies beside it. "
            f"Name it as ARCH/FILE, for example ViT-B-32/{file}."
        )
    return Checkpoint(file, config=config)


def _of_architecture(architecture: str, rest: str) -> ModelName:
    path = _expanded(rest)
    if _is_file(path):
        return Checkpoint(path, architecture=architecture)
    if _is_folder(path) or path.suffix in ENDINGS or not _WORD.fullmatch(rest):
        raise UnknownModelError(
            f"There is no file {rest} with weights of {architecture}. Check its path."
        )
    return Pair(architecture, rest)


def _unknown(name: str, known: Iterable[str]) -> str:
    return f"No model is called {name!r}.{_close(name, known)} {_FORMS}."


def _close(name: str, known: Iterable[str]) -> str:
    spelled = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), spelled, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(spelled[each] for each in close)}?" if close else ""


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # there is no such user
        return Path(path)


# a Path raises where a name is too long, holds NUL or lies where one may not look
def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112

"""open_clip's models, each by what runs it best here: a bundle on a CPU, torch on a GPU.

Imports torch only where a model is not a bundle yet, or is to run on a GPU.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from indexer.encoders import exported
from indexer.encoders.architecture import activation_advice, bundle_key, describe
from indexer.encoders.bundle import BundleEncoder
from indexer.encoders.checkpoint import check_weights
from indexer.encoders.devices import choose_device
from indexer.encoders.manifest import Identity
from indexer.encoders.names import Pair
from indexer.encoders.weights import cached, digest, fetch, source_of
from indexer.errors import ExportError, ModelError
from indexer.records import Progress, Space

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from indexer.encoders import Encoder
    from indexer.encoders.architecture import Architecture
    from indexer.encoders.devices import Device, Wanted
    from indexer.encoders.names import Checkpoint
    from indexer.encoders.openclip import OpenClipEncoder
    from indexer.encoders.source import Source

    OnProgress: TypeAlias = Callable[[Progress], None]
    OnNote: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Loading:
    """How a model is to be loaded, and who is told of it."""

    device: Wanted = "auto"
    exact: bool = False  # fp32 throughout, in torch
    compiled: bool = False  # by torch.compile
    threads: int | None = None  # of ONNX Runtime, else one for each core
    make: bool = True  # fetch weights and make bundles, where there are none
    on_progress: OnProgress | None = None
    on_note: OnNote | None = None

    def progress(self, stage: str, done: int, total: int) -> None:
        """Tell how far a stage is."""
        if self.on_progress is not None:
            self.on_progress(Progress(stage, done, total))

    def note(self, text: str) -> None:
        """Tell what a user should know."""
        if self.on_note is not None:
            self.on_note(text)


def load(name: Pair | Checkpoint, loading: Loading, *, for_queries: bool) -> Encoder:
    """Load a model of open_clip; what is not here yet is fetched, and made a bundle for a CPU.

    Queries are few: they take the bundle where there is one, whatever the device. Raises
    ModelError.
    """
    in_torch = loading.exact or loading.compiled
    device = "cpu" if for_queries and loading.device == "auto" else choose_device(loading.device)
    if device == "cpu" and not in_torch:
        return _load_for_cpu(name, loading, for_queries=for_queries)
    weights = find_weights(name, loading)
    return _load_in_torch(name, weights, device, loading)


def export(name: Pair | Checkpoint, loading: Loading) -> Path:
    """Make the bundle of a model, unless it is there and whole; raises ModelError."""
    weights = find_weights(name, loading)
    key = bundle_key(name, digest(weights))
    return exported.make(key, partial(_write, name, weights, loading))


def find_bundle(name: Pair | Checkpoint) -> Path | None:
    """Find the bundle of a model on this machine, without a network and without torch.

    Raises ExportError where there can be none.
    """
    if isinstance(name, Pair) and name.preset is None:
        # where its weights are, open_clip knows, and importing that takes longer than all else
        named = exported.find_named(canonical_name(name))
        if named is not None:
            return named
    weights = find_local_weights(name)
    if weights is not None:
        return exported.find(bundle_key(name, digest(weights)))
    return exported.find_named(canonical_name(name))


def find_weights(name: Pair | Checkpoint, loading: Loading) -> Path:
    """Give the file with a model's weights, downloaded where it must be.

    Raises HubError, and CheckpointError for a file that holds none: before torch and open_clip are
    imported for it, which takes seconds.
    """
    found = _found_weights(name, loading)
    check_weights(found)
    return found


def _found_weights(name: Pair | Checkpoint, loading: Loading) -> Path:
    if not isinstance(name, Pair):
        return name.file
    if not loading.make and (there := find_local_weights(name)) is not None:
        return there
    if not loading.make:
        raise _unmade(name)
    return fetch(source_of(name.architecture, name.tag), partial(loading.progress, "download"))


def find_local_weights(name: Pair | Checkpoint) -> Path | None:
    """Give the file with a model's weights if it is on this machine."""
    if not isinstance(name, Pair):
        return name.file
    return cached(source_of(name.architecture, name.tag))


def canonical_name(name: Pair | Checkpoint) -> str:
    """Name a model so that it is found from any folder."""
    if isinstance(name, Pair):
        return name.preset.name if name.preset else f"{name.architecture}/{name.tag}"
    file = str(name.file.absolute())
    return f"{name.architecture}/{file}" if name.architecture else file


def space_of(name: Pair | Checkpoint, architecture: Architecture, weights: Path) -> Space:
    """Tell the space of a model, which is the same in torch and as a bundle."""
    return Space(
        model=canonical_name(name),
        weights_digest=architecture.weights_digest(digest(weights)),
        preprocessing_digest=architecture.preprocessing_digest,
        dim=int(architecture.content["embed_dim"]),
    )


def _load_for_cpu(name: Pair | Checkpoint, loading: Loading, *, for_queries: bool) -> Encoder:
    try:
        folder = find_bundle(name)
        if folder is None:
            if for_queries and (device := choose_device(loading.device)) != "cpu":
                return _load_in_torch(name, find_weights(name, loading), device, loading)
            if not loading.make:
                raise _unmade(name)
            folder = export(name, loading)
    except ExportError as error:
        loading.note(f"{canonical_name(name)} runs in torch, more slowly than as a bundle: {error}")
        return _load_in_torch(name, find_weights(name, loading), "cpu", loading)
    return BundleEncoder.load(folder, name=canonical_name(name), threads=loading.threads)


def _unmade(name: Pair | Checkpoint) -> ModelError:
    called = canonical_name(name)
    return ModelError(
        f"The model {called} is not ready on this machine. Fetch and prepare it with: "
        f"sightseek models export {shlex.quote(called)}"
    )


def _load_in_torch(
    name: Pair | Checkpoint, weights: Path, device: Device, loading: Loading
) -> OpenClipEncoder:
    from indexer.encoders.openclip import OpenClipEncoder

    source = _source(name, weights, loading)
    return OpenClipEncoder(
        source,
        space=space_of(name, source.architecture, weights),
        device=device,
        exact=loading.exact,
        compiled=loading.compiled,
    )


def _source(name: Pair | Checkpoint, weights: Path, loading: Loading) -> Source:
    from indexer.encoders.source import load_source

    if advice := activation_advice(name):
        loading.note(advice)
    return load_source(describe(name), weights, name=canonical_name(name))


def _write(name: Pair | Checkpoint, weights: Path, loading: Loading, folder: Path) -> None:
    from indexer.encoders.export import STEPS, Label, export_bundle

    loading.note(f"Making a bundle of {canonical_name(name)} for CPUs, once.")
    loading.progress("export", 0, STEPS)
    source = _source(name, weights, loading)
    space = space_of(name, source.architecture, weights)
    label = Label(
        name=canonical_name(name),
        origin=_origin(name),
        licence=name.preset.licence if isinstance(name, Pair) and name.preset else "see its source",
        identity=Identity(space.weights_digest, space.preprocessing_digest),
    )
    export_bundle(source, folder, label, on_step=partial(loading.progress, "export"))


def _origin(name: Pair | Checkpoint) -> str:
    if not isinstance(name, Pair):
        return str(name.file)
    return f"https://huggingface.co/{source_of(name.architecture, name.tag).repository}"

"""open_clip's models as bundles: towers in ONNX, a tokenizer, verified precision.

Imports torch; what indexes or searches with a bundle never imports this.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.encoders.agreement import agrees
from indexer.encoders.manifest import (
    FILES,
    IMAGE_TOWER,
    TEXT_TOWER,
    TOKENIZER,
    WEIGHTS,
    Manifest,
    Source,
)
from indexer.errors import ExportError, ModelError
from indexer.files import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from onnx import ModelProto

    from indexer.encoders import source as sources
    from indexer.encoders.export.verify import Trial
    from indexer.encoders.manifest import Agreement, Identity, Precision

    OnStep: TypeAlias = Callable[[int, int], None]  # steps done, of how many

FAITHFUL = 0.9999  # the lowest cosine to torch that a graph in fp32 may have
STEPS = 5
LARGEST = (2 << 30) - (1 << 20)  # bytes in one file of ONNX
LEAST = 1024  # bytes of values that stand in the file of weights


@dataclass(frozen=True, slots=True)
class Label:
    """What a bundle says of itself."""

    name: str
    origin: str
    licence: str
    identity: Identity


@dataclass(frozen=True, slots=True)
class Tower:
    """A tower as it is kept."""

    graph: ModelProto
    precision: Precision
    agreement: Agreement


def export_bundle(
    source: sources.Source, folder: Path, label: Label, *, on_step: OnStep | None = None
) -> Manifest:
    """Write a model as a bundle into `folder`, each tower in int8 where that agrees with torch.

    Raises ExportError where a part cannot be written, or does not answer as torch does.
    """
    from indexer.encoders.export import towers
    from indexer.encoders.export.verify import try_images, try_texts
    from indexer.encoders.source import quiet
    from indexer.encoders.tokenizer_export import export_tokenizer

    model, architecture = source.model, source.architecture
    step = _Steps(on_step)
    with quiet():
        tokenizer, text = export_tokenizer(
            source.tokenizer, context_length=architecture.context_length
        )
        if towers.takes_any_length(model):
            text = replace(text, padding="longest")
        step.done()
        heard = try_texts(source, tokenizer, text)
        write_text = _writer(towers.export_text_tower, model, architecture.context_length)
        text_tower = _tower("text", write_text, heard, step)
        seen = try_images(source)
        write_image = _writer(towers.export_image_tower, model, architecture.preprocessing.size)
        image_tower = _tower("image", write_image, seen, step)
    write_graph(image_tower.graph, folder / IMAGE_TOWER)
    write_graph(text_tower.graph, folder / TEXT_TOWER)
    (folder / TOKENIZER).write_bytes(tokenizer.encode())
    manifest = Manifest(
        name=label.name,
        description=f"open_clip's {architecture.name} for ONNX Runtime",
        dim=int(architecture.content["embed_dim"]),
        image=architecture.preprocessing,
        text=text,
        image_precision=image_tower.precision,
        text_precision=text_tower.precision,
        digests={name: sha256_of(folder / name) for name in (*FILES, *WEIGHTS.values())},
        sources=(Source("both towers", label.origin, label.licence),),
        image_agreement=image_tower.agreement,
        text_agreement=text_tower.agreement,
        identity=label.identity,
    )
    manifest.write(folder)
    return manifest


class _Steps:
    def __init__(self, on_step: OnStep | None) -> None:
        self._on_step = on_step
        self._count = 0

    def done(self) -> None:
        self._count += 1
        if self._on_step is not None:
            self._on_step(self._count, STEPS)


def _writer(
    export: Callable[..., ModelProto], model: object, size: int
) -> Callable[[bool], ModelProto]:
    return lambda fast: export(model, size, fast=fast)


def _tower(name: str, write: Callable[[bool], ModelProto], trial: Trial, step: _Steps) -> Tower:
    """Write a tower and try it: in int8 where that suffices, and else in fp32."""
    plain, agreement = _faithful(name, write, trial)
    step.done()
    tower = Tower(plain, "fp32", agreement)
    for small, unseen in _in_int8(plain, trial):
        measured = _measured(small, unseen)
        if agrees(measured):
            tower = Tower(small, "int8", measured)
            break
    step.done()
    return tower


def _in_int8(graph: ModelProto, trial: Trial) -> Iterator[tuple[ModelProto, Trial]]:
    """Give a graph with less and less of it in int8, and what to try it by."""
    from indexer.encoders.export.convolutions import convolve_in_int8
    from indexer.encoders.export.int8 import multiply_in_int8

    # half of the inputs show the ranges, the others whether these suffice
    shown = (row for batch in trial.half(0).batches for row in batch)
    convolved = convolve_in_int8(graph, shown) if _size(graph) <= LARGEST else None
    if convolved is not None:
        yield multiply_in_int8(convolved) or convolved, trial.half(1)
    multiplied = multiply_in_int8(graph)
    if multiplied is not None:
        yield multiplied, trial


def _faithful(
    name: str, write: Callable[[bool], ModelProto], trial: Trial
) -> tuple[ModelProto, Agreement]:
    """Write a tower so that it answers as torch does: by faster modules, or else by its own."""
    reason = ""
    for fast in (True, False):
        try:
            graph = write(fast)
            agreement = _measured(graph, trial)
        except ModelError as error:  # ONNX Runtime's refusal too
            reason = str(error)
            continue
        if agreement.lowest >= FAITHFUL:
            return graph, agreement
        reason = f"its vectors are not torch's (a cosine is {agreement.lowest})"
    raise ExportError(f"The {name} tower cannot become ONNX: {reason}.")


def _measured(graph: ModelProto, trial: Trial) -> Agreement:
    """Try a graph, even one that is too large for one file."""
    if _size(graph) <= LARGEST:
        return trial.run(graph.SerializeToString())
    import onnx

    with tempfile.TemporaryDirectory(prefix="sightseek-") as scratch:
        path = Path(scratch) / IMAGE_TOWER
        write_graph(graph, path)
        agreement = trial.run(path)
        onnx.load_external_data_for_model(graph, scratch)  # which writing moved out of it
    return agreement


def write_graph(graph: ModelProto, path: Path) -> None:
    """Write a tower's graph, and its weights beside it; they are moved out of `graph`."""
    import onnx

    weights = path.with_name(WEIGHTS[path.name])
    onnx.save_model(
        graph, path, save_as_external_data=True, location=weights.name, size_threshold=LEAST
    )
    weights.chmod(path.stat().st_mode)  # onnx lets nobody else read them


def _size(graph: ModelProto) -> int:
    return sum(len(tensor.raw_data) for tensor in graph.graph.initializer)

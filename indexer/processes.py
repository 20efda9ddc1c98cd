"""Photos loaded by worker processes, for models that run faster than one process decodes.

The processes are those of torch's DataLoader; pixels come back through shared memory.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from indexer.loading import Loaded

if TYPE_CHECKING:
    from collections.abc import Container, Generator, Iterable, Sequence

    from indexer.loading import Loader, Outcome
    from indexer.records import PhotoFile

    Chunk: TypeAlias = tuple[list[Outcome], torch.Tensor]

CHUNK = 8  # photos that travel together
_EMPTY = np.empty(0, np.uint8)


def load_in_processes(
    loader: Loader,
    files: Sequence[PhotoFile],
    known: Container[bytes],
    *,
    ahead: int,
    workers: int | None = None,
) -> Generator[Outcome, None, None]:
    """Load files in order, up to about `ahead` of them before they are asked for."""
    count = workers or max(1, min(os.cpu_count() or 1, len(files) // CHUNK))
    chunks: Iterable[Chunk] = DataLoader(
        _Photos(loader, files, known),
        batch_size=CHUNK,
        collate_fn=_packed,
        num_workers=count,
        prefetch_factor=max(2, ahead // (CHUNK * count)),
        worker_init_fn=_start,
        multiprocessing_context=_context(),
    )
    for outcomes, pixels in chunks:
        yield from _unpacked(outcomes, pixels)


class _Photos(Dataset["Outcome"]):
    """Files as a map-style dataset of what loading them gives."""

    def __init__(self, loader: Loader, files: Sequence[PhotoFile], known: Container[bytes]) -> None:
        self._loader = loader
        self._files = files
        self._known = known

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Outcome:
        return self._loader.load(self._files[index], self._known)


def _packed(outcomes: list[Outcome]) -> Chunk:
    """Put all pixels into one tensor, which travels through shared memory."""
    pixels = []
    packed: list[Outcome] = []
    for outcome in outcomes:
        if isinstance(outcome, Loaded) and outcome.content is not None:
            pixels.append(torch.from_numpy(outcome.content.pixels))
            outcome = replace(outcome, content=replace(outcome.content, pixels=_EMPTY))  # noqa: PLW2901
        packed.append(outcome)
    return packed, torch.stack(pixels) if pixels else torch.empty(0)


def _unpacked(outcomes: list[Outcome], pixels: torch.Tensor) -> Generator[Outcome, None, None]:
    rows = iter(pixels.numpy())
    for outcome in outcomes:
        if isinstance(outcome, Loaded) and outcome.content is not None:
            yield replace(outcome, content=replace(outcome.content, pixels=next(rows)))
        else:
            yield outcome


def _start(_worker: int) -> None:
    # Ctrl-C reaches every process of a terminal; this one is told by the one that started it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _context() -> multiprocessing.context.BaseContext:
    """Start workers from a fresh process: a fork of this one would share locks and connections."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "indexer.loading"])
    return context

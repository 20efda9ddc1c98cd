"""Photos loaded by worker processes, for models that run faster than one process decodes.

The processes are those of torch's DataLoader; pixels come back through shared memory.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from indexer.errors import WorkerError
from indexer.loading import Loaded

if TYPE_CHECKING:
    from collections.abc import Container, Generator, Iterator, Sequence

    from indexer.loading import Loader, Outcome
    from indexer.records import PhotoFile

    Chunk: TypeAlias = tuple[list[Outcome], torch.Tensor]

CHUNK = 8  # photos that travel together
_MOST_WORKERS = 32  # a photo at the pixel cap takes gigabytes while it is decoded
_EMPTY = np.empty(0, np.uint8)


def load_in_processes(
    loader: Loader,
    files: Sequence[PhotoFile],
    settled: Container[bytes],
    *,
    ahead: int,
    workers: int | None = None,
) -> Generator[Outcome, None, None]:
    """Load files in order, up to about `ahead` of them before they are asked for.

    Raises WorkerError where a process ends before its work does.
    """
    if not files:
        return
    count = workers or min(_cores(), _MOST_WORKERS, -(-len(files) // CHUNK))
    source = DataLoader(
        _Photos(loader, settled),
        # torch passes on what the sampler gives: files, which so need not all travel at first
        batch_sampler=cast("Any", _Chunks(files)),
        collate_fn=_packed,
        num_workers=count,
        prefetch_factor=max(2, ahead // (CHUNK * count)),
        worker_init_fn=_start,
        multiprocessing_context=_context(),
    )
    chunks: Any = None
    try:
        with _interrupts_later():  # a worker whose parent goes meanwhile leaves a traceback
            chunks = iter(source)
        for outcomes, pixels in _received(chunks):
            yield from _unpacked(outcomes, pixels)
    finally:
        if chunks is not None:
            chunks._shutdown_workers()  # now, however long a traceback keeps them alive


class _Photos(Dataset["Outcome"]):
    """What loading gives, by file."""

    def __init__(self, loader: Loader, settled: Container[bytes]) -> None:
        self._loader = loader
        self._settled = settled

    def __getitem__(self, file: PhotoFile) -> Outcome:
        return self._loader.load(file, self._settled)


class _Chunks:
    """Files, some at a time."""

    def __init__(self, files: Sequence[PhotoFile]) -> None:
        self._files = files

    def __iter__(self) -> Iterator[Sequence[PhotoFile]]:
        return (self._files[at : at + CHUNK] for at in range(0, len(self._files), CHUNK))


def _received(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    while True:
        try:
            chunk = next(chunks)
        except StopIteration:
            return
        except (RuntimeError, OSError, EOFError) as error:
            told = str(error)
            if "shared memory" in told:
                raise WorkerError(
                    "Shared memory (/dev/shm), by which photos come from the processes that "
                    "decode them, is full. Make it larger (in a container: --shm-size 1g), then "
                    "run the same command to go on."
                ) from error
            if told.startswith("Caught "):  # what loading raised, with its traceback
                raise
            raise WorkerError(
                "A process that decodes photos ended before its work did, as when memory runs "
                f"out ({told or type(error).__name__}). Close what else uses memory, then run the "
                "same command to go on."
            ) from error
        yield chunk


def _packed(outcomes: list[Outcome]) -> Chunk:
    """Put all pixels into one tensor in shared memory."""
    pixels = []
    packed: list[Outcome] = []
    for outcome in outcomes:
        if isinstance(outcome, Loaded) and outcome.content is not None:
            pixels.append(outcome.content.pixels)
            outcome = replace(outcome, content=replace(outcome.content, pixels=_EMPTY))  # noqa: PLW2901
        packed.append(outcome)
    if not pixels:
        return packed, torch.empty(0)
    stacked: Any = torch.from_numpy(np.stack(pixels))
    # here: where torch's own thread cannot share it, no one hears of it and all wait forever
    return packed, stacked.share_memory_()


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
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # torch watches the fork server instead, which lives as long as its children
        os._exit(1)


def _context() -> multiprocessing.context.BaseContext:
    """Start workers from a fresh process: a fork of this one would share locks and connections."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "indexer.loading"])
    resource_tracker.ensure_running()  # which unblocks signals
    with _deaf_to_interrupts():
        forkserver.ensure_running()
    return context


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let what is started meanwhile never hear of Ctrl-C, not even while it imports."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Hold back Ctrl-C for a moment."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield  # no other thread is interrupted, and a handler that is not Python's stays
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)


def _cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

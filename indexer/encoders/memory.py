"""What torch can tell of a device's memory, and how it says that there is too little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.encoders.devices import Device

_TOLD = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")


class CudaMemory:
    """What torch holds of a GPU's memory, in bytes."""

    def used_by(self, run: Callable[[], object]) -> int:
        """Give the most that a run held beyond what was held before it."""
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return int(torch.cuda.max_memory_allocated() - before)

    def free(self) -> int:
        """Give what is left for anyone."""
        torch.cuda.empty_cache()
        return int(torch.cuda.mem_get_info()[0])


def is_out_of_memory(error: BaseException) -> bool:
    """Tell want of memory, on any device, from other errors."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # MPS, CPUs and the libraries beneath CUDA say it in words
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _TOLD)


def give_back(device: Device) -> None:
    """Let go of what torch keeps for later."""
    if device == "cuda":
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()

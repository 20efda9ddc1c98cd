"""Where torch can run a model. Asks the system first, since importing torch takes seconds."""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
import sys
from typing import Literal, TypeAlias

from indexer.errors import ModelError

Device: TypeAlias = Literal["cpu", "cuda", "mps"]
Wanted: TypeAlias = Literal["auto", "cpu", "cuda", "mps"]

_DRIVERS = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
_AMD = "libamdhip64.so"  # torch calls ROCm cuda, too


def choose_device(wanted: Wanted = "auto") -> Device:
    """Choose what is best of what there is; raises ModelError where `wanted` is not there.

    Imports torch only where the system has a GPU's driver, or a GPU was asked for.
    """
    if wanted == "cpu" or (wanted == "auto" and not _has_driver()):
        return "cpu"
    import torch

    there: dict[Device, bool] = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if wanted == "auto":
        return next((device for device, works in there.items() if works), "cpu")
    if not there[wanted]:
        raise ModelError(
            f"torch {torch.__version__} finds no device {wanted} here. Leave out --device, or "
            "install the driver and a torch for it: https://pytorch.org/get-started/locally"
        )
    return wanted


def _has_driver() -> bool:
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return _counts_a_gpu(_DRIVERS.get(sys.platform, "")) or bool(ctypes.util.find_library(_AMD))


def _counts_a_gpu(driver: str) -> bool:
    """Ask NVIDIA's driver for its GPUs; False where there is no driver."""
    try:
        cuda = ctypes.CDLL(driver)
    except OSError:
        return False
    count = ctypes.c_int()
    return (
        cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    )

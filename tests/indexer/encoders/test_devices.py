from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import Any

import pytest

from indexer.encoders import devices
from indexer.encoders.devices import choose_device
from indexer.errors import ModelError


class Driver:
    """NVIDIA's driver, as far as it is asked."""

    def __init__(self, gpus: int, *, works: bool = True) -> None:
        self.gpus, self.works = gpus, works

    def cuInit(self, _flags: int) -> int:  # noqa: N802
        return 0 if self.works else 100

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = self.gpus
        return 0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine with or without drivers and with what torch finds there."""
    import torch

    def make(
        *, driver: Driver | None = None, cuda: bool = False, mps: bool = False, amd: bool = False,
        platform: str = "linux", processor: str = "x86_64",
    ) -> None:  # fmt: skip
        def load(name: str) -> Driver:
            if driver is None or name not in {"libcuda.so.1", "nvcuda.dll"}:
                raise OSError(f"{name}: cannot open shared object file")
            return driver

        monkeypatch.setattr(devices.sys, "platform", platform)
        monkeypatch.setattr(devices.platform, "machine", lambda: processor)
        monkeypatch.setattr(ctypes, "CDLL", load)
        found = "/opt/rocm/libamdhip64.so" if amd else None
        monkeypatch.setattr(ctypes.util, "find_library", lambda _: found)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return make


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({}, "cpu"),
        ({"driver": Driver(0), "cuda": True}, "cpu"),  # a container without its GPU
        ({"driver": Driver(1, works=False), "cuda": True}, "cpu"),
        ({"driver": Driver(2), "cuda": True}, "cuda"),
        ({"driver": Driver(1)}, "cpu"),  # torch for CPUs only
        ({"driver": Driver(1), "cuda": True, "platform": "win32"}, "cuda"),
        ({"amd": True, "cuda": True}, "cuda"),  # ROCm
        ({"platform": "darwin", "processor": "arm64", "mps": True}, "mps"),
        ({"platform": "darwin", "processor": "arm64"}, "cpu"),
        ({"platform": "darwin", "mps": True}, "cpu"),  # an Intel one
    ],
)
def test_the_best_of_what_there_is_is_chosen(
    machine: Any, there: dict[str, Any], chosen: str
) -> None:
    machine(**there)
    assert choose_device("auto") == chosen
    assert choose_device("cpu") == "cpu"


def test_a_device_that_is_asked_for_is_taken_or_refused(machine: Any) -> None:
    machine(driver=Driver(1), cuda=True)
    assert choose_device("cuda") == "cuda"
    with pytest.raises(ModelError, match=r"finds no device mps here\. Leave out --device"):
        choose_device("mps")
    machine()
    with pytest.raises(ModelError, match="finds no device cuda here"):
        choose_device("cuda")


def test_a_machine_without_a_driver_is_known_without_torch() -> None:
    code = """
import ctypes, ctypes.util, sys
def load(name): raise OSError(name)
ctypes.CDLL = load
ctypes.util.find_library = lambda name: None
sys.platform = "linux"
from indexer.encoders.devices import choose_device
assert choose_device("auto") == choose_device("cpu") == "cpu"
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

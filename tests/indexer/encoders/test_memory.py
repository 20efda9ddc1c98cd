from __future__ import annotations

import pytest
import torch

from indexer.encoders.memory import CudaMemory, give_back, is_out_of_memory

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        MemoryError(),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_want_of_memory_is_known_in_all_its_words(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("out of memory")],
)
def test_other_errors_are_others(error: Exception) -> None:
    assert not is_out_of_memory(error)


def test_what_torch_says_on_this_machine_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    give_back("cpu")  # has nothing to give


@pytest.mark.gpu
@needs_cuda
def test_a_gpu_tells_what_a_run_takes_and_what_is_left() -> None:
    memory = CudaMemory()
    before = memory.free()
    assert memory.used_by(lambda: torch.empty(1 << 26, dtype=torch.uint8, device="cuda")) >= 1 << 26
    give_back("cuda")
    assert 0 < memory.free() <= before
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50, dtype=torch.uint8, device="cuda")
    assert is_out_of_memory(caught.value)

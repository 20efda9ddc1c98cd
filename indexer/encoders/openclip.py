"""open_clip's models in torch, on a GPU or the CPU. Knows nothing of hubs, files or ONNX.

What is slow to make is made when first needed; the identity of a model is known before.
"""

from __future__ import annotations

import contextlib
import platform
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from indexer.encoders.batching import BatchSize, probe
from indexer.encoders.preprocess import Preprocessing, fit
from indexer.encoders.source import first_line
from indexer.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    import numpy.typing as npt
    import torch
    from PIL import Image

    from indexer.encoders.devices import Device
    from indexer.encoders.source import Source
    from indexer.records import Pixels, Space, Vectors

T = TypeVar("T")

CPU_BATCH = 32  # larger ones run no faster on a CPU
MPS_BATCH = 64  # where memory cannot be measured; halved where it does not suffice
TEXT_BATCH = 256


@dataclass(frozen=True, slots=True)
class Squares:
    """Images as squares of bytes, which the device normalises; travels between processes."""

    preprocessing: Preprocessing

    @property
    def image_size(self) -> int:
        """The shorter side, in pixels, below which a decoded image loses detail."""
        return self.preprocessing.side

    def preprocess(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """Resize, crop or pad; `(size, size, 3)`, 0 to 255."""
        import numpy as np

        return np.asarray(fit(image, self.preprocessing))


class OpenClipEncoder:
    """A model of open_clip on one device; the model is its own from then on."""

    def __init__(
        self,
        source: Source,
        *,
        space: Space,
        device: Device,
        exact: bool = False,
        compiled: bool = False,
    ) -> None:
        """Move a model to a device; `exact` computes in fp32, `compiled` by `torch.compile`.

        Raises ModelError where the device has too little memory for the weights.
        """
        import torch

        self.squares = Squares(source.architecture.preprocessing)
        self._space = space
        self.device = device
        self.dtype = torch.float32 if exact else _fast_dtype(device)
        self._tokenizer = source.tokenizer
        _cast(source.model, self.dtype)  # before it moves: a large model may fit only so
        model = _moved(source.model, device)
        self._model_image: Callable[..., Any] = model.encode_image
        self._encode_image = _compiled(model.encode_image) if compiled else model.encode_image
        self._encode_text: Callable[..., Any] = model.encode_text
        self._compiled = compiled
        wanted = source.architecture.preprocessing
        self._mean = torch.tensor(wanted.mean, device=device)[:, None, None]
        self._std = torch.tensor(wanted.std, device=device)[:, None, None]
        self._staged: Any = None
        self._batch: BatchSize | None = None
        self._lock = threading.Lock()  # of what is above

    @property
    def space(self) -> Space:
        """The identity of the vectors that this encoder makes."""
        return self._space

    @property
    def dim(self) -> int:
        """The length of each vector."""
        return self._space.dim

    @property
    def image_size(self) -> int:
        """The shorter side, in pixels, below which a decoded image loses detail."""
        return self.squares.image_size

    @property
    def image_batch(self) -> int:
        """How many images are best encoded together; found on the first call."""
        return self._batch_size().value

    @property
    def preparation(self) -> Squares | None:
        """What makes pixels in other processes; None on a CPU, which the model keeps busy."""
        return None if self.device == "cpu" else self.squares

    def preprocess(self, image: Image.Image) -> Pixels:
        """Resize, crop or pad an upright RGB image; safe to call from many threads."""
        return self.squares.preprocess(image)

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        """Encode preprocessed images, in order; `(n, dim)`, unit rows. Raises ModelError."""
        batch = self._batch_size()
        return self._encode(images, self._encode_pixels, batch)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order; `(n, dim)`, unit rows. Raises ModelError."""
        return self._encode(texts, self._encode_some_texts, BatchSize(TEXT_BATCH))

    def _encode(
        self, items: Sequence[T], encode: Callable[[Sequence[T]], Any], batch: BatchSize
    ) -> Vectors:
        from indexer.encoders.memory import is_out_of_memory

        with self._lock:
            blocks = batch.run(
                items, encode, is_out_of_memory=is_out_of_memory, recover=self._recover
            )
            return self._gathered(blocks)

    def _batch_size(self) -> BatchSize:
        with self._lock:
            if self._batch is None:
                self._batch = BatchSize(self._fitting())
            return self._batch

    def _fitting(self) -> int:
        import numpy as np

        if self.device == "cpu":
            return CPU_BATCH
        if self.device == "mps":
            return MPS_BATCH
        from indexer.encoders.memory import CudaMemory, is_out_of_memory

        def run(count: int) -> None:
            # not the compiled one, which would be made anew for each count
            self._encode_staged(self._stage([image] * count, count), self._model_image)

        image = np.zeros((self.squares.preprocessing.size,) * 2 + (3,), np.uint8)
        size = probe(run, CudaMemory(), is_out_of_memory=is_out_of_memory)
        self._recover()
        return size

    def _encode_pixels(self, images: Sequence[Pixels]) -> Any:
        # a compiled model is made anew for every other number of images
        count = self._batch.value if self._compiled and self._batch else len(images)
        return self._encode_staged(self._stage(images, count), self._encode_image)[: len(images)]

    def _stage(self, images: Sequence[Pixels], count: int) -> torch.Tensor:
        """Gather images in memory from which a GPU copies by itself; what is over is as it was."""
        import torch

        size = self.squares.preprocessing.size
        if self._staged is None or len(self._staged) < count:
            shape, pin = (count, size, size, 3), self.device == "cuda"
            self._staged = torch.zeros(shape, dtype=torch.uint8, pin_memory=pin)
        staged: torch.Tensor = self._staged[:count]
        for row, image in zip(staged.numpy(), images, strict=False):
            row[...] = image
        return staged

    def _encode_staged(self, staged: torch.Tensor, encode: Callable[..., Any]) -> Any:
        import torch

        with self._running():
            pixels = staged.to(self.device, non_blocking=self.device == "cuda")
            # channels last is how they lie already
            pixels = pixels.permute(0, 3, 1, 2).to(torch.float32).div_(255)
            pixels = pixels.sub_(self._mean).div_(self._std)
            # waits for the device: only then may `staged` be filled again
            return encode(pixels).float().cpu()

    def _encode_some_texts(self, texts: Sequence[str]) -> Any:
        ids = self._tokenizer(list(texts))  # (n, context_length)
        with self._running():
            return self._encode_text(ids.to(self.device)).float().cpu()

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        import torch

        enabled = self.dtype != torch.float32
        with torch.inference_mode(), torch.autocast(self.device, self.dtype, enabled=enabled):
            yield

    def _gathered(self, blocks: Iterator[Any]) -> Vectors:
        import numpy as np

        empty = np.empty((0, self.dim), np.float32)
        rows = np.concatenate([empty, *(block.numpy() for block in blocks)])
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and lengths.all()):
            raise ModelError(
                f"The model {self._space.model} gave vectors that are not finite or are zero: its "
                "weights are damaged or do not fit 16 bits. Try --device cpu, or another model."
            )
        unit: Vectors = np.divide(rows, lengths, dtype=np.float32)
        return unit

    def _recover(self) -> None:
        from indexer.encoders.memory import give_back

        self._staged = None
        give_back(self.device)


def _fast_dtype(device: Device) -> torch.dtype:
    """16 bits where the device computes faster in them."""
    import torch

    if device != "cpu":
        return torch.float16
    # oneDNN takes bf16 on any AVX-512, where emulation makes it slower than fp32
    x86 = platform.machine().lower() in {"x86_64", "amd64"}
    onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    has_bf16 = (
        torch.cpu._is_avx512_bf16_supported()
        if x86
        else onednn and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )
    return torch.bfloat16 if onednn and has_bf16 else torch.float32


def _cast(model: Any, dtype: torch.dtype) -> None:
    """Cast the weights that autocast would cast at each call, which takes half the space.

    Norms and embeddings stay in fp32.
    """
    import torch

    kinds = (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.MultiheadAttention)
    for module in model.modules():
        if isinstance(module, kinds):
            for weights in module.parameters(recurse=False):
                weights.data = weights.data.to(dtype)


def _moved(model: Any, device: Device) -> Any:
    import torch

    from indexer.encoders.memory import is_out_of_memory

    try:
        return model.to(device, memory_format=torch.channels_last).eval()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise ModelError(
            f"The device {device} has too little memory for the model's weights. Close what else "
            "uses it, or use --device cpu or a smaller --model."
        ) from error


def _compiled(encode: Callable[..., Any]) -> Callable[..., Any]:
    """Compile on the first call, for one shape."""
    import torch
    from torch._dynamo.exc import TorchDynamoException

    compiled = torch.compile(encode, dynamic=False)

    def run(pixels: torch.Tensor) -> Any:
        try:
            return compiled(pixels)
        except TorchDynamoException as error:
            raise ModelError(
                f"torch.compile cannot compile this model here: {first_line(error)}. "
                "Leave out --compile."
            ) from error

    return run

"""open_clip's models in torch, on a GPU or the CPU. Knows nothing of hubs, files or ONNX.

What is slow to make is made when first needed; the identity of a model is known before.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexer.encoders.batching import BatchSize, probe
from indexer.encoders.preprocess import Preprocessing, fit
from indexer.errors import CheckpointError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import torch
    from PIL import Image

    from indexer.encoders.architecture import Architecture
    from indexer.encoders.devices import Device
    from indexer.records import Pixels, Space, Vectors

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


@dataclass(frozen=True, slots=True)
class Source:
    """A model of open_clip with its weights, on the CPU in fp32, and its tokenizer."""

    architecture: Architecture
    model: Any  # open_clip.CLIP, CustomTextCLIP or CoCa
    tokenizer: Any  # of open_clip


class OpenClipEncoder:
    """A model of open_clip on one device."""

    def __init__(
        self,
        source: Source,
        *,
        space: Space,
        device: Device,
        exact: bool = False,
        compiled: bool = False,
    ) -> None:
        """Move a model to a device; `exact` computes in fp32, `compiled` by `torch.compile`."""
        import torch

        self._squares = Squares(source.architecture.preprocessing)
        self._space = space
        self.device = device
        self.dtype = torch.float32 if exact else _fast_dtype(device)
        self._tokenizer = source.tokenizer
        model = source.model.to(device, memory_format=torch.channels_last).eval()
        self._encode_image: Callable[..., Any] = model.encode_image
        self._encode_text: Callable[..., Any] = model.encode_text
        self._compiled = compiled
        if compiled:
            self._encode_image = torch.compile(model.encode_image, dynamic=False)
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
        return self._squares.image_size

    @property
    def image_batch(self) -> int:
        """How many images are best encoded together; found on the first call."""
        return self._batch_size().value

    @property
    def preparation(self) -> Squares:
        """What makes pixels of photos, in other processes too."""
        return self._squares

    def preprocess(self, image: Image.Image) -> Pixels:
        """Resize, crop or pad an upright RGB image; safe to call from many threads."""
        return self._squares.preprocess(image)

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        """Encode preprocessed images, in order; `(n, dim)`, unit rows. Raises ModelError."""
        batch = self._batch_size()
        with self._lock:
            return self._gathered(
                batch.run(
                    images,
                    self._encode_pixels,
                    is_out_of_memory=_is_out_of_memory,
                    recover=self._recover,
                )
            )

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order; `(n, dim)`, unit rows. Raises ModelError."""
        batch = BatchSize(TEXT_BATCH)
        with self._lock:
            return self._gathered(
                batch.run(
                    texts,
                    self._encode_some_texts,
                    is_out_of_memory=_is_out_of_memory,
                    recover=self._recover,
                )
            )

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
        image = np.zeros((self._squares.preprocessing.size,) * 2 + (3,), np.uint8)
        size = probe(lambda count: self._encode_pixels([image] * count), _CudaMemory())
        self._recover()
        return size

    def _encode_pixels(self, images: Sequence[Pixels]) -> Any:
        import torch

        count = len(images)
        staged = self._stage(images)
        with self._running():
            pixels = staged.to(self.device, non_blocking=True)
            # channels last is how they lie already
            pixels = pixels.permute(0, 3, 1, 2).to(torch.float32).div_(255)
            pixels = pixels.sub_(self._triple("mean")).div_(self._triple("std"))
            return self._encode_image(pixels)[:count].float().cpu()

    def _stage(self, images: Sequence[Pixels]) -> torch.Tensor:
        """Gather images in memory from which a GPU copies by itself."""
        import torch

        size = self._squares.preprocessing.size
        # a compiled model is made anew for every other number of images
        count = self._batch.value if self._compiled and self._batch else len(images)
        if self._staged is None or len(self._staged) < count:
            shape, pin = (count, size, size, 3), self.device == "cuda"
            self._staged = torch.zeros(shape, dtype=torch.uint8, pin_memory=pin)
        staged: torch.Tensor = self._staged[:count]
        for row, image in zip(staged.numpy(), images, strict=False):
            row[...] = image
        return staged

    def _triple(self, name: str) -> torch.Tensor:
        import torch

        values = getattr(self._squares.preprocessing, name)
        return torch.tensor(values, device=self.device)[:, None, None]

    def _encode_some_texts(self, texts: Sequence[str]) -> Any:
        ids = self._tokenizer(list(texts))  # (n, context_length)
        if self.device == "cuda":
            ids = ids.pin_memory()
        with self._running():
            return self._encode_text(ids.to(self.device, non_blocking=True)).float().cpu()

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
        import torch

        self._staged = None
        if self.device == "cuda":
            torch.cuda.empty_cache()
        elif self.device == "mps":
            torch.mps.empty_cache()


class _CudaMemory:
    """What torch holds of a GPU's memory."""

    def used_by(self, run: Callable[[], object]) -> int:
        import torch

        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return int(torch.cuda.max_memory_allocated() - before)

    def free(self) -> int:
        import torch

        torch.cuda.empty_cache()
        return int(torch.cuda.mem_get_info()[0])


def load_source(architecture: Architecture, weights: Path | None, *, name: str) -> Source:
    """Build a model and put its weights in; `name` is what they are called in messages.

    Without weights they are random, from torch's seed. Raises CheckpointError and HubError.
    """
    from indexer.encoders.hub import prepare_environment

    prepare_environment()
    import open_clip

    from indexer.encoders.checkpoint import load_checkpoint
    from indexer.encoders.text_files import local_text_files

    text = local_text_files(architecture)
    own = architecture.folder
    identifier = architecture.name if own is None else f"local-dir:{own}"
    with quiet():
        try:
            model = open_clip.create_model(
                identifier, load_weights=False, pretrained_text=False, text_cfg=text
            )
        except (TypeError, ValueError, RuntimeError, KeyError, AttributeError) as error:
            raise CheckpointError(
                f"open_clip {open_clip.__version__} cannot build {architecture.name}: {error}. "
                "Upgrade open-clip-torch, or name another model."
            ) from error
        tokenizer = _tokenizer(architecture, text)
    if weights is not None:
        load_checkpoint(model, weights, name)
    model.requires_grad_(requires_grad=False)
    return Source(architecture, model.eval(), tokenizer)


def _tokenizer(architecture: Architecture, text: dict[str, Any]) -> Any:
    """Make the tokenizer that `open_clip.get_tokenizer` makes, of files that are here."""
    import open_clip
    from open_clip.tokenizer import HFTokenizer

    folder = text.get("hf_tokenizer_name")
    if not folder:
        own = architecture.folder  # open_clip takes a path for an unknown name, with 77 tokens
        return open_clip.get_tokenizer(architecture.name if own is None else f"local-dir:{own}")
    options = dict(text.get("tokenizer_kwargs") or {})
    mode = text.get("tokenizer_mode")
    return HFTokenizer(
        folder, context_length=architecture.context_length, tokenizer_mode=mode, **options
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what open_clip and its parts tell of themselves from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _fast_dtype(device: Device) -> torch.dtype:
    """16 bits where the device computes faster in them."""
    import torch

    if device != "cpu":
        return torch.float16
    onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    has_bf16 = onednn and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if has_bf16 else torch.float32


def _is_out_of_memory(error: BaseException) -> bool:
    import torch

    told = isinstance(error, RuntimeError) and (
        "out of memory" in str(error) or "can't allocate memory" in str(error)
    )
    return told or isinstance(error, torch.OutOfMemoryError | MemoryError)

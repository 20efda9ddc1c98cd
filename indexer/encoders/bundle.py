"""Images and texts to unit vectors with ONNX Runtime. Knows nothing of torch or of the maker.

A bundle is a folder: `manifest.json`, `image.onnx` (`pixels` -> `embeddings`), `text.onnx`
(`input_ids`, `attention_mask` if it wants one -> `embeddings`) and `tokenizer.json`. A tower's
weights may stand in a file of their own, `image.weights` and `text.weights`, in ONNX's external
data: mapped into memory, they are there in less time and room. A text tower of two transformers
also has `input_ids_2`, `attention_mask_2` and `tokenizer_2.json`. Towers may have more outputs;
`sightseek train` reads those called `features.` and so on.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from indexer.encoders.manifest import (
    IMAGE_TOWER,
    SECOND_TOKENIZER,
    TEXT_TOWER,
    TOKENIZER,
    WEIGHTS,
    Manifest,
)
from indexer.encoders.preprocess import preprocess
from indexer.encoders.tokens import TextTokenizer
from indexer.encoders.verified import read_verified, verified
from indexer.errors import BundleError, ModelError
from indexer.records import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from PIL import Image

    from indexer.encoders.manifest import TextSettings
    from indexer.records import Pixels, Vectors

T = TypeVar("T")

EMBEDDINGS = "embeddings"  # the output that every tower has
IMAGE_BATCH = 4  # on each core; larger ones leave its cache
BATCHES_PER_CORE = 4
TEXT_BATCH = 64
BATCH_TOKENS = 2048  # long texts go in smaller batches
TOKENIZE_AT_ONCE = 4096  # texts


class BundleEncoder:
    """A bundle's two towers; each is read, verified and loaded when first needed."""

    def __init__(self, folder: Path, manifest: Manifest, *, name: str, threads: int | None) -> None:
        self.folder = folder
        self.manifest = manifest
        self._space = Space(
            model=name,
            weights_digest=manifest.weights_digest,
            preprocessing_digest=manifest.preprocessing_digest,
            dim=manifest.dim,
        )
        self._threads = threads
        self._cores = threads or os.cpu_count() or 1
        self._few_texts = False
        self._image_tower = _Once(self._load_image_tower)
        self._text_tower = _Once(self._load_text_tower)
        self._tokenizers = _Once(self._load_tokenizers)

    @classmethod
    def load(
        cls, folder: Path, *, name: str | None = None, threads: int | None = None
    ) -> BundleEncoder:
        """Read the manifest of the bundle in `folder`; BundleError where it cannot be used.

        `name` is what the space is called by, else the folder's path; `threads` compute at once,
        else as many as there are cores.
        """
        manifest = Manifest.read(folder)
        return cls(folder, manifest, name=name or str(folder.resolve()), threads=threads)

    def prepare_text(self) -> None:
        """Load the text tower before it is needed, for one text or a few; raises BundleError."""
        self._few_texts = True
        self._text_tower()

    @property
    def space(self) -> Space:
        """The identity of the vectors that this encoder makes."""
        return self._space

    @property
    def dim(self) -> int:
        """The length of each vector."""
        return self.manifest.dim

    @property
    def image_size(self) -> int:
        """The shorter side, in pixels, below which a decoded image loses detail."""
        return self.manifest.image.side

    @property
    def device(self) -> str:
        """What it runs on."""
        return "cpu"

    @property
    def image_batch(self) -> int:
        """How many images are best encoded together."""
        return max(BATCHES_PER_CORE * IMAGE_BATCH * self._cores, 32)

    @property
    def preparation(self) -> None:
        """Threads suffice: decoders let others run, and the model takes all cores anyway."""
        return

    def preprocess(self, image: Image.Image) -> Pixels:
        """Resize, crop and normalise one upright RGB image; safe to call from many threads."""
        return preprocess(image, self.manifest.image)

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        """Encode preprocessed images, in order; `(n, dim)`, unit rows."""
        return _unit_rows(self.image_outputs(images, [EMBEDDINGS])[EMBEDDINGS], self._space.model)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order; `(n, dim)`, unit rows. A text's row is the same in any batch."""
        return _unit_rows(self.text_outputs(texts, [EMBEDDINGS])[EMBEDDINGS], self._space.model)

    @property
    def image_output_names(self) -> tuple[str, ...]:
        """What the image tower can tell of an image."""
        return tuple(output.name for output in self._image_tower().get_outputs())

    @property
    def text_output_names(self) -> tuple[str, ...]:
        """What the text tower can tell of a text."""
        return tuple(output.name for output in self._text_tower().get_outputs())

    def image_outputs(self, images: Sequence[Pixels], names: Sequence[str]) -> dict[str, Vectors]:
        """Give the outputs `names` of the image tower for images, in order; `(n, width)` each."""
        import numpy as np

        tower = self._image_tower()
        outputs = _empty_rows(tower, names, len(images), dim=self.dim)

        def run(start: int) -> None:
            rows = slice(start, start + IMAGE_BATCH)
            pixels = np.stack(images[rows])  # (batch, 3, size, size)
            for name, values in zip(names, tower.run(names, {"pixels": pixels}), strict=True):
                outputs[name][rows] = values

        # a core with a batch of its own waits for no other, as it would at each of a graph's steps
        with ThreadPoolExecutor(self._cores, thread_name_prefix="encode") as pool:
            list(pool.map(run, range(0, len(images), IMAGE_BATCH)))
        return outputs

    def text_outputs(self, texts: Sequence[str], names: Sequence[str]) -> dict[str, Vectors]:
        """Give the outputs `names` of the text tower for texts, in order; `(n, width)` each."""
        self._tokenizers()  # first: the tower may be loading in another thread meanwhile
        tower = self._text_tower()
        outputs = _empty_rows(tower, names, len(texts), dim=self.dim)
        wanted = {entry.name for entry in tower.get_inputs()}
        for start in range(0, len(texts), TOKENIZE_AT_ONCE):
            some = self._tokenize(texts[start : start + TOKENIZE_AT_ONCE])
            for batch in _batches_by_length([max(map(len, ids)) for ids in some]):
                tokens = self._pad([some[index] for index in batch])
                given = {name: value for name, value in tokens.items() if name in wanted}
                rows = [start + index for index in batch]
                for name, values in zip(names, tower.run(names, given), strict=True):
                    outputs[name][rows] = values
        return outputs

    def _tokenize(self, texts: Sequence[str]) -> list[tuple[list[int], ...]]:
        """Give each text's ids, a list for each tokenizer."""
        columns = [tokenizer.ids(texts) for tokenizer in self._tokenizers()]
        return list(zip(*columns, strict=True))

    def _pad(self, ids: Sequence[tuple[list[int], ...]]) -> dict[str, npt.NDArray[np.int64]]:
        inputs: dict[str, npt.NDArray[np.int64]] = {}
        for number, tokenizer in enumerate(self._tokenizers()):
            suffix = f"_{number + 1}" if number else ""
            input_ids, attention_mask = tokenizer.pad([row[number] for row in ids])
            inputs |= {f"input_ids{suffix}": input_ids, f"attention_mask{suffix}": attention_mask}
        return inputs

    def _load_image_tower(self) -> Any:
        # waiting threads would spin on the cores that decode the next photos
        return self._load_tower(IMAGE_TOWER, threads=1, spinning=False)

    def _load_text_tower(self) -> Any:
        # a text's many small steps wait for each other, and waking up takes longer than a step;
        # for one text it is loading that takes long, and spinning takes a core from the rest
        return self._load_tower(TEXT_TOWER, threads=self._threads, spinning=not self._few_texts)

    def _load_tower(self, name: str, *, threads: int | None, spinning: bool) -> Any:
        path, digests = self.folder / name, self.manifest.digests
        names = [name, *([WEIGHTS[name]] if WEIGHTS[name] in digests else [])]

        def opened(graph: bytes | Path, weights: Mapping[str, bytes]) -> Any:
            try:
                return open_session(graph, weights=weights, threads=threads, spinning=spinning)
            except ModelError as error:
                raise BundleError(
                    f"ONNX Runtime cannot load {path}: {error}. "
                    "Upgrade onnxruntime or make the bundle again."
                ) from error

        if not _is_utf8(path):
            graph, *weights = (read_verified(self.folder / each, digests[each]) for each in names)
            return opened(graph, dict(zip(names[1:], weights, strict=True)))
        with ExitStack() as stack:  # as bytes, the files would be in memory twice
            for each in names:
                stack.enter_context(verified(self.folder / each, digests[each]))
            return opened(path, {})

    def _load_tokenizers(self) -> tuple[TextTokenizer, ...]:
        first = self._load_tokenizer(TOKENIZER, self.manifest.text)
        second = self.manifest.second_text
        return (
            (first,) if second is None else (first, self._load_tokenizer(SECOND_TOKENIZER, second))
        )

    def _load_tokenizer(self, name: str, settings: TextSettings) -> TextTokenizer:
        content = read_verified(self.folder / name, self.manifest.digests[name])
        try:
            return TextTokenizer.parse(content, settings)
        except ValueError as error:
            raise BundleError(
                f"{self.folder / name} is no tokenizer ({error}). Make the bundle again."
            ) from error


def open_session(
    graph: bytes | Path,
    *,
    weights: Mapping[str, bytes] = MappingProxyType({}),
    threads: int | None = None,
    spinning: bool = False,
) -> Any:
    """Load an ONNX graph into ONNX Runtime; ModelError where it refuses the graph.

    `weights` are the files of external data that a graph without a path names.
    """
    # ONNX Runtime reports to its makers unless told not to before it is imported
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as errors

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0  # 0: as many as there are cores
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    options.enable_mem_pattern = False  # batches differ in shape, patterns would pile up
    if weights:
        files, sizes = list(weights.values()), [len(content) for content in weights.values()]
        options.add_external_initializers_from_files_in_memory(list(weights), files, sizes)
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except (errors.Fail, errors.InvalidGraph, errors.InvalidProtobuf, errors.NotImplemented,
            errors.InvalidArgument, errors.NoSuchFile, errors.RuntimeException,
            ) as error:  # fmt: skip
        reason = str(error).splitlines()[0]
        raise ModelError(f"{reason} (version {onnxruntime.__version__})") from error


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:  # ONNX Runtime takes no such path
        return False
    return True


class _Once(Generic[T]):
    """A value that is made on the first call, by one thread, and kept."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []

    def __call__(self) -> T:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]


def _empty_rows(tower: Any, names: Sequence[str], count: int, *, dim: int) -> dict[str, Vectors]:
    """Make room for outputs; a graph need not state a width for its embeddings."""
    import numpy as np

    widths = {output.name: output.shape[-1] for output in tower.get_outputs()}
    return {
        name: np.empty((count, dim if name == EMBEDDINGS else widths[name]), np.float32)
        for name in names
    }


def _batches_by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Group the indices of texts of similar length, so that little is padded."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        full = len(batch) == TEXT_BATCH or (len(batch) + 1) * lengths[index] > BATCH_TOKENS
        if batch and full:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _unit_rows(vectors: Vectors, model: str) -> Vectors:
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and lengths.all()):
        raise ModelError(
            f"The model {model} gave vectors that are not finite or are zero: "
            "its weights are damaged or an input was not finite. Try another model."
        )
    unit: Vectors = np.divide(vectors, lengths, dtype=np.float32)
    return unit

"""Images and texts to unit vectors. Knows nothing of libraries or FAISS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from indexer.records import Pixels, Space, Vectors


class Preparation(Protocol):
    """What makes pixels of photos for one model; it travels between processes."""

    @property
    def image_size(self) -> int:
        """The shorter side, in pixels, below which a decoded image loses detail for this model."""
        ...

    def preprocess(self, image: Image.Image) -> Pixels:
        """Resize, crop and normalise one upright RGB image; safe to call from many threads."""
        ...


class Encoder(Protocol):
    """A model with an image tower and a text tower that share one space."""

    @property
    def space(self) -> Space:
        """The identity of the vectors that this encoder makes."""
        ...

    @property
    def dim(self) -> int:
        """The length of each vector."""
        ...

    @property
    def image_size(self) -> int:
        """The shorter side, in pixels, below which a decoded image loses detail for this model."""
        ...

    @property
    def device(self) -> str:
        """What it runs on: cpu, cuda or mps."""
        ...

    @property
    def image_batch(self) -> int:
        """How many images are best encoded together."""
        ...

    @property
    def preparation(self) -> Preparation | None:
        """What makes pixels in other processes, where one process does not feed the device."""
        ...

    def preprocess(self, image: Image.Image) -> Pixels:
        """Resize, crop and normalise one upright RGB image; safe to call from many threads."""
        ...

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        """Encode preprocessed images, in order; `(n, dim)`, unit rows."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order; `(n, dim)`, unit rows."""
        ...

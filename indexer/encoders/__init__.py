"""Images and texts to unit vectors. Knows nothing of libraries or FAISS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from indexer.records import Pixels, Space, Vectors


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

    def preprocess(self, image: Image.Image) -> Pixels:
        """Resize, crop and normalise one upright RGB image; safe to call from many threads."""
        ...

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        """Encode preprocessed images, in order; `(n, dim)`, unit rows."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, in order; `(n, dim)`, unit rows."""
        ...

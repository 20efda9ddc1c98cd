"""A library held open for many searches, with the model that it was made with.

Knows no HTTP. What is asked of it may be asked by many threads at once.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from indexer.catalog import facets
from indexer.catalog.file import CATALOG
from indexer.decode.photo import DEFAULT_MAX_PIXELS
from indexer.filters import Filters
from indexer.library import Library
from indexer.spaces import library_encoder
from search.engine import SearchEngine
from search.line import read_line
from search.query import Query
from search.web.handed import HandedOver
from search.web.rankings import Rankings
from search.web.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from PIL import Image

    from indexer.catalog.facets import Traits
    from indexer.encoders import Encoder, Preparation
    from indexer.records import Pixels, Space, Vector, Vectors

_TEXTS = 1024  # that are remembered
_KEYWORDS = 10_000  # that are known to complete what is typed


class Desk:
    """One library at a folder, that may come, change and go while it is held."""

    def __init__(
        self,
        folder: Path,
        load_model: Callable[[str], Encoder],
        *,
        max_pixels: int = DEFAULT_MAX_PIXELS,
    ) -> None:
        self.folder = folder
        self._max_pixels = max_pixels
        self._load_model = load_model
        self.handed = HandedOver()
        self.rankings = Rankings()
        self._traits: Recent[str, Traits] = Recent(1)
        self._keywords: Recent[str, dict[str, int]] = Recent(1)
        self._counting = threading.Lock()
        self._opening = threading.Lock()
        self._loading = threading.Lock()  # of a model, while pictures are looked up
        self._held: _Held | None = None

    def library(self) -> Library:
        """Return the library as it is now. Raises LibraryError."""
        return self._open().library

    def engine(self) -> SearchEngine:
        """Return what searches the library, with its model loaded. Raises LibraryError, ModelError.

        The model is loaded again when the library has changed to another.
        """
        held = self._open()
        space = held.library.space
        engine = held.engine
        if engine is not None and space is not None and engine.space.same_as(space):
            return engine
        with self._loading:
            engine = held.engine
            if engine is None or space is None or not engine.space.same_as(space):
                encoder = library_encoder(held.library, self._load_model)
                held.engine = engine = SearchEngine(
                    held.library, Remembering(encoder), max_pixels=self._max_pixels
                )
            return engine

    def traits(self) -> Traits:
        """Return what the photos are like, to be counted. Raises LibraryError."""
        state = self.state()
        with self._counting:
            found = self._traits.get(state)
            if found is None:
                with self.library().reading() as connection:
                    found = facets.read(connection)
                self._traits.put(state, found)
            return found

    def keywords(self) -> dict[str, int]:
        """Return the commonest keywords, with how many photos have each. Raises LibraryError."""
        state = self.state()
        found = self._keywords.get(state)
        if found is None:
            with self.library().reading() as connection:
                found = facets.keywords(connection, Filters(), limit=_KEYWORDS)
            self._keywords.put(state, found)
        return found

    def warm(self) -> None:
        """Load what the first search of words needs. Raises LibraryError, ModelError."""
        self.engine().search(Query(read_line("a photo").terms, top_k=1))

    def close(self) -> None:
        """Let go of the library; it is opened again if it is asked for."""
        with self._opening:
            if self._held is not None:
                self._held.library.close()
            self._held = None

    def state(self) -> str:
        """Name the state that the library is in: another one after each commit."""
        return "-".join(f"{mtime_ns:x}.{size:x}" for mtime_ns, size in _stamps(self.folder))

    def _open(self) -> _Held:
        with self._opening:
            inode = _inode(self.folder)
            if self._held is None or self._held.inode != inode:
                # those who still read the old one keep it until they are done
                self._held = _Held(Library.open(self.folder), inode)
            return self._held


@dataclass(slots=True)
class _Held:
    library: Library
    inode: tuple[int, int] | None  # of the catalog: a library may be made anew in its place
    engine: SearchEngine | None = None


class Remembering:
    """An encoder that knows the vectors of the texts that it was asked for last."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: Recent[str, Vector] = Recent(_TEXTS)

    @property
    def space(self) -> Space:
        """The identity of the vectors that this encoder makes."""
        return self._encoder.space

    @property
    def dim(self) -> int:
        """The length of each vector."""
        return self._encoder.dim

    @property
    def image_size(self) -> int:
        """The shorter side, in pixels, below which a decoded image loses detail for this model."""
        return self._encoder.image_size

    @property
    def device(self) -> str:
        """What it runs on."""
        return self._encoder.device

    @property
    def image_batch(self) -> int:
        """How many images are best encoded together."""
        return self._encoder.image_batch

    @property
    def preparation(self) -> Preparation | None:
        """What makes pixels in other processes."""
        return self._encoder.preparation

    def preprocess(self, image: Image.Image) -> Pixels:
        """Resize, crop and normalise one upright RGB image."""
        return self._encoder.preprocess(image)

    def encode_images(self, images: Sequence[Pixels]) -> Vectors:
        """Encode preprocessed images, in order; `(n, dim)`, unit rows."""
        return self._encoder.encode_images(images)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encode the texts that are not known, and return all, in order; `(n, dim)`, unit rows."""
        known = {text: self._known.get(text) for text in texts}
        found = {text: vector for text, vector in known.items() if vector is not None}
        new = [text for text in known if text not in found]
        if new:
            for text, vector in zip(new, self._encoder.encode_texts(new), strict=True):
                found[text] = vector
                self._known.put(text, vector)
        return np.stack([found[text] for text in texts])


def _inode(folder: Path) -> tuple[int, int] | None:
    try:
        status = (folder / CATALOG).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _stamps(folder: Path) -> list[tuple[int, int]]:
    """Return the times and sizes of the files that each commit changes."""
    found = []
    for name in (CATALOG, f"{CATALOG}-wal"):
        try:
            status = (folder / name).stat()
        except OSError:
            found.append((0, 0))
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return found

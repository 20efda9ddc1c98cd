"""A library's model, loading while the rest of a search starts. Knows no queries.

What the library's model is, only the library says; here it is guessed from its catalog.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from indexer.catalog.file import CATALOG, likely_model
from indexer.encoders.bundle import BundleEncoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from indexer.encoders import Encoder

    Load = Callable[[str], Encoder]


class Ahead:
    """A model that may be wanted soon; `load` gives that one, or loads another."""

    def __init__(self, load: Load, name: str | None, encoder: Future[Encoder] | None) -> None:
        self._load = load
        self._name = name
        self._encoder = encoder

    @classmethod
    def start(cls, folder: Path, load: Load) -> Ahead:
        """Begin to load the model that the library in `folder` seems to have, for one text."""
        name = likely_model(folder / CATALOG)
        if name is None:
            return cls(load, None, None)
        pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        encoder = pool.submit(load, name)
        pool.submit(_prepare, encoder)
        pool.shutdown(wait=False)
        return cls(load, name, encoder)

    def load(self, name: str) -> Encoder:
        """Load a model by name; raises what loading it raises."""
        if self._encoder is None or name != self._name:
            return self._load(name)
        return self._encoder.result()


def _prepare(loaded: Future[Encoder]) -> None:
    # what this raises is raised again where the encoder is used
    encoder = loaded.result()
    if isinstance(encoder, BundleEncoder):
        encoder.prepare_text()

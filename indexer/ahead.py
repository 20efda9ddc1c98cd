"""A library's model, loading while the rest of a search is imported. Knows no queries.

What the library's model is, only the library says; here it is guessed from its catalog.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, TypeAlias

from indexer.catalog.file import CATALOG, likely_model
from indexer.encoders.bundle import BundleEncoder
from indexer.errors import ModelError, SightseekError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexer.encoders import Encoder

    Load: TypeAlias = Callable[[str], Encoder]


def load_ahead(folder: Path, load: Load) -> Load:
    """Begin to load what a text needs of the model that the library in `folder` seems to have.

    Returns `load` for when the library has said its model's name: it gives, or raises, what
    loading that one did, and loads any other.
    """
    name = likely_model(folder / CATALOG)
    if name is None:
        return load
    found: Encoder | SightseekError
    try:
        found = load(name)
    except SightseekError as error:  # the library may have more to say of it
        found = error
    if isinstance(found, BundleEncoder):
        Thread(target=_prepare, args=(found,), name="ahead").start()

    def load_known(wanted: str) -> Encoder:
        if wanted != name:
            return load(wanted)
        if isinstance(found, SightseekError):
            raise found
        return found

    return load_known


def _prepare(encoder: BundleEncoder) -> None:
    with suppress(ModelError):  # it is raised again where the tower is used
        encoder.prepare_text()

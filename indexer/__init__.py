"""Photos and captions to a library of embeddings: the side of sightseek that writes.

>>> from indexer import Library, index_photos, load_encoder
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.encoders.registry import load_encoder
    from indexer.errors import SightseekError
    from indexer.library import Library
    from indexer.pipeline import index_photos

__all__ = ["Library", "SightseekError", "index_photos", "load_encoder"]

_HOMES = {
    "Library": "indexer.library",
    "SightseekError": "indexer.errors",
    "index_photos": "indexer.pipeline",
    "load_encoder": "indexer.encoders.registry",
}


def __getattr__(name: str) -> object:
    # nothing heavy is imported before it is needed: `sightseek --help` pays for click alone
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

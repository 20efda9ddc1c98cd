"""Photos that were handed over to search by: vectors and small pictures, in memory alone.

A photo's key is a digest of its bytes, so the same one is encoded once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from indexer.decode.thumbnail import fitted
from indexer.errors import PathNotFoundError
from search.web.recent import Recent

if TYPE_CHECKING:
    from indexer.records import Space, Vector
    from search.engine import SearchEngine

_MOST = 256  # photos: 20 MB
_BOX = (640, 640)


@dataclass(frozen=True, slots=True)
class Handed:
    """A photo that was handed over."""

    vector: Vector
    space: Space
    picture: bytes  # WebP, in a square of 640 pixels


class HandedOver:
    """The photos that were handed over last."""

    def __init__(self) -> None:
        self._known: Recent[str, Handed] = Recent(_MOST)

    def take(self, data: bytes, *, name: str, engine: SearchEngine) -> str:
        """Keep a photo, and return its key. Raises DecodeError."""
        key = blake2b(data, digest_size=16).hexdigest()
        if self._known.get(key) is None:
            photo = engine.encode_photo(data, name=name)
            picture = fitted(photo.image, _BOX).webp()
            self._known.put(key, Handed(photo.vector, engine.space, picture))
        return key

    def get(self, key: str) -> Handed:
        """Return a photo by its key. Raises PathNotFoundError when it is not held any more."""
        found = self._known.get(key)
        if found is None:
            raise PathNotFoundError(
                "The photo that was handed over is not held any more. Hand it over again."
            )
        return found

    def vector(self, key: str, *, engine: SearchEngine) -> Vector:
        """Return a photo's vector in an engine's space. Raises PathNotFoundError."""
        found = self.get(key)
        if not found.space.same_as(engine.space):  # the library has changed to another model
            vector = engine.encode_photo(found.picture).vector
            found = replace(found, vector=vector, space=engine.space)
            self._known.put(key, found)
        return found.vector

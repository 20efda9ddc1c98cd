"""Pictures of the library's photos, and their files themselves. Knows no protocol.

Only what was indexed is shown: a path may lead to another file by now, over a link that was moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from indexer.catalog import photos
from indexer.decode.photo import DEFAULT_MAX_BYTES, read_photo
from indexer.decode.thumbnail import thumbnail_of
from indexer.errors import DecodeError
from indexer.loading import hash_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.records import Photo
    from search.thumbnail_cache import Size, ThumbnailCache
    from search.web.desk import Desk

SMALL: Size = 320  # pixels of the longer side
LARGE: Size = 1280
MEDIA_TYPE = "image/webp"

_NAMED = ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "PNG", "TIFF", "WEBP")  # media types go by these
_MOST_BYTES = 20_000_000  # of a file that is handed over as it is


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo made smaller, or why it cannot be."""

    photo: Photo
    data: bytes | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Shows one library's photos."""

    desk: Desk
    cache: ThumbnailCache
    max_pixels: int

    def small(self, photo_ids: Sequence[int]) -> Iterator[Picture]:
        """Yield small pictures of the photos that the library holds, in order."""
        with self.desk.library().reading() as connection:
            found = photos.by_id(connection, photo_ids)
        for photo in (found[each] for each in photo_ids if each in found):
            try:
                yield Picture(photo, self._picture(photo, SMALL))
            except DecodeError as error:
                yield Picture(photo, None, str(error))

    def large(self, photo: Photo) -> bytes:
        """Return a photo's picture. Raises DecodeError."""
        try:
            return self._picture(photo, LARGE)
        except DecodeError as error:
            raise DecodeError(f"{photo.path} cannot be shown: {error}.") from error

    def original(self, photo: Photo) -> bytes:
        """Return a photo's file. Raises DecodeError."""
        try:
            return _read(photo, max_bytes=_MOST_BYTES)
        except DecodeError as error:
            raise DecodeError(f"{photo.path} cannot be handed over: {error}.") from error

    def _picture(self, photo: Photo, side: Size) -> bytes:
        return self.cache.get(photo.content_hash, side, partial(self._make, photo, side))

    def _make(self, photo: Photo, side: int) -> bytes:
        data, box = _read(photo), (side, side)
        return thumbnail_of(data, box, path=photo.path, max_pixels=self.max_pixels).webp()


def media_type(kind: str) -> str:
    """Return the media type of files of a photo format."""
    return f"image/{kind.lower()}" if kind in _NAMED else "application/octet-stream"


def _read(photo: Photo, *, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
    data = read_photo(photo.path, max_bytes=max_bytes)
    if hash_content(data) != photo.content_hash:
        raise DecodeError("its file is not what was indexed; index it anew")
    return data

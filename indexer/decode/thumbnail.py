"""A photo's file to a small upright picture, as a page or a terminal takes it."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from indexer.decode.photo import DEFAULT_MAX_PIXELS, decode, read_photo

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Indices = npt.NDArray[np.uint8]  # (height, width), rows of `Palette`
    Palette = npt.NDArray[np.uint8]  # (n, 3), RGB

_QUALITY = 82
_EFFORT = 2  # of 6: the next takes twice as long for files that are 3 % smaller
_MOST_COLOURS = 256


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture: RGB, sRGB, upright."""

    image: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.size

    def jpeg(self) -> bytes:
        """Return the picture as a JPEG, without anything that its file said of itself."""
        return self._saved("JPEG", quality=_QUALITY, optimize=True)

    def webp(self) -> bytes:
        """Return the picture as a WebP, likewise."""
        return self._saved("WEBP", quality=_QUALITY, method=_EFFORT)

    def png(self) -> bytes:
        """Return the picture as a PNG, likewise."""
        return self._saved("PNG", compress_level=6)

    def paletted(self) -> tuple[Indices, Palette]:
        """Return the picture in at most 256 colours."""
        few = self.image.quantize(_MOST_COLOURS, Image.Quantize.MEDIANCUT)
        palette = np.array(few.getpalette() or (), np.uint8).reshape(-1, 3)
        return np.asarray(few), palette

    def _saved(self, kind: str, **options: int) -> bytes:
        # a new image: Pillow would write on what the photo's file says, its place among it
        plain = Image.new("RGB", self.size)
        plain.paste(self.image)
        file = BytesIO()
        plain.save(file, kind, **options)
        return file.getvalue()


def thumbnail(
    path: Path, box: tuple[int, int], *, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Thumbnail:
    """Read a photo and fit it into `box`, never enlarged.

    Raises DecodeError, whose message leaves the path to the caller.
    """
    return thumbnail_of(read_photo(path), box, path=path, max_pixels=max_pixels)


def thumbnail_of(
    data: bytes, box: tuple[int, int], *, path: Path, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Thumbnail:
    """Fit a photo that was read into `box`; `path` is only asked for its suffix.

    Raises DecodeError.
    """
    # at least twice this is what the shorter side comes with, which then fills the box
    min_side = max(1, -(-max(box) // 2))
    decoded = decode(data, path=path, min_side=min_side, max_pixels=max_pixels)
    return fitted(decoded.image, box)


def fitted(image: Image.Image, box: tuple[int, int]) -> Thumbnail:
    """Fit a picture into `box`, never enlarged."""
    small = image.copy()
    small.thumbnail(box, Image.Resampling.LANCZOS)
    return Thumbnail(small)

"""Camera RAW files through LibRaw. The only module that imports rawpy (extra `raw`)."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from indexer.decode.exif import orientation, read_tags, tiff_tags
from indexer.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

_FLIPS = {3: 3, 5: 8, 6: 6}  # LibRaw's flip -> EXIF orientation
_NEARLY_FULL = 0.9  # of the sensor's width: previews lack the borders


@dataclass(frozen=True, slots=True)
class RawPhoto:
    """A RAW file's picture as it lies (not upright yet), and what its header says."""

    image: Image.Image
    orientation: int
    size: tuple[int, int]  # the sensor's, as it lies
    exif: Image.Exif


def open_raw(
    data: bytes, *, min_side: int | None, check_size: Callable[[tuple[int, int]], None]
) -> RawPhoto:
    """Open a RAW file: its embedded JPEG when that is large enough, else developed.

    Raises DecodeError when the extra is missing or LibRaw cannot read the file.
    """
    try:
        import rawpy
    except ImportError as error:
        raise DecodeError("RAW photos need an extra: pip install 'sightseek[raw]'") from error
    try:
        with rawpy.imread(BytesIO(data)) as raw:
            return _picture(rawpy, raw, data, min_side, check_size)
    except rawpy.LibRawIOError as error:  # LibRaw read past the end
        raise DecodeError("the file is truncated: copy it again from where it came") from error
    except (rawpy.LibRawError, rawpy.NotSupportedError) as error:
        reason = _reason(error)
        raise DecodeError(f"the RAW file cannot be read ({reason}): export it as JPEG") from error


def _picture(
    rawpy: Any,
    raw: Any,
    data: bytes,
    min_side: int | None,
    check_size: Callable[[tuple[int, int]], None],
) -> RawPhoto:
    size = (raw.sizes.width, raw.sizes.height)
    check_size(size)
    flip = _FLIPS.get(raw.sizes.flip, 1)
    preview = _preview(rawpy, raw)
    exif = tiff_tags(data)
    if preview is not None:
        exif = exif or read_tags(preview)
        check_size(preview.size)
        enough = 2 * min_side if min_side else _NEARLY_FULL * min(size)
        if min(preview.size) >= enough:
            return RawPhoto(preview, _preview_orientation(preview, flip), size, exif)
    half = bool(min_side) and min(size) // 2 >= 2 * (min_side or 0)
    pixels = raw.postprocess(half_size=half, use_camera_wb=True, user_flip=0, output_bps=8)
    return RawPhoto(Image.fromarray(pixels), flip, size, exif)


def _preview(rawpy: Any, raw: Any) -> Image.Image | None:
    try:
        thumb = raw.extract_thumb()
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
        return None
    if thumb.format is not rawpy.ThumbFormat.JPEG:
        return None
    try:
        return JpegImageFile(BytesIO(thumb.data))
    except (SyntaxError, OSError, ValueError):
        return None


def _preview_orientation(preview: Image.Image, flip: int) -> int:
    """Give the preview's own orientation; where it has none, the sensor's."""
    own = orientation(read_tags(preview))
    return own if own != 1 else flip


def _reason(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)

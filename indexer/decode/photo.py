"""Bytes to an upright sRGB image with its facts and captions. Knows nothing of folders or models.

Pillow's plugins are called by name, so nothing but the formats listed here is ever run, and
Pillow's own limit on pixels, a global of its module, is off: `decode` holds each image to the
`max_pixels` of its call, which many threads may make at once.
"""

from __future__ import annotations

import re
import stat
import struct
import zlib
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING

import PIL
from PIL import Image, features
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from indexer.decode.colour import to_srgb
from indexer.decode.exif import orientation, read_exif, read_tags
from indexer.decode.formats import (
    HEAD_BYTES,
    RAW_FORMATS,
    claims_photo,
    describe,
    foreign_image,
    photo_format,
)
from indexer.decode.heif import open_heif
from indexer.decode.iptc import read_iptc
from indexer.decode.metadata import join
from indexer.decode.raw import open_raw
from indexer.decode.segments import without_metadata
from indexer.decode.xmp import read_xmp
from indexer.errors import DecodeError, NotAPhotoError, UnreadableError
from indexer.records import Facts

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.ImageFile import ImageFile

DEFAULT_MAX_PIXELS = 250_000_000
DEFAULT_MAX_BYTES = 1 << 30

Image.MAX_IMAGE_PIXELS = None

_PLUGINS: dict[str, type[ImageFile]] = {
    "AVIF": AvifImageFile,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "TIFF": TiffImageFile,
    "WEBP": WebPImageFile,
}
# what Pillow's plugins and libheif raise on damaged files
_BAD_DATA = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError,
    OverflowError, ZeroDivisionError, AssertionError, RuntimeError,
    struct.error, zlib.error,
)  # fmt: skip
_SPEAKING = (OSError, SyntaxError, ValueError, RuntimeError)  # the others' texts are bare values
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ADDRESS = re.compile(r"<[^<>]*>|0x[0-9a-fA-F]+")
_SIGNS_OF_A_CUT = ("truncated", "end of file", "eof", "failed to read next frame", "no data")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A photo as a model and a catalog want it."""

    image: Image.Image  # mode RGB, sRGB, upright
    facts: Facts
    captions: tuple[str, ...]  # embedded in the file, as keywords are
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Opened:
    """A photo whose header is read and whose pixels, if possible, are not."""

    image: Image.Image
    orientation: int
    size: tuple[int, int]  # as stored, not upright
    exif: Image.Exif


def read_photo(path: Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
    """Read a photo's file; a file that is no photo is not read past its first HEAD_BYTES.

    Raises NotAPhotoError when neither content nor name speak of a photo, UnreadableError when the
    file cannot be read now, DecodeError for other faults. Messages leave the path to the caller.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise NotAPhotoError("is not a file: name a photo")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            _check_head(head, path)
            if status.st_size > max_bytes:
                raise DecodeError(
                    f"the file has {status.st_size:,} bytes, more than the {max_bytes:,} allowed"
                )
            file.seek(0)
            return file.read()
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise UnreadableError(f"the file cannot be read: {reason}") from error


def decode(
    data: bytes, *, path: Path, min_side: int | None, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Decoded:
    """Decode a photo; `path` is only asked for its suffix.

    `min_side` is the shorter side that the model needs: the image may come reduced to no less than
    twice that; None gives every pixel. Raises DecodeError, and UnreadableError when memory runs
    out; their messages leave out the path.
    """
    kind = _check_head(data[:HEAD_BYTES], path)
    try:
        opened = _open(data, kind, min_side, max_pixels)
        metadata = join(
            exif=read_exif(opened.exif), iptc=read_iptc(opened.image), xmp=read_xmp(opened.image)
        )
        image = to_srgb(opened.image, min_side=min_side)
    except MemoryError as error:
        raise UnreadableError("there is too little memory for it: lower --max-pixels") from error
    except _BAD_DATA as error:
        raise DecodeError(_explain(error, kind)) from error
    turn = _UPRIGHT.get(opened.orientation)
    width, height = opened.size if opened.orientation < 5 else opened.size[::-1]
    return Decoded(
        image=image.transpose(turn) if turn is not None else image,
        facts=metadata.over(Facts(width=width, height=height, format=kind)),
        captions=metadata.captions,
        keywords=metadata.keywords,
    )


def decoders() -> str:
    """Name what can be decoded now: a file skipped under another answer is worth another try."""
    parts = [f"pillow {PIL.__version__}"]
    parts += [name for name in ("avif", "webp") if features.check(name)]
    extras = {"heif": "pi_heif", "raw": "rawpy"}
    parts += [extra for extra, module in extras.items() if find_spec(module)]
    return "; ".join(parts)


def _check_head(head: bytes, path: Path) -> str:
    """Name the format to decode as, or raise what is wrong with it."""
    kind = photo_format(head, path)
    if kind:
        return kind
    foreign = foreign_image(head)
    if foreign:
        raise DecodeError(f"{foreign} images cannot be read: save it as JPEG or PNG")
    error = DecodeError if claims_photo(path) else NotAPhotoError
    if not head:
        raise error("the file is empty")
    raise error(f"the file is no photo: it holds {describe(head)}")


def _open(data: bytes, kind: str, min_side: int | None, max_pixels: int) -> _Opened:
    check_size = partial(_cap, max_pixels=max_pixels)
    if kind in RAW_FORMATS:
        raw = open_raw(data, min_side=min_side, check_size=check_size)
        _draft(raw.image, min_side)
        return _Opened(raw.image, raw.orientation, raw.size, raw.exif)
    if kind == "HEIF":
        upright = open_heif(data, check_size=check_size)
        return _Opened(upright, 1, upright.size, read_tags(upright))
    image = _read_header(data, kind)
    check_size(image.size)
    size, exif = image.size, read_tags(image)
    _draft(image, min_side)
    image.load()
    return _Opened(image, orientation(exif), size, exif)  # a TIFF is upright once it is loaded


def _read_header(data: bytes, kind: str) -> ImageFile:
    try:
        return _PLUGINS[kind](BytesIO(data))
    except SyntaxError:
        if kind != "JPEG":
            raise
    # Pillow asks EXIF for the resolution at once, and fails where that is damaged
    return JpegImageFile(BytesIO(without_metadata(data)))


def _cap(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise DecodeError(
            f"the photo is {width:,} x {height:,} pixels, more than the {max_pixels:,} allowed: "
            f"raise the limit with --max-pixels {width * height}"
        )


def _draft(image: Image.Image, min_side: int | None) -> None:
    """Let a JPEG be decoded at a half, a quarter or an eighth, which costs as much less."""
    if min_side and isinstance(image, JpegImageFile):
        image.draft(None, (2 * min_side, 2 * min_side))


def _explain(error: Exception, kind: str) -> str:
    text = " ".join(_ADDRESS.sub("", str(error)).split())[:120]
    if isinstance(error, EOFError) or any(sign in text.lower() for sign in _SIGNS_OF_A_CUT):
        return "the file is truncated: copy it again from where it came"
    detail = f" ({text})" if isinstance(error, _SPEAKING) and any(map(str.isalpha, text)) else ""
    return f"the {kind} file is damaged{detail}: replace it with a good copy"

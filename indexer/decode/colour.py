"""Pixels of any kind to 8-bit sRGB over white. Knows nothing of files."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageChops, ImageCms

_PROFILE_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
_INVISIBLE = 2  # levels of 255: a profile that moves no colour further is sRGB
_PROBE = np.stack(np.meshgrid(*[np.linspace(0, 255, 6)] * 3), axis=-1).reshape(36, 6, 3)
_WHITE_IS_ZERO, _PHOTOMETRIC = 0, 262  # TIFF 6.0, section 3


def to_srgb(image: Image.Image, *, min_side: int | None) -> Image.Image:
    """Convert any image to mode RGB in sRGB, its transparent parts white.

    An image whose shorter side is over four times `min_side` is reduced to no less than twice
    that, by averaging whole blocks, before the costly conversions.
    """
    profile = image.info.get("icc_profile")
    image = _reduced(_unpacked(image), min_side)
    image = _over_white(image)
    if image.mode == "LAB":
        return _apply(_lab_transform(), image)
    transform = _transform(profile, image.mode) if isinstance(profile, bytes) else None
    return _apply(transform, image) if transform else image.convert("RGB")


def _unpacked(image: Image.Image) -> Image.Image:
    """Give every pixel its own 8-bit channels: L, LA, RGB, RGBA, CMYK, YCbCr or LAB."""
    if image.mode.startswith("I;16"):
        return _from_16_bit(image)
    if image.mode in {"I", "F"}:
        return _from_numbers(np.asarray(image, np.float64))
    if image.mode in {"PA", "RGBa"} or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        return ImageChops.invert(image)  # Pillow takes every CMYK JPEG for Adobe's inverted kind
    wanted = {"1": "L", "P": "RGB", "La": "LA", "RGBX": "RGB", "HSV": "RGB"}.get(image.mode)
    return image.convert(wanted) if wanted else image


def _from_16_bit(image: Image.Image) -> Image.Image:
    levels = np.asarray(image)  # (height, width), 0..65535
    grey = ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    tags = getattr(image, "tag_v2", {})
    return Image.fromarray(255 - grey if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey)


def _from_numbers(numbers: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Image.Image:
    """Map 0..1 or 0..255 as they stand, and any other range from its least to its greatest."""
    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    filled = np.nan_to_num(numbers, nan=low, posinf=high, neginf=low)
    scaled = (filled - low) * (255 / ((high - low) or 1.0))
    return Image.fromarray(np.rint(scaled).clip(0, 255).astype(np.uint8))


def _reduced(image: Image.Image, min_side: int | None) -> Image.Image:
    factor = min(image.size) // (2 * min_side) if min_side else 1
    return image.reduce(factor) if factor > 1 else image


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode not in {"LA", "RGBA"}:
        return image
    alpha = image.getchannel("A")
    opaque = image.convert(image.mode.removesuffix("A"))
    if alpha.getextrema() == (255, 255):
        return opaque
    white = Image.new(opaque.mode, image.size, "white")
    white.paste(opaque, mask=alpha)
    return white


def _apply(transform: ImageCms.ImageCmsTransform, image: Image.Image) -> Image.Image:
    """Transform into a new image: one transform serves many threads."""
    output = Image.new("RGB", image.size)
    transform.apply(image, output)
    return output


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the way from `profile` to sRGB; None if it is broken, of another kind, or sRGB."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space.strip() != _PROFILE_SPACES.get(mode):
            return None
        transform = _to_srgb_from(source, mode)
        return None if _is_srgb(transform, mode) else transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, UnicodeDecodeError):
        return None


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return _to_srgb_from(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")), "LAB")


def _to_srgb_from(source: ImageCms.ImageCmsProfile, mode: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


def _is_srgb(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    if mode == "CMYK":
        return False
    probe = Image.fromarray(_PROBE.astype(np.uint8)).convert(mode)
    moved = ImageChops.difference(_apply(transform, probe), probe.convert("RGB"))
    return max(high for _, high in moved.getextrema()) <= _INVISIBLE  # type: ignore[misc]

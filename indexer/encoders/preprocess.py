"""An upright RGB image to the pixels one model wants. Knows nothing of files or encoders.

The three resize modes give what open_clip's evaluation transforms (3.x) give, without torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from PIL import Image

    from indexer.records import Pixels

ResizeMode = Literal["shortest", "longest", "squash"]
Interpolation = Literal["bicubic", "bilinear"]
Triple = tuple[float, float, float]

RESIZE_MODES: tuple[str, ...] = get_args(ResizeMode)
INTERPOLATIONS: tuple[str, ...] = get_args(Interpolation)
EXTREME = 8  # times as long as wide


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a model wants its images: resized by `mode`, then `size` x `size` of it, normalised.

    `shortest` scales the shorter side to `resize` and cuts out the centre, `longest` scales the
    longer side to `resize` and pads with `fill`, `squash` ignores the aspect ratio.
    """

    size: int  # of the pixels that come out
    mean: Triple  # on the scale 0 to 1
    std: Triple
    mode: ResizeMode = "shortest"
    interpolation: Interpolation = "bicubic"
    resize: int = 0  # the side to scale to; 0 is `size`, more cuts the border away
    fill: int = 0  # a grey level, 0 to 255

    def __post_init__(self) -> None:
        if self.mode not in RESIZE_MODES:
            raise ValueError(f"resize mode {self.mode!r} is none of {', '.join(RESIZE_MODES)}")
        if self.interpolation not in INTERPOLATIONS:
            known = ", ".join(INTERPOLATIONS)
            raise ValueError(f"interpolation {self.interpolation!r} is none of {known}")
        if self.size < 1 or min(self.std) <= 0:
            raise ValueError("size and std must be positive")
        if self.resize and self.resize < self.size:
            raise ValueError("resize must be 0 or at least size")
        if self.resize and self.mode != "shortest":
            raise ValueError("resize is for the mode shortest only")

    @property
    def side(self) -> int:
        """The side that an image is scaled to, in pixels."""
        return self.resize or self.size


def preprocess(image: Image.Image, wanted: Preprocessing) -> Pixels:
    """Resize, crop or pad and normalise an upright RGB image; `(3, size, size)`."""
    return _normalise(fit(image, wanted), wanted)


def fit(image: Image.Image, wanted: Preprocessing) -> Image.Image:
    """Resize, crop or pad an upright RGB image to `size` x `size`."""
    match wanted.mode:
        case "shortest":
            return _shortest(image, wanted)
        case "longest":
            return _longest(image, wanted)
        case "squash":
            return image.resize((wanted.size, wanted.size), _resampling(wanted))


def _shortest(image: Image.Image, wanted: Preprocessing) -> Image.Image:
    width, height = image.size
    shorter = min(width, height)
    # torchvision truncates the longer side and rounds the corner of the crop
    full = (int(wanted.side * width / shorter), int(wanted.side * height / shorter))
    left, top = (round((length - wanted.size) / 2) for length in full)
    crop = (left, top, left + wanted.size, top + wanted.size)
    if max(full) <= EXTREME * wanted.side:
        return image.resize(full, _resampling(wanted)).crop(crop)
    # resampling the crop alone differs by a rounding, and saves gigabytes on 1 x 30,000 pixels
    across, down = width / full[0], height / full[1]
    box = (
        left * across,
        top * down,
        min((left + wanted.size) * across, width),
        min((top + wanted.size) * down, height),
    )
    return image.resize((wanted.size, wanted.size), _resampling(wanted), box=box)


def _longest(image: Image.Image, wanted: Preprocessing) -> Image.Image:
    from PIL import Image as PillowImage

    width, height = image.size
    ratio = max(width, height) / wanted.size
    fitted = (max(1, round(width / ratio)), max(1, round(height / ratio)))
    canvas = PillowImage.new("RGB", (wanted.size, wanted.size), (wanted.fill,) * 3)
    corner = ((wanted.size - fitted[0]) // 2, (wanted.size - fitted[1]) // 2)
    canvas.paste(image.resize(fitted, _resampling(wanted)), corner)
    return canvas


def _resampling(wanted: Preprocessing) -> Image.Resampling:
    from PIL import Image as PillowImage

    if wanted.interpolation == "bilinear":
        return PillowImage.Resampling.BILINEAR
    return PillowImage.Resampling.BICUBIC


def _normalise(image: Image.Image, wanted: Preprocessing) -> Pixels:
    import numpy as np

    mean = np.array(wanted.mean, dtype=np.float32)[:, None, None]
    std = np.array(wanted.std, dtype=np.float32)[:, None, None]
    # channels are parted while they are bytes, which is four times less to move
    channels = np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))
    scaled = channels.astype(np.float32)
    scaled /= np.float32(255)
    scaled -= mean
    scaled /= std
    return scaled

"""Ways to look at one photo, so that heads learn what survives cropping. Knows no model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from collections.abc import Callable

AREA = (0.4, 1.0)  # of a photo that a random crop shows
RATIO = (3 / 4, 4 / 3)  # of a random crop's sides


@dataclass(frozen=True, slots=True)
class View:
    """One way to cut a photo; random ones depend on the photo's content alone."""

    name: str
    cut: Callable[[Image.Image, np.random.Generator], Image.Image]

    def __call__(self, image: Image.Image, content_hash: bytes) -> Image.Image:
        """Cut the view out of an upright image."""
        seed = [int.from_bytes(self.name.encode()), int.from_bytes(content_hash)]
        return self.cut(image, np.random.default_rng(seed))


def _whole(image: Image.Image, _draw: np.random.Generator) -> Image.Image:
    return image


def _mirrored(image: Image.Image, _draw: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(image)


def _centre(image: Image.Image, _draw: np.random.Generator) -> Image.Image:
    return ImageOps.fit(image, (min(image.size),) * 2)


def _random(image: Image.Image, draw: np.random.Generator) -> Image.Image:
    """Cut a part as Inception's augmentation does (Szegedy et al. 2014, arXiv:1409.4842)."""
    width, height = image.size
    area = draw.uniform(*AREA) * width * height
    ratio = np.exp(draw.uniform(*np.log(RATIO)))
    across = min(round((area * ratio) ** 0.5), width)
    down = min(round((area / ratio) ** 0.5), height)
    left, top = draw.integers(width - across + 1), draw.integers(height - down + 1)
    part = image.crop((int(left), int(top), int(left) + across, int(top) + down))
    return ImageOps.mirror(part) if draw.integers(2) else part


PLAIN = View("whole", _whole)  # what an indexed photo is seen as
VIEWS = (
    PLAIN,
    View("mirrored", _mirrored),
    View("centre", _centre),
    View("random-1", _random),
    View("random-2", _random),
)

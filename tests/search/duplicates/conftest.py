"""Pictures that are as little alike in their parts as photos are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    """Make a picture of coarse and fine patches; another seed makes another."""

    def make(seed: int, size: tuple[int, int] = (360, 240)) -> Image.Image:
        random = np.random.default_rng(seed)
        total = np.zeros((size[1], size[0]), np.float32)
        for across in (3, 6, 12, 24):
            patches = random.normal(0, 1, (across * 2 // 3, across)).astype(np.float32)
            image = Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)
            total += np.asarray(image) / across**0.5
        levels = 128 + 50 * total / total.std()
        return Image.fromarray(levels.clip(0, 255).astype(np.uint8)).convert("RGB")

    return make

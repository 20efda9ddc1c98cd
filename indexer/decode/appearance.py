"""What a photo looks like at a glance: a grey thumbnail and its sharpness. Knows no files.

The thumbnail is what perceptual hashes are made of (Zauner 2010 takes 32 x 32 grey levels too).
It is kept instead of a hash: a crop moves every bit of one, and can be found in a picture.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from indexer.records import GLANCE, Appearance

_SIDE = 256  # pixels of the longer side that sharpness is measured at
_LEAST = 3  # pixels of the shorter side, for a Laplacian to have a middle


def read_appearance(image: Image.Image) -> Appearance:
    """Look at an upright RGB image."""
    scale = _SIDE / max(image.size)
    size = (
        max(_LEAST, round(image.width * scale)),
        max(_LEAST, round(image.height * scale)),
    )
    box = Image.Resampling.BOX
    grey = image.convert("L").resize(size, box, reducing_gap=1.0)
    thumbnail = grey.resize((GLANCE, GLANCE), box)
    return Appearance(thumbnail.tobytes(), _sharpness(grey))


def _sharpness(grey: Image.Image) -> float:
    """Return the variance of the Laplacian: blur takes away what differs from its neighbours."""
    levels = np.asarray(grey, np.int16)
    middle = levels[1:-1, 1:-1]
    around = levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:]
    return float(np.var(4 * middle - around))

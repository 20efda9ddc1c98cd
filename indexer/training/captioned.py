"""A folder of captioned photos to calibrate and measure with. Knows nothing of models.

The folder holds `captions.csv` (`image,caption,lang,source`) and the photos under `images/`.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class CaptionedPhoto:
    """A photo, the collection it belongs to, and its English captions."""

    path: Path
    source: str
    captions: tuple[str, ...]


def read_photos(folder: Path) -> list[CaptionedPhoto]:
    """Read the photos that have English captions, by name."""
    captions: dict[tuple[str, str], list[str]] = defaultdict(list)
    with (folder / "captions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["lang"] == "en":
                captions[row["image"], row["source"]].append(row["caption"])
    return [
        CaptionedPhoto(folder / "images" / image, source, tuple(texts))
        for (image, source), texts in sorted(captions.items())
    ]


def split(
    photos: Sequence[CaptionedPhoto],
) -> tuple[list[CaptionedPhoto], list[CaptionedPhoto]]:
    """Split into photos to choose by and photos to report on, about half each.

    A photo's side depends on its name alone, so it stays when others come or go.
    """
    chosen: list[CaptionedPhoto] = []
    reported: list[CaptionedPhoto] = []
    for photo in photos:
        digest = hashlib.sha256(photo.path.name.encode()).digest()
        (reported if digest[0] % 2 else chosen).append(photo)
    return chosen, reported

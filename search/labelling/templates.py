"""Sentences that names are put in before they are encoded. Knows no models.

A name alone is rarely a caption; the mean of several sentences around it stands for it better than
any one of them (Radford et al. 2021, CLIP, section 3.1.4).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from indexer.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

PLACE = "{}"  # where the name goes

# the seven that CLIP's authors found to do as well as all eighty that they tried for ImageNet
# (github.com/openai/CLIP, notebooks/Prompt_Engineering_for_ImageNet.ipynb); and the like in Chinese
ENGLISH = (
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)
CHINESE = (
    "{}",
    "一张质量差的{}的照片。",
    "小{}的照片。",
    "大{}的照片。",
    "{}的艺术作品。",
    "电子游戏中的{}。",
    "{}折纸。",
)

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN = re.compile("[a-z\u00c0-\u024f\u1e00-\u1eff]", re.IGNORECASE)
_OTHER = re.compile("[\u0370-\u1dff\u3040-\u30ff\uac00-\ud7af]")  # Cyrillic to Thai, kana, Hangul


def filled(name: str, templates: Sequence[str] = ()) -> tuple[str, ...]:
    """Put a name in each template, or in those of its script; other scripts' names stand alone."""
    chosen = templates or _templates_of(name)
    return tuple(template.replace(PLACE, name) for template in chosen)


def checked(templates: Sequence[str]) -> tuple[str, ...]:
    """Return a user's templates, each once; raises UsageError for one without a place."""
    for template in templates:
        if PLACE not in template:
            raise UsageError(
                f"The template {template!r} has no place for a label. "
                "Put {} where it goes, as in 'a photo of a {}'."
            )
    return tuple(dict.fromkeys(templates))


def _templates_of(name: str) -> tuple[str, ...]:
    if _OTHER.search(name):
        return (PLACE,)
    if _HAN.search(name):
        return CHINESE
    return ENGLISH if _LATIN.search(name) else (PLACE,)

"""Which of several photos to keep. Pure: knows nothing of how they were found to be the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from search.duplicates.records import Member

    Key: TypeAlias = tuple[float, ...]

_STEP = math.log(1.25)  # sharpness that differs by less is the same


def copy_key(member: Member) -> tuple[Key, str]:
    """Order copies of one picture, the best to keep first.

    Most pixels, as nothing brings them back. Then most bytes, for less was lost to compression;
    sharpness would prefer copies to which contrast or sharpening was added. Then the older file.
    """
    key = (-_pixels(member), -member.bytes, member.mtime_ns)
    return key, str(member.photo.path)


def burst_key(member: Member) -> tuple[Key, str]:
    """Order photos of one moment, the best to keep first.

    Most pixels, then the sharpest, which moved least; then most bytes, then the older file.
    """
    sharpness = round(math.log1p(member.sharpness or 0) / _STEP)
    key = (-_pixels(member), -sharpness, -member.bytes, member.mtime_ns)
    return key, str(member.photo.path)


def _pixels(member: Member) -> int:
    return member.photo.facts.width * member.photo.facts.height

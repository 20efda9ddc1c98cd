"""What makes two contents count as one, and what speaks against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from indexer.decode.appearance import read_appearance
from search.duplicates.contents import Contents
from search.duplicates.judge import Judge
from search.duplicates.pictures import stacked
from search.duplicates.records import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL import Image

    from search.duplicates.records import Evidence

    Picture = Callable[..., Image.Image]

UNSEEN = bytes(32 * 32)


def compared(
    *images: Image.Image | None,
    cosine: float = 0.95,
    unrelated: float | None = 0.5,
    seconds: Sequence[float] = (np.nan, np.nan),
    cameras: Sequence[int] = (0, 0),
    kinds: Sequence[str] = KINDS,
) -> Evidence | None:
    """Compare two contents."""
    thumbnails = [read_appearance(each).thumbnail if each else UNSEEN for each in images]
    contents = Contents(
        stacked(thumbnails),
        np.array([each is not None for each in images]),
        np.array(seconds, np.float64),
        np.array(cameras, np.int64),
    )
    judge = Judge(
        contents,
        lambda a, _: np.full(len(a), cosine),
        unrelated=unrelated,
        kinds=kinds,
        within=10,
    )
    [found] = judge.judge(np.array([0]), np.array([1]))
    return found


def test_a_smaller_copy_is_a_copy_with_its_evidence(picture: Picture) -> None:
    found = compared(picture(1), picture(1).resize((90, 60)))
    assert found is not None
    assert found.kind == "copy"
    assert found.cosine == pytest.approx(0.95)
    assert found.hash_distance in range(8)
    assert found.likeness == pytest.approx(0.98, abs=0.03)
    assert (found.turned, found.seconds) == (0, None)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_copy_is_a_copy_whatever_its_cosine(picture: Picture, turn: int) -> None:
    turned = picture(1).rotate(-turn, expand=True)
    found = compared(picture(1), turned, cosine=0.1)
    assert found is not None
    assert (found.kind, found.turned) == ("copy", min(turn, 360 - turn))


def test_a_crop_is_a_crop_on_either_side(picture: Picture) -> None:
    crop = picture(1).crop((18, 12, 342, 228))
    for pair in ((picture(1), crop), (crop, picture(1))):
        found = compared(*pair)
        assert found is not None
        assert found.kind == "crop"


def test_cosines_support_on_the_scale_of_the_library(picture: Picture) -> None:
    pair = picture(1), picture(1).crop((18, 12, 342, 228))
    assert compared(*pair, cosine=0.98, unrelated=0.97) is None
    assert compared(*pair, cosine=0.99, unrelated=0.97) is not None
    assert compared(*pair, cosine=0.2, unrelated=-0.8) is not None
    assert compared(*pair, cosine=0.2, unrelated=None) is not None  # too few photos to tell
    assert compared(*pair, cosine=np.nan) is None


def test_other_photos_are_not_the_same_however_near(picture: Picture) -> None:
    assert compared(picture(1), picture(2), cosine=0.999) is None


def test_what_a_camera_took_later_is_no_copy(picture: Picture) -> None:
    pair = picture(1), picture(1).resize((300, 200))
    kinds = [
        found and found.kind
        for found in (
            compared(*pair, seconds=(100, 100)),
            compared(*pair, seconds=(100, 103)),
            compared(*pair, seconds=(100, 400)),
            compared(*pair, seconds=(100, 103), cameras=(0, 1)),
            compared(*pair, seconds=(100, 103), cameras=(-1, -1)),
        )
    ]
    assert kinds == ["copy", "burst", None, "copy", "copy"]


def test_a_burst_needs_likeness_too(picture: Picture) -> None:
    pair = picture(1), picture(2)
    assert compared(*pair, seconds=(0, 1), cosine=0.8) is None
    found = compared(*pair, seconds=(2, 1), cosine=0.9)
    assert found is not None
    assert (found.kind, found.seconds) == ("burst", 1)
    assert compared(*pair, seconds=(0, 1), cosine=0.99, unrelated=None) is None


def test_without_thumbnails_only_the_nearest_count(picture: Picture) -> None:
    assert compared(None, picture(1), cosine=0.98) is None
    found = compared(None, picture(1), cosine=0.999)
    assert found is not None
    assert (found.kind, found.hash_distance, found.likeness) == ("copy", None, None)
    assert compared(None, picture(1), cosine=0.999, unrelated=None) is None


def test_only_wanted_kinds_are_found(picture: Picture) -> None:
    pair = picture(1), picture(1).resize((90, 60))
    assert compared(*pair, kinds=["crop", "burst"]) is None
    assert compared(*pair, kinds=["copy"]) is not None

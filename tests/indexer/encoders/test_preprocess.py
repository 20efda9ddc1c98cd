from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from indexer.encoders.preprocess import (
    INTERPOLATIONS,
    RESIZE_MODES,
    Interpolation,
    Preprocessing,
    ResizeMode,
    preprocess,
)

if TYPE_CHECKING:
    from indexer.records import Pixels

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def noise(width: int, height: int, *, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def with_open_clip(image: Image.Image, wanted: Preprocessing) -> Pixels:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    settings = PreprocessCfg(
        size=wanted.size,
        mean=wanted.mean,
        std=wanted.std,
        interpolation=wanted.interpolation,
        resize_mode=wanted.mode,
        fill_color=wanted.fill,
    )
    pixels: Pixels = image_transform_v2(settings, is_train=False)(image).numpy()
    return pixels


@pytest.mark.parametrize("mode", RESIZE_MODES)
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(20, 160),
    height=st.integers(20, 160),
    size=st.sampled_from([32, 65]),
    fill=st.sampled_from([0, 127]),
)
def test_pixels_are_open_clips(
    mode: ResizeMode, interpolation: Interpolation, width: int, height: int, size: int, fill: int
) -> None:
    image = noise(width, height)
    wanted = Preprocessing(
        size=size, mean=MEAN, std=STD, mode=mode, interpolation=interpolation, fill=fill
    )
    np.testing.assert_array_equal(preprocess(image, wanted), with_open_clip(image, wanted))


@pytest.mark.parametrize("shape", [(10, 90), (211, 17), (1, 999), (640, 480), (3000, 300)])
def test_an_extreme_aspect_ratio_is_within_a_rounding(shape: tuple[int, int]) -> None:
    image = noise(*shape)
    wanted = Preprocessing(size=224, mean=MEAN, std=STD)
    difference = np.abs(preprocess(image, wanted) - with_open_clip(image, wanted))
    assert difference.max() < 1.01 / 255 / min(STD)


def test_a_border_can_be_cut_away() -> None:
    image = Image.new("RGB", (292, 292), "white")
    image.paste((255, 0, 0), (16, 16, 276, 276))
    wanted = Preprocessing(size=260, resize=292, mean=(0, 0, 0), std=(1, 1, 1))
    pixels = preprocess(image, wanted)
    assert pixels.shape == (3, 260, 260)
    assert (pixels[0] == 1).all()
    assert (pixels[1:] == 0).all()


def test_padding_has_the_fill_colour_and_the_photo_is_centred() -> None:
    wanted = Preprocessing(size=64, mean=(0, 0, 0), std=(1, 1, 1), mode="longest", fill=51)
    pixels = preprocess(Image.new("RGB", (100, 50), "white"), wanted)
    assert pixels[0, :16] == pytest.approx(0.2)
    assert (pixels[0, 16:48] == 1).all()
    assert pixels[0, 48:] == pytest.approx(0.2)


@pytest.mark.parametrize("size", [(1, 30_000), (30_000, 1), (1, 1)])
@pytest.mark.parametrize("mode", RESIZE_MODES)
def test_any_aspect_ratio_fits(size: tuple[int, int], mode: ResizeMode) -> None:
    wanted = Preprocessing(size=224, mean=MEAN, std=STD, mode=mode)
    pixels = preprocess(Image.new("RGB", size, "white"), wanted)
    assert pixels.shape == (3, 224, 224)
    assert pixels.dtype == np.float32
    assert np.isfinite(pixels).all()
    assert pixels.flags.c_contiguous


def test_threads_do_not_disturb_each_other() -> None:
    wanted = Preprocessing(size=64, mean=MEAN, std=STD)
    images = [noise(100, 80, seed=seed) for seed in range(16)]
    alone = [preprocess(image, wanted) for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda image: preprocess(image, wanted), images))
    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "stretch"},
        {"interpolation": "nearest"},
        {"size": 0},
        {"resize": 100},
        {"mode": "squash", "resize": 300},
        {"std": (1, 1, 0)},
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, object]) -> None:
    right: dict[str, object] = {"size": 224, "mean": MEAN, "std": STD}
    with pytest.raises(ValueError, match=r"is none of|must be|is for the mode"):
        Preprocessing(**(right | wrong))  # type: ignore[arg-type]

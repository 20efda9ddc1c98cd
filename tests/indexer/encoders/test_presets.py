from __future__ import annotations

from pathlib import Path

import pytest

from indexer.encoders.presets import PRESETS, Preset, preset_called

README = (Path(__file__).parents[3] / "README.md").read_text("utf-8")

each_preset = pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)


@each_preset
def test_a_preset_says_what_open_clip_says(preset: Preset) -> None:
    import open_clip
    from open_clip.constants import HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME

    weights = open_clip.get_pretrained_cfg(preset.architecture, preset.tag)
    assert weights["hf_hub"] == f"{preset.repository}/"
    assert preset.files == (HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME)
    config = open_clip.get_model_config(preset.architecture)
    assert config["embed_dim"] == preset.dim
    assert config["vision_cfg"]["image_size"] == preset.image_size


def test_the_number_of_parameters_is_counted() -> None:
    import open_clip

    preset = preset_called("clip")
    model = open_clip.create_model(preset.architecture, device="meta", load_weights=False)
    assert sum(each.numel() for each in model.parameters()) == preset.parameters


@each_preset
def test_readme_tells_of_a_preset_with_its_source(preset: Preset) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| `{preset.name}`"))
    assert f"{preset.architecture}/{preset.tag}" in row
    assert preset.licence in row
    assert preset.languages in row
    assert f"{preset.parameters / 1e6:,.0f} million" in row
    assert f"{preset.recall.text_to_image} %" in row
    assert f"({preset.recall.source})" in row


def test_presets_are_free_to_use() -> None:
    assert {preset.licence for preset in PRESETS} <= {"MIT", "Apache-2.0"}
    assert preset_called("none") is None

"""Models of open_clip that are small enough to be made, exported and run in a test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = 64  # of the images, in pixels
VISION = {"image_size": SIZE, "patch_size": 16, "layers": 2, "width": 128, "head_width": 64}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 128, "heads": 2, "layers": 2}


def make_model(folder: Path, *, seed: int = 0, **changes: Any) -> Path:
    """Write a model with random weights: its configuration, changed, and its weights."""
    import open_clip
    import torch

    from indexer.encoders.source import quiet

    folder.mkdir(parents=True)
    content = {"embed_dim": 64, "vision_cfg": VISION, "text_cfg": TEXT} | changes
    config = {"model_cfg": content, "preprocess_cfg": {"interpolation": "bicubic"}}
    (folder / "open_clip_config.json").write_text(json.dumps(config), "utf-8")
    torch.manual_seed(seed)
    with quiet():
        model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    with torch.no_grad():
        for values in model.parameters():
            if values.dim() == 1:  # what starts as 0 or 1 would hide that it is lost
                values.add_(torch.randn_like(values), alpha=0.1)
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    return folder


@pytest.fixture(scope="session")
def model_maker() -> Callable[..., Path]:
    return make_model


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a ViT with a causal text tower, as CLIP has them."""
    return make_model(tmp_path_factory.mktemp("models") / "small")

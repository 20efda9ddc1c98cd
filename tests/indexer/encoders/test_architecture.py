"""What is read of an architecture is what open_clip says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import open_clip
import pytest

from indexer.encoders.architecture import bundle_key, describe
from indexer.encoders.names import Checkpoint, Pair, parse_name
from indexer.encoders.presets import PRESETS
from indexer.errors import CheckpointError, UnknownModelError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Own = Callable[..., Checkpoint]

PAIRS = [(preset.architecture, preset.tag) for preset in PRESETS] + [
    ("ViT-B-32", "openai"),
    ("ViT-B-16-SigLIP-512", "webli"),
    ("ViT-L-14-CLIPA-336", "datacomp1b"),
    ("RN50", "openai"),
]
TEXT = {"context_length": 9, "vocab_size": 50, "width": 16, "heads": 2, "layers": 1}
MODEL = {
    "embed_dim": 12,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 16, "layers": 1},
    "text_cfg": TEXT,
}


@pytest.fixture
def own(tmp_path: Path) -> Own:
    """Write a configuration of one's own, beside a file with weights."""

    def write(model: object = MODEL, **wanted: Any) -> Checkpoint:
        content = {"model_cfg": model, "preprocess_cfg": wanted}
        (tmp_path / "open_clip_config.json").write_text(json.dumps(content))
        (tmp_path / "weights.pt").write_bytes(b"weights")
        found = parse_name(str(tmp_path / "weights.pt"))
        assert isinstance(found, Checkpoint)
        return found

    return write


@pytest.mark.parametrize(("architecture", "tag"), PAIRS)
def test_a_pair_is_what_open_clip_says_it_is(architecture: str, tag: str) -> None:
    found = describe(Pair(architecture, tag))
    config = open_clip.get_model_config(architecture)
    wanted = open_clip.get_pretrained_cfg(architecture, tag)
    assert found.content == config
    assert found.context_length == config["text_cfg"].get("context_length", 77)
    assert found.folder is None
    pixels = found.preprocessing
    assert pixels.size == config["vision_cfg"]["image_size"]
    assert pixels.mean == tuple(wanted.get("mean") or open_clip.OPENAI_DATASET_MEAN)
    assert pixels.std == tuple(wanted.get("std") or open_clip.OPENAI_DATASET_STD)
    assert pixels.mode == (wanted.get("resize_mode") or "shortest")
    assert pixels.interpolation == (wanted.get("interpolation") or "bicubic")


def test_a_configuration_of_ones_own_is_read(own: Own) -> None:
    found = describe(own(mean=[0.5, 0.5, 0.5], std=[0.25, 0.25, 0.25], resize_mode="longest"))
    assert found.preprocessing.size == 32
    assert found.preprocessing.mean == (0.5,) * 3
    assert found.preprocessing.std == (0.25,) * 3
    assert found.preprocessing.mode == "longest"
    assert found.preprocessing.interpolation == "bicubic"
    assert found.context_length == 9
    assert describe(own(interpolation="random")).preprocessing.interpolation == "bicubic"
    assert describe(own(fill_color=7)).preprocessing.fill == 7


@pytest.mark.parametrize(
    ("model", "wanted", "part"),
    [
        ({**MODEL, "vision_cfg": {"image_size": [32, 48]}}, {}, "32x48 pixels, which are not"),
        (MODEL, {"resize_mode": "crop"}, "resize mode 'crop' is none of"),
        (MODEL, {"interpolation": "nearest"}, "interpolation 'nearest' is none of"),
        (MODEL, {"std": [0, 0, 0]}, "size and std must be positive"),
        ({"embed_dim": 4}, {}, "it needs model_cfg with embed_dim"),
        ([], {}, "describes no open_clip model"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told(
    own: Own, model: object, wanted: dict[str, Any], part: str
) -> None:
    with pytest.raises(CheckpointError) as caught:
        describe(own(model, **wanted))
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_side_given_twice_is_square(own: Own) -> None:
    model = {**MODEL, "vision_cfg": {"image_size": [32, 32]}}
    assert describe(own(model)).preprocessing.size == 32


def test_a_configuration_that_is_no_json_is_told(own: Own) -> None:
    checkpoint = own()
    assert checkpoint.config is not None
    checkpoint.config.write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read"):
        describe(checkpoint)


def test_an_architecture_that_open_clip_does_not_have_is_told() -> None:
    with pytest.raises(UnknownModelError, match="ViT-B-33"):
        describe(Pair("ViT-B-33", "openai"))


def test_digests_tell_apart_what_gives_other_vectors(own: Own) -> None:
    base = describe(own())
    others = [
        describe(own(mean=[0.1, 0.2, 0.3])),
        describe(own({**MODEL, "text_cfg": {**TEXT, "context_length": 10}})),
        describe(own({**MODEL, "text_cfg": {**TEXT, "tokenizer_kwargs": {"clean": "lower"}}})),
    ]
    digests = {each.preprocessing_digest for each in (base, *others)}
    assert len(digests) == 4
    assert describe(own()).preprocessing_digest == base.preprocessing_digest
    wider = replace(base, content={**MODEL, "embed_dim": 24})
    assert wider.preprocessing_digest == base.preprocessing_digest
    keys = {base.weights_digest("a"), base.weights_digest("b"), wider.weights_digest("a")}
    assert len(keys) == 3


def test_bundles_of_other_configurations_or_weights_have_other_keys(own: Own) -> None:
    keys = [
        bundle_key(own(), "a"),
        bundle_key(own(), "b"),
        bundle_key(own(mean=[0.1, 0.2, 0.3]), "a"),
        bundle_key(Pair("ViT-B-32", "openai"), "a"),
        bundle_key(Pair("ViT-B-32", "laion2b_s34b_b79k"), "a"),  # other pixels, maybe
        bundle_key(Pair("ViT-B-16", "openai"), "a"),
    ]
    assert len({*keys}) == len(keys)
    assert bundle_key(own(), "a") == keys[0]

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from indexer.encoders.bundle import BundleEncoder
from indexer.encoders.export import STEPS, Label, export_bundle
from indexer.encoders.manifest import WEIGHTS, Identity, Manifest
from indexer.errors import BundleError, ExportError
from indexer.sample import sample_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexer.encoders.source import Source

LABEL = Label("small", "a test", "none", Identity("1" * 64, "2" * 64))
OUTLIER = 3e4
CAPTIONS = ["a cat", "two cats asleep on a red sofa", "", "ein Hund am Strand " * 9]


def opened(folder: Path) -> Source:
    from indexer.encoders.architecture import describe
    from indexer.encoders.names import parse_name
    from indexer.encoders.source import load_source

    name = parse_name(str(folder))
    return load_source(describe(name), name.file, name="small")


def in_torch(source: Source) -> tuple[Any, Any]:
    """What open_clip's own model, transform and tokenizer make of photos and captions."""
    import open_clip
    import torch
    from PIL import Image

    folder = source.architecture.folder
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    photos = [Image.open(path).convert("RGB") for path in sorted(sample_folder().glob("*.jpg"))]
    with torch.no_grad():
        images = model.eval().encode_image(torch.stack([transform(photo) for photo in photos]))
        texts = model.encode_text(tokenizer(CAPTIONS))
    return images.numpy(), texts.numpy()


def from_bundle(folder: Path) -> tuple[Any, Any]:
    from PIL import Image

    encoder = BundleEncoder.load(folder)
    photos = [Image.open(path).convert("RGB") for path in sorted(sample_folder().glob("*.jpg"))]
    images = encoder.encode_images([encoder.preprocess(photo) for photo in photos])
    return images, encoder.encode_texts(CAPTIONS)


def lowest(ours: Any, theirs: Any) -> float:
    return float(((ours * theirs).sum(axis=1) / np.linalg.norm(theirs, axis=1)).min())


def hide_in_outliers(blocks: Any) -> None:
    """Let one channel dwarf all others before the widest matrices: the same function in fp32."""
    for block in blocks:
        block.ln_2.weight[0] *= OUTLIER
        block.ln_2.bias[0] *= OUTLIER
        block.mlp.c_fc.weight[:, 0] /= OUTLIER


@pytest.fixture(scope="module")
def bundle(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    steps: list[tuple[int, int]] = []
    manifest = export_bundle(
        opened(small_model), folder, LABEL, on_step=lambda *step: steps.append(step)
    )
    assert steps == [(done, STEPS) for done in range(1, STEPS + 1)]
    assert manifest == Manifest.read(folder)
    return folder


def test_a_bundle_answers_as_open_clip_does(small_model: Path, bundle: Path) -> None:
    source, manifest = opened(small_model), Manifest.read(bundle)
    assert (manifest.image_precision, manifest.text_precision) == ("int8", "int8")
    assert manifest.text.padding == "longest"
    assert manifest.text.context_length == 16
    assert manifest.identity == LABEL.identity
    for name, digest in manifest.digests.items():
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == digest
    agreements = manifest.image_agreement, manifest.text_agreement
    for ours, theirs, agreement in zip(
        from_bundle(bundle), in_torch(source), agreements, strict=True
    ):
        assert lowest(ours, theirs) > 0.99
        assert agreement.count >= 45
        assert agreement.mean > 0.99


def test_weights_stand_beside_the_graphs_for_all_to_read(bundle: Path) -> None:
    for graph, weights in WEIGHTS.items():
        assert (bundle / graph).stat().st_size < (bundle / weights).stat().st_size
        assert (bundle / graph).stat().st_mode == (bundle / weights).stat().st_mode


@pytest.mark.parametrize("tower", WEIGHTS)
def test_other_weights_than_the_manifest_names_are_refused(
    bundle: Path, tmp_path: Path, tower: str
) -> None:
    copied = shutil.copytree(bundle, tmp_path / "copied")
    content = bytearray((copied / WEIGHTS[tower]).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / WEIGHTS[tower]).write_bytes(content)
    with pytest.raises(BundleError, match=f"{WEIGHTS[tower]} is not the file"):
        from_bundle(copied)


def test_weights_may_lie_where_the_name_is_no_utf8(bundle: Path, tmp_path: Path) -> None:
    try:
        copied = shutil.copytree(bundle, tmp_path / "caf\udce9")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes UTF-8 alone")
    for found, wanted in zip(from_bundle(copied), from_bundle(bundle), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_only_a_tower_that_agrees_is_kept_in_int8(small_model: Path, tmp_path: Path) -> None:
    import torch

    source = opened(small_model)
    with torch.no_grad():
        hide_in_outliers(source.model.visual.transformer.resblocks)
    manifest = export_bundle(source, tmp_path, LABEL)
    assert (manifest.image_precision, manifest.text_precision) == ("fp32", "int8")
    assert manifest.image_agreement.lowest >= 0.9999
    images, _ = from_bundle(tmp_path)
    assert lowest(images, in_torch(source)[0]) > 0.9999


def test_a_model_of_convolutions_that_sees_whole_texts_becomes_a_bundle(
    tmp_path: Path, model_maker: Callable[..., Path]
) -> None:
    vision = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}
    text = {
        "context_length": 16, "vocab_size": 49408, "width": 128, "heads": 2, "layers": 2,
        "no_causal_mask": True, "pool_type": "last",
    }  # fmt: skip
    folder = model_maker(
        tmp_path / "model", vision_cfg=vision, text_cfg=text, custom_text=True, quick_gelu=True
    )
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    source = opened(folder)
    manifest = export_bundle(source, bundle, LABEL)
    assert manifest.text.padding == "context"
    for ours, theirs in zip(from_bundle(bundle), in_torch(source), strict=True):
        assert lowest(ours, theirs) > 0.98


def test_a_tokenizer_that_cannot_be_exported_costs_no_time(
    small_model: Path, tmp_path: Path
) -> None:
    source = opened(small_model)
    source.tokenizer.reduction_fn = max
    steps: list[tuple[int, int]] = []
    with pytest.raises(ExportError, match="drops tokens"):
        export_bundle(source, tmp_path, LABEL, on_step=lambda *step: steps.append(step))
    assert steps == []
    assert not list(tmp_path.iterdir())

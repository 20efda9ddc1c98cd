from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from indexer.encoders.bundle import IMAGE_BATCH, TEXT_BATCH, BundleEncoder, _unit_rows
from indexer.encoders.manifest import FILES, MANIFEST, SECOND_TOKENIZER, Manifest
from indexer.encoders.registry import BUILTIN_FOLDER
from indexer.errors import BundleError, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexer.records import Pixels


NAMES = (*FILES, SECOND_TOKENIZER)  # the built-in's
CARD = "MODEL_CARD.md"


@pytest.fixture(scope="module")
def encoder() -> BundleEncoder:
    return BundleEncoder.load(BUILTIN_FOLDER, name="builtin")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The built-in bundle, its files linked: replace one to damage it."""
    for path in BUILTIN_FOLDER.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def damage(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def sign(file: Path) -> None:
    """Let the manifest name `file` as it is now, so that only its content is wrong."""
    manifest = Manifest.read(file.parent)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (file.parent / MANIFEST).unlink()
    replace(manifest, digests=dict(manifest.digests) | {file.name: digest}).write(file.parent)


def noise(count: int) -> Iterator[Pixels]:
    generator = np.random.default_rng(0)
    for _ in range(count):
        yield generator.standard_normal((3, 260, 260), dtype=np.float32)


def test_vectors_are_unit_rows_of_float32(encoder: BundleEncoder) -> None:
    for vectors in (
        encoder.encode_images(list(noise(3))),
        encoder.encode_texts(["a dog", "", "犬", "word " * 1000]),
    ):
        assert vectors.dtype == np.float32
        assert vectors.shape[1] == encoder.dim
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_nothing_encodes_to_no_rows(encoder: BundleEncoder) -> None:
    assert encoder.encode_images([]).shape == (0, encoder.dim)
    assert encoder.encode_texts([]).shape == (0, encoder.dim)


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.text(max_size=40) | st.sampled_from(["a dog", "x " * 150]), min_size=1, max_size=5)
)
def test_a_text_has_the_same_vector_in_any_company(
    encoder: BundleEncoder, texts: list[str]
) -> None:
    together = encoder.encode_texts(texts)
    alone = np.concatenate([encoder.encode_texts([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-4)  # 2e-5 was seen


def test_half_a_surrogate_pair_is_read_as_a_replacement_character(encoder: BundleEncoder) -> None:
    broken, replaced = encoder.encode_texts(["a dog \udce9", "a dog \ufffd"])
    np.testing.assert_array_equal(broken, replaced)


def test_more_texts_than_a_batch_keep_their_order(encoder: BundleEncoder) -> None:
    words = [f"{'very ' * (index % 7)}number {index}" for index in range(2 * TEXT_BATCH + 5)]
    vectors = encoder.encode_texts(words)
    some = slice(None, None, 29)
    np.testing.assert_allclose(vectors[some], encoder.encode_texts(words[some]), atol=1e-5)


def test_a_photo_has_the_same_vector_in_any_company(encoder: BundleEncoder) -> None:
    images = list(noise(IMAGE_BATCH + 1))
    together = encoder.encode_images(images)
    alone = np.concatenate([encoder.encode_images([image]) for image in images])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_capitals_do_not_matter(encoder: BundleEncoder) -> None:
    one, other = encoder.encode_texts(["A Dog On A BEACH", "a dog on a beach"])
    np.testing.assert_array_equal(one, other)


def test_texts_of_like_meaning_lie_close(encoder: BundleEncoder) -> None:
    query, near, far = encoder.encode_texts(
        ["a puppy playing in sand", "a dog on a beach", "a plate of spaghetti"]
    )
    assert query @ near > query @ far + 0.2


def test_a_drawing_is_found_by_what_it_shows(encoder: BundleEncoder) -> None:
    sign = Image.new("RGB", (400, 400), (120, 170, 220))
    draw = ImageDraw.Draw(sign)
    draw.rectangle((193, 240, 207, 400), fill=(120, 120, 120))
    draw.regular_polygon((200, 160, 110), 8, rotation=22, fill=(190, 20, 30))
    draw.text((200, 160), "STOP", fill="white", anchor="mm", font_size=75)
    (photo,) = encoder.encode_images([encoder.preprocess(sign)])
    texts = ["a red street sign", "a plate of spaghetti", "a dog on a beach", "a bunch of flowers"]
    scores = encoder.encode_texts(texts) @ photo
    assert texts[int(scores.argmax())] == "a red street sign"


def test_each_tower_loads_alone(copied: Path) -> None:
    damage(copied / "image.onnx", b"")
    assert BundleEncoder.load(copied).encode_texts(["a dog"]).shape == (1, 1024)


def test_a_bundle_may_lie_where_the_name_is_no_utf8(tmp_path: Path) -> None:
    folder = tmp_path / "caf\udce9"
    try:
        folder.mkdir()
    except (OSError, UnicodeError):
        pytest.skip("this file system takes UTF-8 alone")
    for path in BUILTIN_FOLDER.iterdir():
        (folder / path.name).symlink_to(path)
    assert BundleEncoder.load(folder).encode_texts(["a dog"]).shape == (1, 1024)


def test_a_text_has_the_same_vector_after_loading_for_few(encoder: BundleEncoder) -> None:
    prepared = BundleEncoder.load(BUILTIN_FOLDER)
    prepared.prepare_text()
    texts = ["a dog", "a dog on a beach"]
    np.testing.assert_allclose(prepared.encode_texts(texts), encoder.encode_texts(texts), atol=1e-5)


def test_many_threads_share_one_tower(encoder: BundleEncoder) -> None:
    fresh = BundleEncoder.load(BUILTIN_FOLDER, threads=1)
    texts = [f"a photo of {number} dogs" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda text: fresh.encode_texts([text])[0], texts))
    np.testing.assert_allclose(rows, encoder.encode_texts(texts), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_another_file_than_the_manifest_names_is_refused(copied: Path, name: str) -> None:
    damage(copied / name, (BUILTIN_FOLDER / name).read_bytes()[:-1])
    encoder = BundleEncoder.load(copied)
    with pytest.raises(BundleError, match=rf"{name} is not the file that its manifest names"):
        _ = encoder.encode_images(list(noise(1))), encoder.encode_texts(["a dog"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("image.onnx", r"cannot load .*image\.onnx"),
        ("text.onnx", r"cannot load .*text\.onnx"),
        ("tokenizer.json", r"tokenizer\.json is no tokenizer"),
        ("tokenizer_2.json", r"tokenizer_2\.json is no tokenizer"),
    ],
)
def test_a_file_that_no_library_can_load_is_named(copied: Path, name: str, message: str) -> None:
    damage(copied / name, b"not a model")
    sign(copied / name)
    broken = BundleEncoder.load(copied)
    with pytest.raises(BundleError, match=message) as caught:
        _ = broken.encode_images(list(noise(1))), broken.encode_texts(["a dog"])
    assert "\n" not in str(caught.value)


def test_a_bundle_that_vanishes_is_named(copied: Path) -> None:
    encoder = BundleEncoder.load(copied)
    (copied / "text.onnx").unlink()
    with pytest.raises(BundleError, match=r"text\.onnx cannot be read: No such file"):
        encoder.encode_texts(["a dog"])


@pytest.mark.parametrize("value", [np.nan, np.inf, 0])
def test_vectors_that_point_nowhere_are_an_error(value: float) -> None:
    with pytest.raises(ModelError, match="not finite or are zero"):
        _unit_rows(np.full((2, 4), value, dtype=np.float32), "a model")


def test_the_space_is_named_as_it_was_loaded(encoder: BundleEncoder, copied: Path) -> None:
    other = BundleEncoder.load(copied)
    assert encoder.space.model == "builtin"
    assert other.space.model == str(copied)
    assert encoder.space.same_as(other.space)


def test_padding_to_the_context_length_changes_nothing(
    encoder: BundleEncoder, copied: Path
) -> None:
    manifest = Manifest.read(copied)
    (copied / MANIFEST).unlink()
    replace(manifest, text=replace(manifest.text, padding="context")).write(copied)
    texts = ["a dog", "two cats asleep on a red sofa"]
    padded = BundleEncoder.load(copied).encode_texts(texts)
    np.testing.assert_allclose(padded, encoder.encode_texts(texts), atol=1e-5)


def test_the_built_in_bundle_is_what_its_manifest_says() -> None:
    content = json.loads((BUILTIN_FOLDER / MANIFEST).read_text("utf-8"))
    assert {path.name for path in BUILTIN_FOLDER.iterdir()} == {MANIFEST, CARD, *NAMES}
    assert sum(path.stat().st_size for path in BUILTIN_FOLDER.iterdir()) < 60e6
    for tower in ("image", "text"):
        assert content[f"{tower}_agreement"]["count"] >= 500
        assert content[f"{tower}_agreement"]["mean"] >= 0.99
        assert content[f"{tower}_agreement"]["first_percentile"] >= 0.98
        assert content[f"{tower}_agreement"]["recall_at_10_change"] >= -0.005


def test_chinese_and_english_names_of_a_thing_meet(encoder: BundleEncoder) -> None:
    english, chinese = (
        encoder.encode_texts(words)
        for words in (["dog", "banana", "piano"], ["狗", "香蕉", "钢琴"])
    )
    cosines = english @ chinese.T
    assert (cosines.argmax(axis=1) == np.arange(3)).all()
    assert np.diag(cosines).min() > 0.5


def test_capitals_change_nothing(encoder: BundleEncoder) -> None:
    small, large = encoder.encode_texts(["a dog on a beach", "A Dog on a BEACH"])
    np.testing.assert_allclose(small, large, atol=1e-6)


def test_encoding_needs_no_torch_and_loading_needs_no_library() -> None:
    code = """
import sys
from indexer.encoders.registry import load_encoder
encoder = load_encoder("builtin")
assert not {"numpy", "onnxruntime", "tokenizers", "PIL", "torch"} & set(sys.modules)
encoder.encode_texts(["a dog"])
from PIL import Image
encoder.encode_images([encoder.preprocess(Image.new("RGB", (300, 200)))])
assert not {"torch", "open_clip", "torchvision", "transformers"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from indexer.encoders.bundle import BundleEncoder  # noqa: E402 (after the skips)
from indexer.encoders.manifest import CLASSES, SECOND_TOKENIZER, TextSettings  # noqa: E402
from indexer.training.base import SOURCES, Parts, write_base  # noqa: E402
from indexer.training.bert import BertEncoder  # noqa: E402
from indexer.training.names import Name  # noqa: E402
from indexer.training.pretrained import TextEncoder  # noqa: E402
from indexer.training.towers import ImageTower, draw_mixing  # noqa: E402
from indexer.training.vocabulary import SPECIAL, unigram_tokenizer  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("a", "photo", "of", "cat", "dog", "pet", "red", "一张", "猫", "狗", "的照片。")
NAMES = [
    Name(text, language, (number,))
    for number, (english, chinese) in enumerate((("cat", "猫"), ("dog", "狗")))
    for text, language in ((english, "en"), (chinese, "zh"))
]


def tiny_text_encoder(seed: int) -> TextEncoder:
    torch.manual_seed(seed)
    pieces = [*((token, 0.0) for token in SPECIAL), ("▁", -9.0), *((word, -5.0) for word in WORDS)]
    network = BertEncoder(
        rows=len(pieces), places=16, width=16, inner=24, heads=2, layers=2, eps=1e-12
    )
    settings = TextSettings(16, padding="longest", pad_id=1, lowercase=True)
    return TextEncoder(network.eval(), unigram_tokenizer(pieces), settings)


class TinyBackbone(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Pixels to a last map and the maps of its stages."""

    def __init__(self) -> None:
        super().__init__()
        self.only = torch.nn.Conv2d(3, 8, 3, stride=8)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        seen = torch.nn.functional.relu6(self.only(pixels))
        return seen, [seen]


def tiny_parts() -> Parts:
    torch.manual_seed(0)
    image = ImageTower(TinyBackbone(), torch.nn.Linear(8, 2), draw_mixing(2, 2)).eval()
    groups = [Name("pet", "en", (0, 1))]
    return Parts(image, tiny_text_encoder(1), tiny_text_encoder(2), NAMES, groups)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    write_base(tiny_parts(), folder)
    return folder


def test_a_base_is_a_bundle_that_finds_things_by_name(base: Path) -> None:
    encoder = BundleEncoder.load(base)
    cat, chinese_cat, dog, pet = encoder.encode_texts(["Cat", "猫", "dog", "pet"])
    assert cat @ chinese_cat > 0.95
    assert cat @ dog < 0.5
    assert cat @ pet == pytest.approx(dog @ pet, abs=0.1)
    images = encoder.encode_images([np.zeros((3, 260, 260), np.float32)])
    assert images.shape == (1, encoder.dim)
    assert encoder.manifest.sources == SOURCES


def test_a_base_names_its_classes_and_has_two_tokenizers(base: Path) -> None:
    manifest = BundleEncoder.load(base).manifest
    assert manifest.second_text is not None
    assert {CLASSES, SECOND_TOKENIZER} <= set(manifest.digests)
    assert (base / CLASSES).read_text("utf-8").splitlines() == [
        "class,lang,name",
        "0,en,cat",
        "0,zh,猫",
        "1,en,dog",
        "1,zh,狗",
    ]

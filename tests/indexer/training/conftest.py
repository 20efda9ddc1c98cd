"""A base bundle small enough to read, and photos of two colours each with captions."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from indexer.encoders.manifest import (
    CLASSES,
    IMAGE_TOWER,
    TEXT_TOWER,
    TOKENIZER,
    Manifest,
    Source,
    TextSettings,
)
from indexer.encoders.preprocess import Preprocessing

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

COLOURS = {
    "red": (220, 20, 20),
    "green": (20, 200, 20),
    "blue": (20, 20, 220),
    "yellow": (230, 220, 20),
    "white": (250, 250, 250),
    "black": (10, 10, 10),
    "purple": (140, 20, 160),
    "orange": (250, 140, 20),
}
CHINESE = dict(zip(COLOURS, "红绿蓝黄白黑紫橙", strict=True))
WORDS = ("[UNK]", "a", "beside", "photo", "of", *COLOURS, *CHINESE.values())
SIZE = 16


def image_tower() -> onnx.ModelProto:
    """Pixels to halves' colours, through 16 channels and a classifier of 8 colours."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    draw = np.random.default_rng(1)
    channels, classes = 16, len(COLOURS)
    weights = {
        "kernels": draw.normal(size=(channels, 3, SIZE // 2, SIZE // 2)),
        "classifier": draw.normal(size=(classes, channels)),
        "classifier_bias": np.zeros(classes),
    }
    nodes = [
        helper.make_node("Conv", ["pixels", "kernels"], ["map"], strides=[SIZE // 2, SIZE // 2]),
        helper.make_node("Relu", ["map"], ["rectified"]),
        helper.make_node("GlobalAveragePool", ["rectified"], ["pooled_map"]),
        helper.make_node("Flatten", ["pooled_map"], ["pooled"]),
        helper.make_node("Gemm", ["pooled", "classifier", "classifier_bias"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["likely"], axis=-1),
        helper.make_node("Sqrt", ["likely"], ["features.classes"]),
        helper.make_node("Sqrt", ["pooled"], ["features.pooled"]),
        helper.make_node("Identity", ["features.classes"], ["embeddings"]),
    ]
    widths = {
        "embeddings": classes,
        "features.classes": classes,
        "features.pooled": channels,
        "pooled": channels,
    }
    graph = helper.make_graph(
        nodes,
        "image",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
            for name, width in widths.items()
        ],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in weights.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=onnx.IR_VERSION - 1
    )


def text_tower(*, nearest: bool) -> onnx.ModelProto:
    """Token ids to the mean of words' vectors; a second input counts for nothing."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    draw = np.random.default_rng(2)
    table = draw.normal(size=(len(WORDS), 12))
    names = draw.normal(size=(12, len(COLOURS)))
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["masks"]),
        helper.make_node("Mul", ["words", "masks"], ["real"]),
        helper.make_node("ReduceSum", ["real", "middle"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["masks", "middle"], ["count"], keepdims=0),
        helper.make_node("Div", ["sum", "count"], ["features.words"]),
        helper.make_node("MatMul", ["features.words", "names"], ["embeddings"]),
    ]
    widths = {"embeddings": len(COLOURS), "features.words": 12}
    if nearest:
        nodes.append(
            helper.make_node("ReduceMax", ["embeddings", "middle"], ["nearest"], keepdims=1)
        )
        widths["nearest"] = 1
    graph = helper.make_graph(
        nodes,
        "text",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "length"])
            for name in ("input_ids", "attention_mask")
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
            for name, width in widths.items()
        ],
        [
            numpy_helper.from_array(table.astype(np.float32), "table"),
            numpy_helper.from_array(names.astype(np.float32), "names"),
            numpy_helper.from_array(np.array([2], np.int64), "last"),
            numpy_helper.from_array(np.array([1], np.int64), "middle"),
        ],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=onnx.IR_VERSION - 1
    )


def tokenizer() -> str:
    """Words between spaces, each a token."""
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": [],
            "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": None,
            "decoder": None,
            "model": {
                "type": "WordLevel",
                "vocab": {word: row for row, word in enumerate(WORDS)},
                "unk_token": "[UNK]",
            },
        }
    )


def write_base(folder: Path, *, nearest: bool = True) -> Path:
    folder.mkdir(parents=True)
    classes = "class,lang,name\n" + "".join(
        f"{row},en,{name}\n{row},zh,{CHINESE[name]}\n" for row, name in enumerate(COLOURS)
    )
    files = {
        IMAGE_TOWER: image_tower().SerializeToString(deterministic=True),
        TEXT_TOWER: text_tower(nearest=nearest).SerializeToString(deterministic=True),
        TOKENIZER: tokenizer().encode(),
        CLASSES: classes.encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    Manifest(
        name="colours",
        description="Knows colours",
        dim=len(COLOURS),
        image=Preprocessing(size=SIZE, mode="squash", mean=(0.5,) * 3, std=(0.5,) * 3),
        text=TextSettings(context_length=16, padding="longest", pad_id=0, lowercase=True),
        image_precision="fp32",
        text_precision="fp32",
        digests={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        sources=(Source("all", "a test", "CC0"),),
    ).write(folder)
    return folder


def write_photos(folder: Path, *, count: int = 112) -> Path:
    """Photos of two colours side by side, `captions.csv` beside them, and `labels.csv`."""
    images = folder / "images"
    images.mkdir(parents=True)
    pairs = list(itertools.product(COLOURS, repeat=2))
    draw = np.random.default_rng(3)
    with (
        (folder / "captions.csv").open("w", encoding="utf-8", newline="") as captions,
        (folder / "labels.csv").open("w", encoding="utf-8", newline="") as labels,
    ):
        rows, named = csv.writer(captions), csv.writer(labels)
        rows.writerow(["image", "caption", "lang", "source"])
        named.writerow(["image", "label", "source"])
        for number in range(count):
            left, right = pairs[(number * 29) % len(pairs)]
            pixels = np.empty((24, 32, 3))
            pixels[:, :16], pixels[:, 16:] = COLOURS[left], COLOURS[right]
            pixels += draw.normal(scale=6, size=pixels.shape)
            name = f"{number:03}.png"
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(images / name)
            rows.writerow([name, f"a {left} beside a {right}", "en", "pairs"])
            rows.writerow([name, f"{CHINESE[left]} {CHINESE[right]}", "zh", "pairs"])
            if left == right:
                named.writerow([name, left, "pairs"])
    return folder


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx")
    return write_base(tmp_path_factory.mktemp("base") / "colours")


@pytest.fixture(scope="session")
def plain_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle like any other: embeddings of any length, and nothing for training."""
    onnx = pytest.importorskip("onnx")
    folder = write_base(tmp_path_factory.mktemp("base") / "plain", nearest=False)
    (folder / CLASSES).unlink()
    digests = {}
    for name in (IMAGE_TOWER, TEXT_TOWER):
        model = onnx.load(folder / name)
        kept = [output for output in model.graph.output if output.name == "embeddings"]
        del model.graph.output[:]
        model.graph.output.extend(kept)
        (folder / name).write_bytes(model.SerializeToString(deterministic=True))
    for name in (IMAGE_TOWER, TEXT_TOWER, TOKENIZER):
        digests[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    content = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps(content | {"digests": digests}), "utf-8")
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos"))

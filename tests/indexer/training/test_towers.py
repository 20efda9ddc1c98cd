from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from indexer.training.bert import BertEncoder  # noqa: E402 (after the skip)
from indexer.training.lookup import NameBank  # noqa: E402
from indexer.training.towers import (  # noqa: E402
    IMAGE_OUTPUTS,
    TEXT_OUTPUTS,
    ImageTower,
    TextTower,
    draw_mixing,
    export_image_tower,
    export_text_tower,
)

if TYPE_CHECKING:
    import onnx

CLASSES, DIM = 10, 6


class TinyBackbone(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Pixels to a last map and the maps of two stages."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 4, 3)
        self.last = torch.nn.Conv2d(4, 8, 3)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        stem = self.stem(pixels)
        last = torch.nn.functional.relu6(self.last(stem))
        return last, [stem, last]


class Still(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A map to itself, which is all the stages there are."""

    def forward(self, seen: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        return seen, [seen]


def tiny_image_tower() -> ImageTower:
    torch.manual_seed(0)
    return ImageTower(TinyBackbone(), torch.nn.Linear(8, CLASSES), draw_mixing(CLASSES, DIM)).eval()


def tiny_text_tower() -> TextTower:
    torch.manual_seed(0)
    e5, minilm = (
        BertEncoder(rows=rows, places=16, width=8, inner=12, heads=2, layers=2, eps=1e-12)
        for rows in (30, 20)
    )
    rows = [(row, (row % CLASSES,)) for row in range(CLASSES)] + [(CLASSES, (1, 2, 3))]
    bank = NameBank(torch.randn(CLASSES + 1, 8), rows, classes=CLASSES)
    return TextTower(e5, minilm, bank, draw_mixing(CLASSES, DIM)).eval()


def tokens() -> dict[str, torch.Tensor]:
    return {
        "input_ids": torch.arange(10).reshape(2, 5),
        "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]),
        "input_ids_2": torch.arange(6).reshape(2, 3),
        "attention_mask_2": torch.tensor([[1, 1, 0], [1, 1, 1]]),
    }


def run(model: onnx.ModelProto, inputs: dict[str, Any], outputs: tuple[str, ...]) -> list[Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString())
    given = {name: tensor.numpy() for name, tensor in inputs.items()}
    return list(session.run(list(outputs), given))


def test_photos_of_like_classes_lie_near_each_other() -> None:
    mixing = draw_mixing(CLASSES, CLASSES)  # as many columns: no angle changes
    classifier = torch.nn.Linear(CLASSES, CLASSES, bias=False)
    classifier.weight.data = torch.eye(CLASSES)
    tower = ImageTower(Still(), classifier, mixing)
    seen = torch.full((3, CLASSES, 1, 1), -20.0)
    seen[0, 0], seen[1, :2], seen[2, 5] = 20, 20, 20
    embeddings = tower(seen)[0]
    cosines = embeddings @ embeddings.T
    assert abs(cosines[0, 1] - 0.5**0.5) < 1e-3
    assert cosines[0, 2] < 1e-3


def test_the_columns_that_mix_classes_are_orthonormal_and_always_the_same() -> None:
    mixing = draw_mixing(50, 8)
    torch.testing.assert_close(mixing.T @ mixing, torch.eye(8))
    assert torch.equal(mixing, draw_mixing(50, 8))


def test_the_exported_image_tower_gives_what_torch_gives() -> None:
    pytest.importorskip("onnxscript")
    pixels = torch.rand(3, 3, 8, 8)
    expected = tiny_image_tower()(pixels)
    found = run(export_image_tower(tiny_image_tower(), size=8), {"pixels": pixels}, IMAGE_OUTPUTS)
    for vectors, each in zip(found, expected, strict=True):
        np.testing.assert_allclose(vectors, each.detach().numpy(), atol=1e-6)


def test_the_exported_text_tower_gives_what_torch_gives() -> None:
    pytest.importorskip("onnxscript")
    expected = tiny_text_tower()(**tokens())
    found = run(export_text_tower(tiny_text_tower()), tokens(), TEXT_OUTPUTS)
    for vectors, each in zip(found, expected, strict=True):
        np.testing.assert_allclose(vectors, each.detach().numpy(), atol=1e-5)


def test_a_stage_is_told_by_roots_of_its_mean_and_deviation() -> None:
    classifier, mixing = torch.nn.Linear(2, CLASSES), draw_mixing(CLASSES, DIM)
    seen = torch.tensor([[[-4.0, -4.0]], [[1.0, 3.0]]])[None]  # (1, 2, 1, 2)
    told = ImageTower(Still(), classifier, mixing)(seen)[IMAGE_OUTPUTS.index("features.stages")]
    torch.testing.assert_close(told, torch.tensor([[-2.0, 2**0.5, 0.0, 1.0]]))


def test_all_that_heads_and_classes_need_follows_from_the_pooled_map() -> None:
    pytest.importorskip("onnxscript")
    graph = export_image_tower(tiny_image_tower(), size=8).graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    (classifier,) = (node for node in graph.node if node.op_type == "Gemm")
    assert classifier.input[0] == "pooled"
    assert list(weights[classifier.input[1]].dims) == [CLASSES, 8]
    known = {"pooled", *weights}
    for node in graph.node:
        if all(name in known for name in node.input if name):
            known.update(node.output)
    assert {"embeddings", "features.classes", "features.pooled"} <= known
    assert "features.stages" not in known  # those are told of real photos alone


def test_an_exported_graph_is_the_same_every_time_and_names_no_file() -> None:
    pytest.importorskip("onnxscript")
    first, second = (
        export_image_tower(tiny_image_tower(), size=8).SerializeToString(deterministic=True)
        for _ in range(2)
    )
    assert first == second
    assert b".py" not in first

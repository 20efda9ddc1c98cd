from __future__ import annotations

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from indexer.training.towers import (  # noqa: E402 (after the skip)
    CONTEXT_LENGTH,
    ImageTower,
    TextTower,
    export_image_tower,
    export_text_tower,
)


class TinyTransformer(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Token ids to vectors, without attention."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.config = SimpleNamespace(hidden_size=dim)
        self.table = torch.nn.Embedding(50, dim)
        self.linear = torch.nn.Linear(dim, dim)

    def forward(self, input_ids: object, attention_mask: object) -> tuple[object]:
        return (self.linear(self.table(input_ids)),)


def tiny_image_tower() -> ImageTower:
    torch.manual_seed(0)
    classifier = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    return ImageTower(classifier, torch.eye(4)).eval()


def tiny_text_tower() -> TextTower:
    torch.manual_seed(0)
    return TextTower(TinyTransformer(6), torch.full((6,), 0.1)).eval()


def test_a_photo_lies_where_the_names_of_its_classes_lie() -> None:
    names = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    tower = ImageTower(torch.nn.Identity(), names)
    sure, torn = tower(torch.tensor([[90.0, 0.0], [5.0, 5.0]]))
    torch.testing.assert_close(sure, torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(torn, torch.tensor([0.5, 0.5]).sqrt())


def test_padding_does_not_move_a_text() -> None:
    tower = tiny_text_tower()
    short = tower(torch.tensor([[1, 2]]), torch.tensor([[1, 1]]))
    padded = tower(torch.tensor([[1, 2, 0, 0]]), torch.tensor([[1, 1, 0, 0]]))
    torch.testing.assert_close(short, padded)


def test_the_exported_towers_give_what_torch_gives() -> None:
    pytest.importorskip("onnxscript")
    import numpy as np
    import onnxruntime

    pixels = torch.rand(3, 3, 8, 8)
    ids = torch.arange(10).reshape(2, 5)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    image, text = tiny_image_tower(), tiny_text_tower()
    cases = (
        (export_image_tower(image, size=8), {"pixels": pixels}, image(pixels)),
        (export_text_tower(text), {"input_ids": ids, "attention_mask": mask}, text(ids, mask)),
    )
    for model, inputs, expected in cases:
        session = onnxruntime.InferenceSession(model.SerializeToString())
        given = {name: tensor.numpy() for name, tensor in inputs.items()}
        (vectors,) = session.run(["embeddings"], given)
        np.testing.assert_allclose(vectors, expected.detach().numpy(), atol=1e-6)


def test_an_exported_graph_is_the_same_every_time_and_names_no_file() -> None:
    pytest.importorskip("onnxscript")
    first, second = (
        export_image_tower(tiny_image_tower(), size=8).SerializeToString(deterministic=True)
        for _ in range(2)
    )
    assert first == second
    assert b".py" not in first


def test_texts_are_cut_where_the_manifest_says() -> None:
    assert CONTEXT_LENGTH == 128

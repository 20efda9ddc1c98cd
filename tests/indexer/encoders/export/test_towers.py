from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from indexer.encoders.bundle import open_session
from indexer.errors import ExportError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from indexer.encoders.export import towers  # noqa: E402
from indexer.encoders.source import quiet  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LENGTH, END = 16, 49407


def loaded(folder: Path) -> Any:
    import open_clip

    with quiet():
        return open_clip.create_model(f"local-dir:{folder}").eval()


@pytest.fixture(scope="module")
def model(small_model: Path) -> Any:
    return loaded(small_model)


def rows(*texts: list[int], length: int = LENGTH) -> Any:
    return np.array([[*ids, *[0] * (length - len(ids))] for ids in texts])


def run(graph: Any, **given: Any) -> Any:
    return open_session(graph.SerializeToString()).run(["embeddings"], given)[0]


@pytest.fixture(scope="module")
def text_graph(model: Any) -> Any:
    with quiet():
        return towers.export_text_tower(model, LENGTH)


def test_a_causal_tower_takes_texts_of_any_length(model: Any, text_graph: Any) -> None:
    assert towers.takes_any_length(model)
    texts = [49406, 320, 1929, END], [49406, END], [49406, 7, 7, 7, 7, END]
    with torch.no_grad():
        expected = model.encode_text(torch.from_numpy(rows(*texts)), normalize=True).numpy()
    for length in (6, 7, LENGTH):
        found = run(text_graph, input_ids=rows(*texts, length=length))
        np.testing.assert_allclose(found, expected, atol=1e-5)
    for ids, one in zip(texts, expected, strict=True):
        alone = run(text_graph, input_ids=np.array([ids]))
        np.testing.assert_allclose(alone[0], one, atol=1e-5)


def test_a_full_text_is_encoded_as_a_whole(model: Any, text_graph: Any) -> None:
    full = np.array([[49406, *range(1, LENGTH - 1), END]])
    with torch.no_grad():
        expected = model.encode_text(torch.from_numpy(full), normalize=True).numpy()
    np.testing.assert_allclose(run(text_graph, input_ids=full), expected, atol=1e-5)


def test_the_image_tower_takes_any_number_of_images(model: Any) -> None:
    with quiet():
        graph = towers.export_image_tower(model, 64)
    pixels = np.random.default_rng(0).standard_normal((5, 3, 64, 64)).astype(np.float32)
    with torch.no_grad():
        expected = model.encode_image(torch.from_numpy(pixels), normalize=True).numpy()
    for count in (1, 2, 5):
        np.testing.assert_allclose(run(graph, pixels=pixels[:count]), expected[:count], atol=1e-5)


def test_a_graph_tells_nothing_of_the_machine_it_was_made_on(text_graph: Any) -> None:
    assert b"site-packages" not in text_graph.SerializeToString()


def test_a_tower_that_sees_all_tokens_is_padded(
    tmp_path: Path, model_maker: Callable[..., Path]
) -> None:
    text = {
        "context_length": LENGTH, "vocab_size": 49408, "width": 128, "heads": 2, "layers": 2,
        "no_causal_mask": True, "proj_bias": True, "pool_type": "last",
    }  # fmt: skip
    model = loaded(model_maker(tmp_path / "siglip", text_cfg=text, custom_text=True))
    assert not towers.takes_any_length(model)
    with quiet():
        graph = towers.export_text_tower(model, LENGTH)
    ids = rows([5, 6, 7, 1], [8, 1], [9, 9, 9, 9, 9, 1])
    with torch.no_grad():
        expected = model.encode_text(torch.from_numpy(ids), normalize=True).numpy()
    np.testing.assert_allclose(run(graph, input_ids=ids), expected, atol=1e-5)
    np.testing.assert_allclose(run(graph, input_ids=ids[:1]), expected[:1], atol=1e-5)


class Unwritable(nn.Module):
    """What no graph can say: how often it loops depends on the values."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 4)

    def encode_image(self, pixels: Any, *, normalize: bool) -> Any:
        for _ in range(int(pixels.sum().item())):
            pixels = pixels + 1
        return self.linear(pixels.mean(dim=(2, 3)))


def test_what_torch_cannot_write_is_an_export_error() -> None:
    with quiet(), pytest.raises(ExportError, match=r"torch cannot write it as ONNX: .{10}"):
        towers.export_image_tower(Unwritable(), 8)


def test_exporting_leaves_the_model_as_it_is(model: Any, text_graph: Any) -> None:
    kinds = {type(module).__module__ for module in model.modules()}
    assert "indexer.encoders.export.modules" not in kinds

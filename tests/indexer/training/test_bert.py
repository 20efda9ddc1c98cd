from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from indexer.training.bert import BertEncoder  # noqa: E402 (after the skip)

WIDTH, INNER, LAYERS, ROWS, PLACES = 32, 48, 2, 40, 16


def random_weights() -> dict[str, torch.Tensor]:
    """Weights by the names of transformers' BertModel."""
    draw = torch.Generator().manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (ROWS, WIDTH),
        "embeddings.position_embeddings.weight": (PLACES, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for layer in range(LAYERS):
        for name, shape in {
            **{f"attention.self.{each}": (WIDTH, WIDTH) for each in ("query", "key", "value")},
            "attention.output.dense": (WIDTH, WIDTH),
            "attention.output.LayerNorm": (WIDTH,),
            "intermediate.dense": (INNER, WIDTH),
            "output.dense": (WIDTH, INNER),
            "output.LayerNorm": (WIDTH,),
        }.items():
            shapes[f"encoder.layer.{layer}.{name}.weight"] = shape
            shapes[f"encoder.layer.{layer}.{name}.bias"] = shape[:1]
    return {name: torch.randn(shape, generator=draw) / 2 for name, shape in shapes.items()}


def tiny_encoder(*, layers: int = LAYERS) -> BertEncoder:
    return BertEncoder.from_weights(
        random_weights(), heads=4, layers=layers, places=PLACES, eps=1e-12
    )


def test_vectors_are_those_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=ROWS, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=4,
        intermediate_size=INNER, max_position_embeddings=PLACES,
    )  # fmt: skip
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    missing, unexpected = model.load_state_dict(random_weights(), strict=False)
    assert not unexpected
    assert all("position_ids" in name or "token_type_ids" in name for name in missing)
    ids = torch.arange(14).reshape(2, 7)
    mask = torch.tensor([[1] * 7, [1] * 4 + [0] * 3])
    with torch.inference_mode():
        hidden = model(input_ids=ids, attention_mask=mask)[0] * mask[..., None]
        expected = torch.nn.functional.normalize(hidden.sum(1), dim=-1)
        cosines = (tiny_encoder()(ids, mask) * expected).sum(1)
    assert cosines.min() > 0.999999


def test_padding_does_not_move_a_text() -> None:
    encoder = tiny_encoder()
    short = encoder(torch.tensor([[1, 2]]), torch.tensor([[1, 1]]))
    padded = encoder(torch.tensor([[1, 2, 9, 9]]), torch.tensor([[1, 1, 0, 0]]))
    torch.testing.assert_close(short, padded)


def test_fewer_layers_are_the_first_ones() -> None:
    ids = torch.tensor([[1, 2, 3]])
    shallow, deep = tiny_encoder(layers=1), tiny_encoder()
    assert len(shallow.layers) == 1
    torch.testing.assert_close(shallow.layers[0].state_dict(), deep.layers[0].state_dict())
    assert not torch.allclose(shallow(ids, torch.ones_like(ids)), deep(ids, torch.ones_like(ids)))

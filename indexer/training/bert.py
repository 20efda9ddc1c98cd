"""A BERT encoder in torch: token ids to one vector a text. Knows nothing of words or of files.

Devlin et al. 2018, arXiv:1810.04805, with one matrix for an attention's query, key and value, so
that its graph has few steps: a query is a handful of tokens, and each step costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping

    Weights = Mapping[str, torch.Tensor]  # by the names of transformers' BertModel


class BertEncoder(nn.Module):
    """Token ids to the mean of the contextual vectors of a text's tokens."""

    def __init__(
        self, *, rows: int, places: int, width: int, inner: int, heads: int, layers: int, eps: float
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(rows, width)
        self.places = nn.Parameter(torch.zeros(places, width))
        self.norm = nn.LayerNorm(width, eps)
        self.layers = nn.ModuleList(Layer(width, inner, heads, eps) for _ in range(layers))

    @classmethod
    def from_weights(
        cls, weights: Weights, *, heads: int, layers: int, places: int, eps: float
    ) -> BertEncoder:
        """Build the first `layers` layers from weights, for texts of up to `places` tokens."""
        words = weights["embeddings.word_embeddings.weight"]
        rows, width = words.shape
        inner = len(weights["encoder.layer.0.intermediate.dense.bias"])
        encoder = cls(
            rows=rows, places=places, width=width, inner=inner, heads=heads, layers=layers, eps=eps
        )
        # a text is one segment, so the segment's vector is part of every place's
        segment = weights["embeddings.token_type_embeddings.weight"][0]
        encoder.words.weight.data = words
        encoder.places.data = weights["embeddings.position_embeddings.weight"][:places] + segment
        _copy(encoder.norm, weights, "embeddings.LayerNorm")
        for number, layer in enumerate(encoder.layers):
            cast("Layer", layer).load(weights, f"encoder.layer.{number}")
        return encoder.eval().requires_grad_(requires_grad=False)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Encode `(n, length)` token ids to `(n, width)`, unit rows."""
        mask = attention_mask.to(torch.int32)
        found = self.norm(self.words(input_ids) + self.places[: input_ids.shape[1]])
        for layer in self.layers:
            found = layer(found, mask)
        # the sum lies in the mean's direction
        real = attention_mask.to(found.dtype)[:, None, :]
        return unit_rows((real @ found).squeeze(1))


class Layer(nn.Module):
    """Attention and two dense matrices, each added to what it read and normalised."""

    def __init__(self, width: int, inner: int, heads: int, eps: float) -> None:
        super().__init__()
        self.heads = heads
        self.attend = nn.Linear(width, 3 * width)  # query, key and value side by side
        self.join = nn.Linear(width, width)
        self.attend_norm = nn.LayerNorm(width, eps)
        self.widen = nn.Linear(width, inner)
        self.narrow = nn.Linear(inner, width)
        self.norm = nn.LayerNorm(width, eps)

    def load(self, weights: Weights, prefix: str) -> None:
        """Copy the weights of one layer."""
        parts = [f"{prefix}.attention.self.{part}" for part in ("query", "key", "value")]
        self.attend.weight.data = torch.cat([weights[f"{part}.weight"] for part in parts])
        self.attend.bias.data = torch.cat([weights[f"{part}.bias"] for part in parts])
        _copy(self.join, weights, f"{prefix}.attention.output.dense")
        _copy(self.attend_norm, weights, f"{prefix}.attention.output.LayerNorm")
        _copy(self.widen, weights, f"{prefix}.intermediate.dense")
        _copy(self.narrow, weights, f"{prefix}.output.dense")
        _copy(self.norm, weights, f"{prefix}.output.LayerNorm")

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Let the tokens `(n, length, width)` tell each other what they mean."""
        joined = self.join(self._attention(tokens, mask))
        tokens = self.attend_norm(joined + tokens)
        told: torch.Tensor = self.norm(self.narrow(functional.gelu(self.widen(tokens))) + tokens)
        return told

    def _attention(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        bias = self.attend.bias
        query, key, value = (tokens @ self.attend.weight.T).chunk(3, dim=-1)
        if torch.onnx.is_in_onnx_export():
            return _one_operator((query, key, value, bias, mask), heads=self.heads)
        parts = torch.stack([query, key, value]) + bias.reshape(3, 1, 1, -1)
        count, length, width = tokens.shape
        split = parts.view(3, count, length, self.heads, width // self.heads).transpose(2, 3)
        told = functional.scaled_dot_product_attention(
            split[0], split[1], split[2], mask[:, None, None, :].bool()
        )  # (n, heads, length, width of a head)
        joined: torch.Tensor = told.transpose(1, 2).flatten(2)
        return joined


def _one_operator(inputs: tuple[torch.Tensor, ...], *, heads: int) -> torch.Tensor:
    """Stand for ONNX Runtime's own MultiHeadAttention: one step of a graph instead of twelve."""
    query = inputs[0]
    told: torch.Tensor = torch.onnx.ops.symbolic(
        "com.microsoft::MultiHeadAttention",
        inputs,  # query, key, value, their biases, mask
        {"num_heads": heads},
        dtype=query.dtype,
        shape=query.shape,
        version=1,
    )
    return told


def unit_rows(rows: torch.Tensor) -> torch.Tensor:
    """Make every row 1 long, in fewer steps of a graph than torch's own function."""
    lengths: torch.Tensor = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return rows / lengths


def _copy(module: nn.Linear | nn.LayerNorm, weights: Weights, name: str) -> None:
    module.weight.data = weights[f"{name}.weight"]
    module.bias.data = weights[f"{name}.bias"]

"""Attention of torch as ONNX Runtime's own operator. Knows which modules mean the same.

torch's exporter spells attention out with a dozen transpositions, which take as long as its
products. `com.microsoft.MultiHeadAttention` reads queries, keys and values as they come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

OPERATOR = "com.microsoft::MultiHeadAttention"


def use_fused_attention(model: nn.Module) -> None:
    """Replace, in place, the attention modules that can be one operator, wherever they stand."""
    for name, child in list(model.named_children()):
        fused = _fused(child)
        if fused is None:
            use_fused_attention(child)
        else:
            setattr(model, name, fused)


def _fused(module: nn.Module) -> nn.Module | None:
    from timm.layers.attention import Attention

    if type(module) is nn.MultiheadAttention and module.bias_k is None:
        return None if module.add_zero_attn else _Projected(module)
    if type(module) is Attention and getattr(module, "gate", None) is None:
        return _SelfAttention(module)
    return None


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    heads: int,
    mask: Tensor | None,
    bias: Tensor | None = None,
) -> Tensor:
    """Give `softmax(q k^T / sqrt(d) + mask) v` for `(batch, length, width)` each, as one node.

    `bias` `(3 width,)` is first added to all three.
    """
    mask = None if mask is None else _added(mask, heads)
    attended: Tensor = torch.onnx.ops.symbolic(
        OPERATOR,
        (query, key, value, bias, None, mask),
        attrs={"num_heads": heads},
        dtype=query.dtype,
        shape=(query.shape[0], query.shape[1], value.shape[2]),
        version=1,
    )
    return attended


def _added(mask: Tensor, heads: int) -> Tensor:
    """Give a mask that is added, `(1 or batch, 1 or heads, length, length)`."""
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=torch.float32).masked_fill(mask, float("-inf"))
    if mask.dim() == 2:
        return mask[None, None]
    return mask.reshape(-1, heads, *mask.shape[1:]) if mask.dim() == 3 else mask


class _Projected(nn.Module):
    """What `nn.MultiheadAttention` does, in evaluation."""

    def __init__(self, source: nn.MultiheadAttention) -> None:
        super().__init__()
        self.heads = source.num_heads
        self.batch_first = source.batch_first
        if source.in_proj_weight is not None:
            weights = source.in_proj_weight.chunk(3)
        else:
            weights = (source.q_proj_weight, source.k_proj_weight, source.v_proj_weight)
        self.query, self.key, self.value = map(_linear, weights)
        self.bias = source.in_proj_bias
        self.out_proj = source.out_proj

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **_: Any
    ) -> tuple[Tensor, None]:
        """Attend; the second value stands for weights, which nobody asks for."""
        given = (query, key, value)
        if not self.batch_first:
            given = tuple(each.transpose(0, 1) for each in given)  # type: ignore[assignment]
        attended = attend(
            self.query(given[0]),
            self.key(given[1]),
            self.value(given[2]),
            heads=self.heads,
            mask=attn_mask,
            bias=self.bias,
        )
        projected = self.out_proj(attended)
        return (projected if self.batch_first else projected.transpose(0, 1)), None


class _SelfAttention(nn.Module):
    """What timm's `Attention` does, in evaluation."""

    def __init__(self, source: Any) -> None:
        super().__init__()
        self.heads = source.num_heads
        self.query, self.key, self.value = map(_linear, source.qkv.weight.chunk(3))
        self.bias = source.qkv.bias
        self.query_norm, self.key_norm, self.norm = source.q_norm, source.k_norm, source.norm
        self.proj = source.proj

    def forward(self, x: Tensor, attn_mask: Tensor | None = None, **_: Any) -> Tensor:
        """Attend to the same tokens."""
        query, key, value, bias = self.query(x), self.key(x), self.value(x), self.bias
        if not isinstance(self.query_norm, nn.Identity):
            if bias is not None:
                of_query, of_key, of_value = bias.chunk(3)
                query, key, value, bias = query + of_query, key + of_key, value + of_value, None
            query, key = self._by_head(query, self.query_norm), self._by_head(key, self.key_norm)
        attended = attend(query, key, value, heads=self.heads, mask=attn_mask, bias=bias)
        projected: Tensor = self.proj(self.norm(attended))
        return projected

    def _by_head(self, x: Tensor, norm: nn.Module) -> Tensor:
        normalised: Tensor = norm(x.reshape(*x.shape[:-1], self.heads, -1)).flatten(-2)
        return normalised


def _linear(weight: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    linear.weight = nn.Parameter(weight.detach(), requires_grad=False)
    return linear

"""Modules of torch as what ONNX Runtime computes fastest. Knows which mean the same.

torch's exporter spells attention out with a dozen transpositions, which take as long as its
products; `com.microsoft.MultiHeadAttention` reads queries, keys and values as they come. A
convolution that cuts an image into patches is a product of matrices, which int8.py can quantise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

OPERATOR = "com.microsoft::MultiHeadAttention"


def use_fast_modules(model: nn.Module) -> None:
    """Replace, in place, the modules that can be computed faster, wherever they stand."""
    for name, child in list(model.named_children()):
        faster = _faster(child)
        if faster is None:
            use_fast_modules(child)
        else:
            setattr(model, name, faster)


def _faster(module: nn.Module) -> nn.Module | None:
    from timm.models.vision_transformer import Attention

    if type(module) is nn.MultiheadAttention and module.bias_k is None:
        return None if module.add_zero_attn else _Projected(module)
    if type(module) is Attention and getattr(module, "gate", None) is None:
        return _SelfAttention(module)
    return _Patches(module) if type(module) is nn.Conv2d and _cuts_patches(module) else None


def _cuts_patches(convolution: nn.Conv2d) -> bool:
    """Tell whether a convolution reads each pixel of an image once."""
    return (
        convolution.kernel_size == convolution.stride
        and convolution.kernel_size[0] > 1
        and convolution.padding in {(0, 0), "valid"}
        and convolution.dilation == (1, 1)
        and convolution.groups == 1
    )


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
        self.query_norm, self.key_norm = source.q_norm, source.k_norm
        self.norm = getattr(source, "norm", nn.Identity())
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


class _Patches(nn.Module):
    """What a convolution does whose steps are as long as its kernel."""

    def __init__(self, source: nn.Conv2d) -> None:
        super().__init__()
        self.height, self.width = source.kernel_size
        self.linear = _linear(source.weight.flatten(1))
        self.bias = source.bias

    def forward(self, x: Tensor) -> Tensor:
        """Give `(n, channels, rows, columns)` of patches; a rest at the border is left out."""
        rows, columns = x.shape[2] // self.height, x.shape[3] // self.width
        x = x[:, :, : rows * self.height, : columns * self.width]
        x = x.reshape(-1, x.shape[1], rows, self.height, columns, self.width)
        patches: Tensor = self.linear(x.permute(0, 2, 4, 1, 3, 5).flatten(3))
        if self.bias is not None:
            patches = patches + self.bias
        return patches.permute(0, 3, 1, 2)


def _linear(weight: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    linear.weight = nn.Parameter(weight.detach(), requires_grad=False)
    return linear

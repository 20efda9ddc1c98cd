from __future__ import annotations

import copy
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from timm.layers import Mlp  # noqa: E402
from timm.models.vision_transformer import Attention  # noqa: E402
from torch import nn  # noqa: E402

from indexer.encoders.bundle import open_session  # noqa: E402
from indexer.encoders.export.modules import use_fast_modules  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

LENGTH, WIDTH, OTHER = 9, 32, 5


class Wrapped(nn.Module):
    """A module that is called in one way."""

    def __init__(self, module: nn.Module, call: Callable[..., Tensor]) -> None:
        super().__init__()
        self.module = module
        self.call = call

    def forward(self, *given: Tensor) -> Tensor:
        return self.call(self.module, *given)


class Several(nn.Module):
    """Modules that share their inputs, so that one export serves all."""

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        super().__init__()
        self.kinds = nn.ModuleDict(modules)

    def forward(self, x: Tensor, context: Tensor, pixels: Tensor) -> tuple[Tensor, ...]:
        return tuple(module(x, context, pixels) for module in self.kinds.values())


def to_itself(module: nn.Module, x: Tensor, *_: Tensor) -> Tensor:
    return module(x, x, x, need_weights=False)[0]


def to_another(module: nn.Module, x: Tensor, context: Tensor, _: Tensor) -> Tensor:
    return module(x, context, context, need_weights=False)[0]


def length_first(module: nn.Module, x: Tensor, *_: Tensor) -> Tensor:
    x = x.transpose(0, 1)
    return module(x, x, x, need_weights=False)[0].transpose(0, 1)


def causally(module: nn.Module, x: Tensor, *_: Tensor) -> Tensor:
    mask = torch.full((LENGTH, LENGTH), float("-inf")).triu(1)
    return module(x, x, x, need_weights=False, attn_mask=mask)[0]


def by_a_boolean_mask(module: nn.Module, x: Tensor, *_: Tensor) -> Tensor:
    mask = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)
    return module(x, x, x, need_weights=False, attn_mask=mask)[0]


def by_a_mask_for_each_head(module: nn.Module, x: Tensor, *_: Tensor) -> Tensor:
    batch = x.shape[0]
    mask = torch.linspace(-2, 2, 4 * LENGTH * LENGTH).reshape(1, 4, LENGTH, LENGTH)
    mask = mask.expand(batch, -1, -1, -1).reshape(4 * batch, LENGTH, LENGTH)
    return module(x, x, x, need_weights=False, attn_mask=mask)[0]


def alone(module: nn.Module, x: Tensor, *_: Tensor) -> Tensor:
    return module(x)


def of_pixels(module: nn.Module, _: Tensor, __: Tensor, pixels: Tensor) -> Tensor:
    return module(pixels)


def attention(**options: Any) -> nn.MultiheadAttention:
    return nn.MultiheadAttention(WIDTH, 4, **{"batch_first": True, **options})


def timms(**options: Any) -> Attention:
    return Attention(WIDTH, 4, **options)


KINDS: dict[str, tuple[Callable[[], nn.Module], Callable[..., Tensor], str]] = {
    "self": (attention, to_itself, "_Projected"),
    "cross": (attention, to_another, "_Projected"),
    "cross_other_width": (
        lambda: attention(kdim=2 * WIDTH, vdim=2 * WIDTH),
        lambda module, x, context, _: to_another(module, x, context.repeat(1, 1, 2), _),
        "_Projected",
    ),
    "length_first": (lambda: attention(batch_first=False), length_first, "_Projected"),
    "causal": (attention, causally, "_Projected"),
    "boolean": (attention, by_a_boolean_mask, "_Projected"),
    "each_head": (attention, by_a_mask_for_each_head, "_Projected"),
    "no_bias": (lambda: attention(bias=False), to_itself, "_Projected"),
    "extra_key": (lambda: attention(add_bias_kv=True), to_itself, "MultiheadAttention"),
    "zero_key": (lambda: attention(add_zero_attn=True), to_itself, "MultiheadAttention"),
    "timm": (lambda: timms(qkv_bias=True), alone, "_SelfAttention"),
    "timm_no_bias": (timms, alone, "_SelfAttention"),
    "timm_norms": (
        lambda: timms(qk_norm=True, qkv_bias=True, norm_layer=nn.LayerNorm),
        alone,
        "_SelfAttention",
    ),
    "timm_scaled": (
        lambda: timms(qkv_bias=True, scale_norm=True, norm_layer=nn.LayerNorm),
        alone,
        "_SelfAttention",
    ),
    "patches": (lambda: nn.Conv2d(3, 8, 8, stride=8), of_pixels, "_Patches"),
    "patches_no_bias": (lambda: nn.Conv2d(3, 8, 4, stride=4, bias=False), of_pixels, "_Patches"),
    "patches_rest": (lambda: nn.Conv2d(3, 8, 7, stride=7), of_pixels, "_Patches"),
    "patches_oblong": (lambda: nn.Conv2d(3, 8, (8, 6), stride=(8, 6)), of_pixels, "_Patches"),
    "overlapping": (lambda: nn.Conv2d(3, 8, 8, stride=4), of_pixels, "Conv2d"),
    "padded": (lambda: nn.Conv2d(3, 8, 8, stride=8, padding=4), of_pixels, "Conv2d"),
    "single_pixels": (lambda: nn.Conv2d(3, 8, 1), of_pixels, "Conv2d"),
    "other": (lambda: Mlp(WIDTH), alone, "Mlp"),
}


@pytest.fixture(scope="module")
def answers() -> dict[str, tuple[Any, Any, str]]:
    """What each module gives in torch and in ONNX Runtime, and what stands for it."""
    torch.manual_seed(0)
    modules = {name: Wrapped(make(), call).eval() for name, (make, call, _) in KINDS.items()}
    for module in modules.values():
        for values in module.parameters():
            if values.dim() == 1:  # biases start as 0, norms as 1
                nn.init.normal_(values, std=0.5)
    source = Several(modules).eval()
    fast = copy.deepcopy(source)
    use_fast_modules(fast)
    given = {
        "x": torch.randn(3, LENGTH, WIDTH),
        "context": torch.randn(3, OTHER, WIDTH),
        "pixels": torch.randn(3, 3, 24, 30),
    }
    with torch.no_grad():
        expected = source(**given)
        program = torch.onnx.export(
            fast,
            kwargs=given,
            dynamo=True,
            dynamic_shapes={name: {0: torch.export.Dim("n")} for name in given},
            opset_version=20,
            verbose=False,
        )
    file = io.BytesIO(program.model_proto.SerializeToString())
    found = open_session(file.getvalue()).run(None, {k: v.numpy() for k, v in given.items()})
    names = [type(fast.kinds[name].module).__name__ for name in modules]
    wanted = [each.numpy() for each in expected]
    return dict(zip(modules, zip(wanted, found, names, strict=True), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_gives_what_its_source_gives(
    answers: dict[str, tuple[Any, Any, str]], kind: str
) -> None:
    expected, found, name = answers[kind]
    assert name == KINDS[kind][2]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_weights_are_shared_with_the_source() -> None:
    source = attention()
    holder = nn.ModuleDict({"attention": source})
    use_fast_modules(holder)
    assert (
        holder["attention"].query.weight.untyped_storage().data_ptr()
        == source.in_proj_weight.untyped_storage().data_ptr()
    )
